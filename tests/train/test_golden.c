/* The small goldens of tests/golden, from the file to the integer outputs. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "data/image.h"
#include "model/variables.h"
#include "quant/freeze.h"
#include "quant/variables_snapshot.h"
#include "tflite/tflite.h"
#include "evaluate/evaluate.h"
#include "evaluate/ptq.h"
#include "train/trainer.h"

#define DIGITS 100 /* every tenth of the test digits */
#define STEPS  40

struct golden {
    const char *name;
    bool has_qat;
    struct dataset dataset;
    struct samples shown;
    struct model *model;
    struct pool *pool;
};

static const char *golden_file(const struct golden *golden, const char *file) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", golden->name, file);
    return test_golden(path);
}

static void golden_open(struct golden *golden, const char *name, bool has_qat) {
    struct error error;
    *golden = (struct golden){.name = name, .has_qat = has_qat};
    assert_ok(dataset_load(&golden->dataset, test_asset("mnist-5k"), &error), &error);
    assert_ok(model_load(golden_file(golden, "model.h5"), &golden->model, &error), &error);
    assert_ok(pool_create(&golden->pool, 2, &error), &error);
    const struct samples *test = &golden->dataset.test;
    assert_int_equal(test->count, 10 * DIGITS);
    golden->shown = test_digits(calloc(DIGITS, DIGIT_PIXELS),
                                malloc(DIGITS * sizeof *golden->shown.labels), DIGITS);
    for (size_t i = 0; i < DIGITS; i++) {
        memcpy(golden->shown.bytes + i * DIGIT_PIXELS, test->bytes + 10 * i * DIGIT_PIXELS,
               DIGIT_PIXELS);
        golden->shown.labels[i] = test->labels[10 * i];
    }
}

static void golden_close(struct golden *golden) {
    free(golden->shown.bytes);
    free(golden->shown.labels);
    pool_destroy(golden->pool);
    model_free(golden->model);
    dataset_free(&golden->dataset);
}

typedef void golden_check(struct golden *golden);

static void for_each(golden_check *check, bool with_qat_only) {
    static const struct {
        const char *name;
        bool has_qat;
    } goldens[] = {{"separable", true},
                   {"sigmoid", true},
                   {"leaky", true},
                   {"limited", false},
                   {"dilated", false}};
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        struct golden golden;
        if (with_qat_only && !goldens[i].has_qat) continue;
        golden_open(&golden, goldens[i].name, goldens[i].has_qat);
        check(&golden);
        golden_close(&golden);
    }
}

/* Largest difference of probabilities[DIGITS][10] from a file, and how many rows show more than
 * 2e-6. */
static double probabilities_differ(const struct golden *golden, const float *got, const char *file,
                                   size_t *rows) {
    size_t length;
    float *want = (float *)(void *)test_read(golden_file(golden, file), &length);
    assert_int_equal(length, DIGITS * 10 * sizeof *want);
    double worst = 0;
    *rows = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        double row = 0;
        for (size_t c = 0; c < 10; c++)
            row = fmax(row, fabs((double)got[i * 10 + c] - (double)want[i * 10 + c]));
        *rows += !(row <= 2e-6);
        worst = fmax(worst, row);
    }
    free(want);
    return worst;
}

/* ---- float ---- */

static void check_float_model(struct golden *golden) {
    struct predictions got;
    struct error error;
    size_t rows;
    assert_ok(evaluate_float(golden->model, golden->model->weights, &golden->shown, golden->pool,
                             &got, &error),
              &error);
    double worst = probabilities_differ(golden, got.probabilities, "fp32_probs.f32", &rows);
    print_message("# %s: float probabilities differ by %.3g\n", golden->name, worst);
    assert_near(worst, 0, 2e-6);
    predictions_free(&got);
}

static void float_models_give_tensorflows_probabilities(void **state) {
    (void)state;
    for_each(check_float_model, false);
}

