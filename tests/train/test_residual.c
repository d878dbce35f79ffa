#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "model/variables.h"
#include "quant/freeze.h"
#include "quant/variables_snapshot.h"
#include "tflite/tflite.h"
#include "evaluate/evaluate.h"
#include "evaluate/ptq.h"
#include "train/trainer.h"

/* The golden of a residual network (tests/golden/make.py) against training, post-training
 * quantization and both runtimes. */
enum { STEPS = 40, SHOWN = 100, CLASSES = 10 };

struct bench {
    struct dataset dataset;
    struct samples shown; /* every tenth test digit */
    struct model *model;
    struct quant_plan *plan;
    struct pool *pool;
};

static void bench_open(struct bench *bench) {
    struct error error;
    assert_ok(dataset_load(&bench->dataset, test_asset("mnist-5k"), &error), &error);
    assert_ok(model_load(test_golden("residual/model.h5"), &bench->model, &error), &error);
    assert_ok(quant_plan_create(&bench->plan, bench->model, scheme_find("tfmot"), &error), &error);
    assert_ok(pool_create(&bench->pool, 2, &error), &error);
    const struct samples *test = &bench->dataset.test;
    unsigned char *images = malloc(SHOWN * DIGIT_PIXELS);
    uint16_t *labels = malloc(SHOWN * sizeof *labels);
    assert_int_equal(test->count, 10 * SHOWN);
    assert_non_null(images);
    assert_non_null(labels);
    for (size_t i = 0; i < SHOWN; i++) {
        memcpy(images + i * DIGIT_PIXELS, test->bytes + 10 * i * DIGIT_PIXELS, DIGIT_PIXELS);
        labels[i] = test->labels[10 * i];
    }
    bench->shown = test_digits(images, labels, SHOWN);
}

static void bench_close(struct bench *bench) {
    free(bench->shown.bytes);
    free(bench->shown.labels);
    pool_destroy(bench->pool);
    quant_plan_free(bench->plan);
    model_free(bench->model);
    dataset_free(&bench->dataset);
}

static double *read_floats(const char *name) {
    size_t length;
    float *values = (float *)(void *)test_read(test_golden(name), &length);
    double *wide = malloc(SHOWN * CLASSES * sizeof *wide);
    assert_int_equal(length, SHOWN * CLASSES * sizeof *values);
    assert_non_null(wide);
    for (size_t i = 0; i < SHOWN * CLASSES; i++) wide[i] = (double)values[i];
    free(values);
    return wide;
}

/* ---- training ---- */

static double recorded_end(const struct bench *bench, const json_t *line,
                           const struct quant_tensor *tensor, const char *end, int channel) {
    static const char *const names[] = {"quantize_layer", "kernel", "pre_activation",
                                        "post_activation", "output"};
    bool is_input = tensor->placement == PLACE_INPUT;
    char key[300];
    snprintf(key, sizeof key, "%s%s/%s_%s:0", is_input ? "" : "quant_",
             is_input ? "quantize_layer" : bench->model->layers[tensor->layer].name,
             names[tensor->placement], end);
    json_t *values = json_object_get(json_object_get(line, "ranges"), key);
    if (json_array_size(values) != (size_t)tensor->channels) fail_msg("%s is not recorded", key);
    return json_number_value(json_array_get(values, (size_t)channel));
}

/* Largest difference of a range from the record, as a share of the end's size (of at least 0.1);
 * every recorded range is one of the plan. */
static double ranges_differ(const struct bench *bench, const struct trainer *trainer,
                            const json_t *line) {
    double worst = 0;
    size_t recorded = 0, planned = 0;
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(line, "ranges"), key, value) if (strstr(key, "_max:0"))
        recorded += json_array_size(value);
    for (int i = 0; i < bench->plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &bench->plan->tensors[i];
        planned += (size_t)tensor->channels;
        for (int c = 0; c < tensor->channels; c++) {
            struct range got = trainer_ranges(trainer)[tensor->offset + c];
            double min = recorded_end(bench, line, tensor, "min", c);
            double max = recorded_end(bench, line, tensor, "max", c);
            worst = fmax(worst, fabs((double)got.min - min) / fmax(fabs(min), 0.1));
            worst = fmax(worst, fabs((double)got.max - max) / fmax(fabs(max), 0.1));
        }
    }
    assert_int_equal(planned, recorded);
    return worst;
}