/* tests/golden/NAME.f32 has what Keras 3 gives for every tenth test digit. */
static void check_keras3(const struct model *model, const char *name) {
    struct golden golden;
    struct error error;
    struct predictions got;
    char file[64];
    size_t length;
    snprintf(file, sizeof file, "%s.f32", name);
    float *want = (float *)(void *)test_read(test_golden(file), &length);
    golden_open(&golden, "separable", true);
    assert_ok(evaluate_float(model, model->weights, &golden.shown, NULL, &got, &error), &error);
    assert_int_equal(length, DIGITS * 10 * sizeof *want);
    for (size_t i = 0; i < DIGITS * 10; i++) assert_near(got.probabilities[i], want[i], 2e-6);
    free(want);
    predictions_free(&got);
    golden_close(&golden);
}

static void a_separable_convolution_of_keras_3_becomes_two_layers(void **state) {
    (void)state;
    static const char *const files[] = {"keras3_separable.h5", "keras3_separable.keras"};
    static const struct {
        enum layer_kind kind;
        const char *name;
    } first[] = {{LAYER_DEPTHWISE_CONV2D, "first_depthwise"},
                 {LAYER_CONV2D, "first_pointwise"},
                 {LAYER_DEPTHWISE_CONV2D, "second_depthwise"},
                 {LAYER_CONV2D, "second_pointwise"}};
    for (int i = 0; i < 2; i++) {
        struct error error;
        struct model *model;
        assert_ok(model_load(test_golden(files[i]), &model, &error), &error);
        for (int j = 0; j < 4; j++) {
            const struct layer *layer = &model->layers[1 + j];
            assert_int_equal(layer->kind, first[j].kind);
            assert_string_equal(layer->name, first[j].name);
            assert_int_equal(layer->inputs[0], j);
            assert_int_equal(layer->has_bias, layer->kind == LAYER_CONV2D);
        }
        assert_int_equal(model->layers[2].activation, ACTIVATION_RELU);
        check_keras3(model, "keras3_separable");
        model_free(model);
    }
}

static void a_spatial_dropout_of_keras_3_changes_nothing_outside_training(void **state) {
    (void)state;
    static const char *const files[] = {"keras3_spatial.h5", "keras3_spatial.keras"};
    for (int i = 0; i < 2; i++) {
        struct error error;
        struct model *model;
        assert_ok(model_load(test_golden(files[i]), &model, &error), &error);
        assert_int_equal(model->layers[3].kind, LAYER_SPATIAL_DROPOUT2D);
        assert_near(model->layers[3].rate, 0.25, 0);
        assert_string_equal(model->layers[6].name, "channels");
        check_keras3(model, "keras3_spatial");
        model_free(model);
    }
}

/* ---- training ---- */

struct qat {
    struct model *model; /* as TFMOT left it: layer i is that of golden->model, but for its name */
    struct variables *variables;
    struct quant_plan *plan;
    struct snapshot *snapshot;
};

static struct qat qat_of(const struct golden *golden) {
    struct qat qat;
    struct error error;
    const char *path = golden_file(golden, "qat.h5");
    assert_ok(model_load(path, &qat.model, &error), &error);
    assert_int_equal(qat.model->layer_count, golden->model->layer_count);
    assert_ok(variables_load(path, &qat.variables, &error), &error);
    assert_ok(quant_plan_create(&qat.plan, qat.model, scheme_find("tfmot"), &error), &error);
    assert_ok(variables_snapshot(qat.model, qat.plan, qat.variables, &qat.snapshot, &error),
              &error);
    return qat;
}

static void qat_free(struct qat *qat) {
    snapshot_release(qat->snapshot);
    quant_plan_free(qat->plan);
    variables_free(qat->variables);
    model_free(qat->model);
}

/* One end of a range of the record; TFMOT's names. */
static double recorded(const struct qat *qat, const json_t *ranges,
                       const struct quant_tensor *tensor, const char *end, int channel) {
    static const char *const placements[] = {"", "kernel", "pre_activation", "post_activation",
                                             "output"};
    const struct layer *layer = &qat->model->layers[tensor->layer];
    bool is_depthwise = tensor->placement == PLACE_KERNEL && layer->kind == LAYER_DEPTHWISE_CONV2D;
    char key[300];
    if (tensor->placement == PLACE_INPUT)
        snprintf(key, sizeof key, "quantize_layer/quantize_layer_%s:0", end);
    else
        snprintf(key, sizeof key, "quant_%s/%s%s_%s:0", layer->name,
                 is_depthwise ? "depthwise_" : "", placements[tensor->placement], end);
    const json_t *values = json_object_get(ranges, key);
    if (!values) print_error("the record has no %s\n", key);
    assert_int_equal(json_array_size(values), tensor->channels);
    return json_number_value(json_array_get(values, (size_t)channel));
}

static double ranges_differ(const struct qat *qat, const struct trainer *trainer,
                            const json_t *line) {
    const json_t *ranges = json_object_get(line, "ranges");
    double worst = 0;
    for (int i = 0; i < qat->plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &qat->plan->tensors[i];
        for (int c = 0; c < tensor->channels; c++) {
            struct range got = trainer_ranges(trainer)[tensor->offset + c];
            double min = recorded(qat, ranges, tensor, "min", c);
            double max = recorded(qat, ranges, tensor, "max", c);
            worst = fmax(worst, fabs((double)got.min - min) / fmax(fabs(min), 0.1));
            worst = fmax(worst, fabs((double)got.max - max) / fmax(fabs(max), 0.1));
        }
    }
    return worst;
}

struct record {
    double loss1, loss10, mean; /* relative differences: step 1, the largest of 2 to 10, of means */
    double ranges1, ranges;     /* after the first and the last step */
};

static void follow_the_record(struct golden *golden, const struct qat *qat, struct trainer *trainer,
                              struct record *record) {
    FILE *file = fopen(golden_file(golden, "steps.jsonl"), "r");
    double got_mean = 0, want_mean = 0;
    assert_non_null(file);
    for (int step = 1; step <= STEPS; step++) {
        json_t *line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
        struct step_result result;
        assert_non_null(line);
        trainer_step(trainer, &result);
        assert_true(result.is_finite);
        double want = json_number_value(json_object_get(line, "loss"));
        double off = fabs((double)result.loss - want) / want;
        if (step == 1) record->loss1 = off;
        if (step > 1 && step <= 10) record->loss10 = fmax(record->loss10, off);
        got_mean += (double)result.loss;
        want_mean += want;
        if (step == 1) record->ranges1 = ranges_differ(qat, trainer, line);
        if (step == STEPS) record->ranges = ranges_differ(qat, trainer, line);
        json_decref(line);
    }
    fclose(file);
    record->mean = fabs(got_mean / want_mean - 1);
}

static void check_trace(struct golden *golden) {
    struct error error;
    struct trainer *trainer;
    struct quant_plan *plan;
    struct record record = {0};
    struct qat qat = qat_of(golden);
    struct training training = {.epochs = 1, .batch = 32, .learning_rate = 0.001f};
    assert_ok(quant_plan_create(&plan, golden->model, scheme_find("tfmot"), &error), &error);
    assert_int_equal(plan->tensor_count, qat.plan->tensor_count);
    assert_ok(trainer_create(&trainer, golden->model, plan, &golden->dataset, &training,
                             golden->pool, &error),
              &error);
    follow_the_record(golden, &qat, trainer, &record);
    print_message("# %s: loss of step 1 differs by %.3g, of steps 2-10 by %.3g, mean of %d by "
                  "%.3g; ranges after step 1 by %.3g, after the last by %.3g\n",
                  golden->name, record.loss1, record.loss10, STEPS, record.mean, record.ranges1,
                  record.ranges);
    /* The bounds of test_trace.c. */
    assert_near(record.loss1, 0, 1e-4);
    assert_near(record.loss10, 0, 1e-4);
    assert_near(record.mean, 0, 0.005);
    assert_near(record.ranges1, 0, 1e-3);
    assert_near(record.ranges, 0, 0.03);
    trainer_destroy(trainer);
    quant_plan_free(plan);
    qat_free(&qat);
}