static void it_trains_as_tfmot_does(void **state) {
    (void)state;
    struct bench bench;
    struct trainer *trainer;
    struct error error;
    struct training training = {.epochs = 1, .batch = 32, .learning_rate = 0.001f};
    double first = 0, loss10 = 0, mean = 0, recorded = 0, ranges1 = 0, ranges = 0;
    bench_open(&bench);
    assert_ok(trainer_create(&trainer, bench.model, bench.plan, &bench.dataset, &training,
                             bench.pool, &error),
              &error);
    FILE *file = fopen(test_golden("residual/steps.jsonl"), "r");
    assert_non_null(file);
    for (int step = 1; step <= STEPS; step++) {
        struct step_result result;
        json_t *line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
        assert_non_null(line);
        double want = json_number_value(json_object_get(line, "loss"));
        trainer_step(trainer, &result);
        assert_int_equal(result.count, 32);
        double off = fabs((double)result.loss - want) / want;
        if (step == 1) first = off;
        if (step <= 10) loss10 = fmax(loss10, off);
        if (step == 1) ranges1 = ranges_differ(&bench, trainer, line);
        if (step == STEPS) ranges = ranges_differ(&bench, trainer, line);
        mean += (double)result.loss / STEPS;
        recorded += want / STEPS;
        json_decref(line);
    }
    fclose(file);
    print_message("# residual: loss of step 1 off by %.3g, of steps 1-10 by %.3g (relative); mean "
                  "of %d %.9g, recorded %.9g; ranges after step 1 off by %.3g, after all by %.3g\n",
                  first, loss10, STEPS, mean, recorded, ranges1, ranges);
    assert_near(first, 0, 2e-3);
    assert_near(loss10, 0, 3e-2);
    assert_near(mean / recorded, 1, 0.005);
    assert_near(ranges1, 0, 1e-3);
    assert_near(ranges, 0, 0.03);
    trainer_destroy(trainer);
    bench_close(&bench);
}

static void assert_probabilities(const struct predictions *got, const char *name, double tolerance,
                                 size_t few) {
    double *want = read_floats(name), worst = 0;
    size_t rows = 0;
    for (size_t i = 0; i < SHOWN; i++) {
        double row = 0;
        for (size_t c = 0; c < CLASSES; c++)
            row = fmax(row,
                       fabs((double)got->probabilities[i * CLASSES + c] - want[i * CLASSES + c]));
        worst = fmax(worst, row);
        rows += row > 2e-6;
    }
    print_message("# %s: %zu of %d digits differ by more than 2e-6, the most by %.3g\n", name, rows,
                  SHOWN, worst);
    assert_near(worst, 0, tolerance);
    assert_true(rows <= few);
    free(want);
}

static void both_float_and_fake_quant_path_give_the_recorded_outputs(void **state) {
    (void)state;
    struct bench bench;
    struct error error;
    struct predictions got;
    struct variables *variables;
    struct snapshot *snapshot;
    bench_open(&bench);
    assert_ok(
        evaluate_float(bench.model, bench.model->weights, &bench.shown, bench.pool, &got, &error),
        &error);
    assert_probabilities(&got, "residual/fp32_probs.f32", 2e-6, 0);
    predictions_free(&got);
    assert_ok(variables_load(test_golden("residual/qat.h5"), &variables, &error), &error);
    assert_ok(variables_snapshot(bench.model, bench.plan, variables, &snapshot, &error), &error);
    assert_ok(evaluate_fake_quant(snapshot, &bench.shown, bench.pool, &got, &error), &error);
    /* A sum next to a boundary of quantization may round to the next code: one step of a logit. */
    assert_probabilities(&got, "residual/fakequant_probs.f32", 0.02, 20);
    predictions_free(&got);
    snapshot_release(snapshot);
    variables_free(variables);
    bench_close(&bench);
}

/* What Keras 3 saved, in both of its formats. */
static void keras_3_gives_the_same_probabilities(void **state) {
    (void)state;
    static const char *const names[] = {"residual_keras3/model.h5", "residual_keras3/model.keras"};
    struct bench bench;
    size_t length;
    bench_open(&bench);
    float *want = (float *)(void *)test_read(test_golden("residual_keras3/probs.f32"), &length);
    assert_int_equal(length, SHOWN / 2 * CLASSES * sizeof *want);
    for (int i = 0; i < 2; i++) {
        struct error error;
        struct model *model;
        struct predictions got;
        assert_ok(model_load(test_golden(names[i]), &model, &error), &error);
        assert_ok(evaluate_float(model, model->weights, &bench.shown, bench.pool, &got, &error),
                  &error);
        for (size_t j = 0; j < SHOWN / 2; j++)
            for (size_t c = 0; c < CLASSES; c++)
                assert_near(got.probabilities[2 * j * CLASSES + c], want[j * CLASSES + c], 2e-6);
        predictions_free(&got);
        model_free(model);
    }
    free(want);
    bench_close(&bench);
}

/* ---- integers ---- */

static size_t differing(const struct bench *bench, const char *name, enum runtime runtime,
                        const char *suffix) {
    char model[64], outputs[64];
    struct error error;
    struct frozen *frozen;
    struct engine *engine;
    size_t length, count = 0;
    snprintf(model, sizeof model, "residual/%s.tflite", name);
    snprintf(outputs, sizeof outputs, "residual/%s.%s.%s", name, runtime_name(runtime), suffix);
    assert_ok(tflite_read(test_golden(model), &frozen, &error), &error);
    assert_ok(engine_create(&engine, frozen, runtime, 32, model, &error), &error);
    unsigned char *want = test_read(test_golden(outputs), &length), *got = malloc(length);
    size_t size = frozen_type_size(frozen->tensors[frozen->output].type);
    assert_int_equal(length, SHOWN * CLASSES * size);
    assert_non_null(got);
    assert_ok(engine_run_samples(engine, bench->pool, &bench->shown, got, &error), &error);
    for (size_t i = 0; i < length; i += size) count += memcmp(got + i, want + i, size) != 0;
    print_message("# residual/%s x %s -> %zu outputs compared, differing: %zu\n", name,
                  runtime_name(runtime), length / size, count);
    free(got);
    free(want);
    engine_destroy(engine);
    frozen_free(frozen);
    return count;
}

static void every_output_equals_both_of_tflites_runtimes(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        assert_int_equal(differing(&bench, "model_int8", runtime, "f32"), 0);
        assert_int_equal(differing(&bench, "model_int8_io", runtime, "i8"), 0);
        assert_int_equal(differing(&bench, "model_ptq", runtime, "f32"), 0);
    }
    bench_close(&bench);
}

static void the_float_program_gives_the_models_probabilities(void **state) {
    (void)state;
    static float got[SHOWN * CLASSES];
    struct bench bench;
    bench_open(&bench);
    double *want = read_floats("residual/fp32_probs.f32");
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        struct error error;
        struct frozen *frozen;
        struct engine *engine;
        assert_ok(tflite_read(test_golden("residual/model_fp32.tflite"), &frozen, &error), &error);
        assert_ok(engine_create(&engine, frozen, runtime, 32, "", &error), &error);
        assert_ok(engine_run_samples(engine, bench.pool, &bench.shown, got, &error), &error);
        for (size_t i = 0; i < SHOWN * CLASSES; i++) assert_near(got[i], want[i], 1e-5);
        engine_destroy(engine);
        frozen_free(frozen);
    }
    free(want);
    bench_close(&bench);
}

/* Sums are taken in another order than TFLite's float kernels do, so that the end of a range may be
 * another float and a bias at a boundary another number. */
static void compare_tensors(const struct frozen_tensor *got, const struct frozen_tensor *want,
                            size_t *biases) {
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->scale_count, want->scale_count);
    assert_int_equal(got->data_bytes, want->data_bytes);
    for (int c = 0; c < want->scale_count; c++) {
        assert_near(got->scale[c], want->scale[c], 1e-6 * (double)want->scale[c]);
        assert_int_equal(got->zero_point[c], want->zero_point[c]);
    }
    if (want->type == TYPE_INT8 && want->data)
        assert_memory_equal(got->data, want->data, want->data_bytes);
    if (want->type != TYPE_INT32 || !want->scale_count) return;
    const int32_t *a = got->data, *b = want->data;
    for (size_t i = 0; i < want->data_bytes / sizeof *a; i++) {
        *biases += a[i] != b[i];
        assert_true(abs(a[i] - b[i]) <= 1);
    }
}

static void it_is_quantized_after_training_as_the_converter_does_it(void **state) {
    (void)state;
    struct bench bench;
    struct error error;
    struct ptq ptq;
    struct frozen *got, *want;
    size_t biases = 0;
    bench_open(&bench);
    assert_ok(ptq_create(&ptq, bench.model, &bench.dataset.train, 500, bench.pool, &error), &error);
    assert_ok(freeze(ptq.snapshot, IO_FLOAT, &got, &error), &error);
    assert_ok(tflite_read(test_golden("residual/model_ptq.tflite"), &want, &error), &error);
    assert_int_equal(got->operator_count, want->operator_count);
    for (int i = 0; i < want->operator_count; i++) {
        const struct frozen_operator *a = &got->operators[i], *b = &want->operators[i];
        assert_int_equal(a->code, b->code);
        assert_int_equal(a->activation, b->activation);
        assert_int_equal(a->input_count, b->input_count);
        for (int j = 0; j < b->input_count; j++)
            compare_tensors(&got->tensors[a->inputs[j]], &want->tensors[b->inputs[j]], &biases);
        compare_tensors(&got->tensors[a->outputs[0]], &want->tensors[b->outputs[0]], &biases);
    }
    print_message("# residual: PTQ equal to the converter's but for %zu biases by 1\n", biases);
    assert_true(biases <= 2);
    frozen_free(want);
    frozen_free(got);
    ptq_free(&ptq);
    bench_close(&bench);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_trains_as_tfmot_does),
    cmocka_unit_test(both_float_and_fake_quant_path_give_the_recorded_outputs),
    cmocka_unit_test(keras_3_gives_the_same_probabilities),
    cmocka_unit_test(every_output_equals_both_of_tflites_runtimes),
    cmocka_unit_test(the_float_program_gives_the_models_probabilities),
    cmocka_unit_test(it_is_quantized_after_training_as_the_converter_does_it),
};
TEST_MAIN(tests)