static void networks_train_as_tfmot_trains_them(void **state) {
    (void)state;
    for_each(check_trace, true);
}

static void check_fake_quant(struct golden *golden) {
    struct predictions got;
    struct error error;
    struct qat qat = qat_of(golden);
    size_t rows;
    assert_ok(evaluate_fake_quant(qat.snapshot, &golden->shown, golden->pool, &got, &error),
              &error);
    double worst = probabilities_differ(golden, got.probabilities, "fakequant_probs.f32", &rows);
    print_message("# %s: %zu of %d digits differ by more than 2e-6, the most by %.3g\n",
                  golden->name, rows, DIGITS, worst);
    /* A sum next to a boundary of quantization may round to the next code. */
    assert_true(rows <= DIGITS / 10);
    assert_near(worst, 0, 0.02);
    predictions_free(&got);
    qat_free(&qat);
}

static void qat_models_give_tensorflows_outputs(void **state) {
    (void)state;
    for_each(check_fake_quant, true);
}

/* ---- conversion ---- */

static void assert_same_quantization(const struct frozen_tensor *got,
                                     const struct frozen_tensor *want, double share) {
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->scale_count, want->scale_count);
    assert_int_equal(got->quantized_dimension, want->quantized_dimension);
    for (int c = 0; c < want->scale_count; c++) {
        assert_near(got->scale[c], want->scale[c], share * (double)want->scale[c]);
        assert_int_equal(got->zero_point[c], want->zero_point[c]);
    }
}

/* Operators that do not compute values, or that the converter made part of another. */
static bool is_left_out(const struct frozen *frozen, int index) {
    enum frozen_op code = frozen->operators[index].code;
    return frozen_op_shapes(code) || code == OP_PAD;
}

/* Scales that hold a square root may differ by what the converter's approximation does
 * (test_freeze.c). */
#define ROOT 3e-7

static void assert_same_operator(const struct frozen *got, const struct frozen_operator *a,
                                 const struct frozen *want, const struct frozen_operator *b) {
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->activation, b->activation);
    assert_int_equal(a->stride_x, b->stride_x);
    assert_int_equal(a->stride_y, b->stride_y);
    assert_int_equal(a->filter_width, b->filter_width);
    assert_int_equal(a->filter_height, b->filter_height);
    assert_int_equal(a->depth_multiplier, b->depth_multiplier);
    for (int j = 1; j < b->input_count && b->code != OP_RESHAPE; j++) {
        assert_int_equal(a->inputs[j] < 0, b->inputs[j] < 0);
        if (b->inputs[j] < 0) continue;
        const struct frozen_tensor *x = &got->tensors[a->inputs[j]];
        const struct frozen_tensor *y = &want->tensors[b->inputs[j]];
        assert_same_quantization(x, y, ROOT);
        assert_int_equal(x->data_bytes, y->data_bytes);
        assert_memory_equal(x->data, y->data, y->data_bytes);
    }
    const struct frozen_tensor *x = &got->tensors[a->outputs[0]];
    const struct frozen_tensor *y = &want->tensors[b->outputs[0]];
    assert_same_quantization(x, y, 0);
    assert_int_equal(x->rank, y->rank);
    assert_memory_equal(x->shape, y->shape, sizeof(int) * (size_t)y->rank);
}

static void assert_same_program(const struct frozen *got, const struct frozen *want) {
    int i = 0, j = 0;
    for (;; i++, j++) {
        while (i < got->operator_count && is_left_out(got, i)) i++;
        while (j < want->operator_count && is_left_out(want, j)) j++;
        if (i == got->operator_count || j == want->operator_count) break;
        assert_same_operator(got, &got->operators[i], want, &want->operators[j]);
    }
    assert_int_equal(i, got->operator_count);
    assert_int_equal(j, want->operator_count);
}

/* Outputs of a program that differ from a file, of `size` bytes each. */
static size_t outputs_differ(const struct golden *golden, const struct frozen *frozen,
                             enum runtime runtime, const char *file) {
    struct error error;
    struct engine *engine;
    size_t length, differ = 0;
    unsigned char *want = test_read(golden_file(golden, file), &length);
    assert_ok(engine_create(&engine, frozen, runtime, 16, file, &error), &error);
    size_t size = frozen_type_size(frozen->tensors[frozen->output].type);
    assert_int_equal(length, DIGITS * engine_output_count(engine) * size);
    unsigned char *got = malloc(length);
    assert_ok(engine_run_samples(engine, golden->pool, &golden->shown, got, &error), &error);
    for (size_t i = 0; i < length; i += size) differ += memcmp(got + i, want + i, size) != 0;
    free(got);
    free(want);
    engine_destroy(engine);
    return differ;
}

static void check_conversion(struct golden *golden) {
    static const char *const files[] = {"model_int8.tflite", "model_int8_io.tflite"};
    static const char *const outputs[] = {"model_int8.ref.f32", "model_int8_io.ref.i8"};
    static const enum frozen_io ios[] = {IO_FLOAT, IO_INT8};
    struct qat qat = qat_of(golden);
    for (int i = 0; i < 2; i++) {
        struct error error;
        struct frozen *got, *want;
        assert_ok(freeze(qat.snapshot, ios[i], &got, &error), &error);
        assert_ok(tflite_read(golden_file(golden, files[i]), &want, &error), &error);
        assert_same_program(got, want);
        size_t differ = outputs_differ(golden, got, RUNTIME_REF, outputs[i]);
        print_message("# %s: %zu of %d outputs of what was frozen differ\n", golden->name, differ,
                      DIGITS * 10);
        assert_int_equal(differ, 0);
        frozen_free(got);
        frozen_free(want);
    }
    qat_free(&qat);
}

static void qat_models_become_the_converters_programs(void **state) {
    (void)state;
    for_each(check_conversion, true);
}

/* ---- quantization after training ---- */

/* Representable numbers from one to the other; both above 0. */
static int steps_between(float a, float b) {
    int32_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return abs(x - y);
}

static void check_calibration(struct golden *golden) {
    struct error error;
    struct ptq ptq;
    struct frozen *got, *want;
    struct predictions ours, theirs;
    assert_ok(ptq_create(&ptq, golden->model, &golden->dataset.train, 500, NULL, &error), &error);
    assert_ok(freeze(ptq.snapshot, IO_FLOAT, &got, &error), &error);
    assert_ok(tflite_read(golden_file(golden, "model_ptq.tflite"), &want, &error), &error);
    int worst = 0, tensors = 0;
    for (int i = 0, j = 0; golden->has_qat; i++, j++) {
        while (i < got->operator_count && is_left_out(got, i)) i++;
        while (j < want->operator_count && is_left_out(want, j)) j++;
        if (i == got->operator_count || j == want->operator_count) break;
        assert_int_equal(got->operators[i].code, want->operators[j].code);
        const struct frozen_tensor *a = &got->tensors[got->operators[i].outputs[0]];
        const struct frozen_tensor *b = &want->tensors[want->operators[j].outputs[0]];
        assert_int_equal(a->scale_count, b->scale_count);
        if (!a->scale_count) continue;
        int steps = steps_between(a->scale[0], b->scale[0]);
        worst = steps > worst ? steps : worst;
        tensors++;
        assert_int_equal(a->zero_point[0], b->zero_point[0]);
    }
    const struct samples *test = &golden->dataset.test;
    assert_ok(evaluate_frozen(got, RUNTIME_REF, test, golden->pool, "got", &ours, &error), &error);
    assert_ok(evaluate_frozen(want, RUNTIME_REF, test, golden->pool, "want", &theirs, &error),
              &error);
    print_message("# %s: scales of %d tensors differ by %d units in the last place at most; "
                  "accuracy %.4f, the converter's %.4f\n",
                  golden->name, tensors, worst, ours.accuracy, theirs.accuracy);
    assert_true(worst <= 4);
    assert_near(ours.accuracy, theirs.accuracy, 0.0005);
    predictions_free(&ours);
    predictions_free(&theirs);
    frozen_free(got);
    frozen_free(want);
    ptq_free(&ptq);
}

/* Behind a dilated convolution the converter rounds once more, before it adds the bias. */
static void check_ptq(struct golden *golden) {
    if (strcmp(golden->name, "dilated")) check_calibration(golden);
}

static void calibration_gives_the_converters_scales(void **state) {
    (void)state;
    for_each(check_ptq, false);
}

/* ---- engine ---- */

static size_t count_differing_files(struct golden *golden) {
    static const struct {
        const char *name, *suffix;
        bool of_qat;
    } files[] = {
        {"model_int8", "f32", true}, {"model_int8_io", "i8", true}, {"model_ptq", "f32", false}};
    size_t wrong = 0;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        char path[64], outputs[64];
        struct error error;
        struct frozen *frozen;
        if (files[f].of_qat && !golden->has_qat) continue;
        snprintf(path, sizeof path, "%s.tflite", files[f].name);
        assert_ok(tflite_read(golden_file(golden, path), &frozen, &error), &error);
        for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
            snprintf(outputs, sizeof outputs, "%s.%s.%s", files[f].name, runtime_name(runtime),
                     files[f].suffix);
            size_t differ = outputs_differ(golden, frozen, runtime, outputs);
            print_message("# %s/%s x %s -> %d outputs compared, differing: %zu\n", golden->name,
                          path, runtime_name(runtime), DIGITS * 10, differ);
            wrong += differ;
        }
        frozen_free(frozen);
    }
    return wrong;
}

static void check_files(struct golden *golden) {
    assert_int_equal(count_differing_files(golden), 0);
}

static void every_output_of_every_file_equals_both_of_tflites_runtimes(void **state) {
    (void)state;
    for_each(check_files, false);
}

static void check_float_file(struct golden *golden) {
    struct error error;
    struct frozen *frozen;
    struct engine *engine;
    float got[DIGITS * 10];
    size_t length;
    float *want = (float *)(void *)test_read(golden_file(golden, "model_fp32.ref.f32"), &length);
    assert_int_equal(length, sizeof got);
    assert_ok(tflite_read(golden_file(golden, "model_fp32.tflite"), &frozen, &error), &error);
    assert_ok(engine_create(&engine, frozen, RUNTIME_REF, 7, "float", &error), &error);
    assert_ok(engine_run_samples(engine, golden->pool, &golden->shown, got, &error), &error);
    for (size_t i = 0; i < DIGITS * 10; i++) assert_near(got[i], want[i], 1e-5);
    engine_destroy(engine);
    frozen_free(frozen);
    free(want);
}

static void float_programs_give_tflites_outputs(void **state) {
    (void)state;
    for_each(check_float_file, false);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(float_models_give_tensorflows_probabilities),
    cmocka_unit_test(a_separable_convolution_of_keras_3_becomes_two_layers),
    cmocka_unit_test(a_spatial_dropout_of_keras_3_changes_nothing_outside_training),
    cmocka_unit_test(networks_train_as_tfmot_trains_them),
    cmocka_unit_test(qat_models_give_tensorflows_outputs),
    cmocka_unit_test(qat_models_become_the_converters_programs),
    cmocka_unit_test(calibration_gives_the_converters_scales),
    cmocka_unit_test(every_output_of_every_file_equals_both_of_tflites_runtimes),
    cmocka_unit_test(float_programs_give_tflites_outputs),
};
TEST_MAIN(tests)
