#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "engine/engine.h"
#include "model/variables.h"
#include "quant/freeze.h"
#include "quant/variables_snapshot.h"
#include "tflite/tflite.h"

/* What a sanitizer slows down many times checks the first of the test digits. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DIGITS 500
#else
#define DIGITS 10000
#endif

struct setting {
    struct model *model;
    struct quant_plan *plan;
    struct snapshot *snapshot;
};

static const char *located(const char *path) {
    return strncmp(path, "golden/", 7) ? test_golden(path) : test_shared(path);
}

static struct setting setting_of(const char *model, const char *weights) {
    struct setting setting;
    struct error error;
    struct variables *variables;
    assert_ok(model_load(located(model), &setting.model, &error), &error);
    assert_ok(variables_load(located(weights), &variables, &error), &error);
    assert_ok(quant_plan_create(&setting.plan, setting.model, scheme_find("tfmot"), &error),
              &error);
    assert_ok(variables_snapshot(setting.model, setting.plan, variables, &setting.snapshot, &error),
              &error);
    variables_free(variables);
    return setting;
}

static void setting_free(struct setting *setting) {
    snapshot_release(setting->snapshot);
    quant_plan_free(setting->plan);
    model_free(setting->model);
}

/* The converter computes a BatchNormalization's 1 / sqrt(variance + epsilon) by the processor's
 * approximation (rsqrtps) and one step of Newton's, good to 3e-7: with that all 128 weight scales
 * of golden cnn_bn come out equal.  Another make of processor gives another number, so ours is the
 * correctly rounded division and root. */
static void assert_same_scales(const struct frozen_tensor *got, const struct frozen_tensor *want,
                               double share) {
    for (int c = 0; c < want->scale_count; c++)
        assert_near(got->scale[c], want->scale[c], share * (double)want->scale[c]);
}

/* Tensors are compared by their part in the program: order and names are the converter's own. */
static void assert_same_tensor(const struct frozen_tensor *got, const struct frozen_tensor *want,
                               double share) {
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->rank, want->rank);
    assert_memory_equal(got->shape, want->shape, sizeof(int) * (size_t)want->rank);
    assert_int_equal(got->has_batch, want->has_batch);
    assert_int_equal(got->scale_count, want->scale_count);
    assert_int_equal(got->quantized_dimension, want->quantized_dimension);
    if (want->scale_count) {
        size_t count = (size_t)want->scale_count;
        assert_same_scales(got, want, share);
        assert_memory_equal(got->zero_point, want->zero_point, count * sizeof *want->zero_point);
    }
    assert_int_equal(got->data_bytes, want->data_bytes);
    if (want->data_bytes) assert_memory_equal(got->data, want->data, want->data_bytes);
}

static void assert_same_program(const struct frozen *got, const struct frozen *want, double share) {
    assert_int_equal(got->operator_count, want->operator_count);
    for (int i = 0; i < want->operator_count; i++) {
        const struct frozen_operator *a = &got->operators[i], *b = &want->operators[i];
        assert_int_equal(a->code, b->code);
        assert_int_equal(a->input_count, b->input_count);
        for (int j = 0; j < b->input_count; j++) {
            assert_int_equal(a->inputs[j] < 0, b->inputs[j] < 0);
            if (b->inputs[j] >= 0)
                assert_same_tensor(&got->tensors[a->inputs[j]], &want->tensors[b->inputs[j]],
                                   j ? share : 0);
        }
        assert_same_tensor(&got->tensors[a->outputs[0]], &want->tensors[b->outputs[0]], 0);
        assert_int_equal(a->activation, b->activation);
        assert_int_equal(a->padding, b->padding);
        assert_int_equal(a->stride_x, b->stride_x);
        assert_int_equal(a->stride_y, b->stride_y);
        assert_int_equal(a->filter_width, b->filter_width);
        assert_int_equal(a->filter_height, b->filter_height);
        assert_int_equal(a->depth_multiplier, b->depth_multiplier);
        assert_int_equal(a->keep_dimensions, b->keep_dimensions);
        assert_near(a->beta, b->beta, 0);
    }
    assert_same_tensor(&got->tensors[got->input], &want->tensors[want->input], 0);
    assert_same_tensor(&got->tensors[got->output], &want->tensors[want->output], 0);
}

static void check_conversion(const char *model, const char *weights, const char *converted,
                             enum frozen_io io) {
    struct error error;
    struct frozen *got, *want;
    struct setting setting = setting_of(model, weights);
    bool has_normalization = false;
    for (int i = 0; i < setting.model->layer_count; i++)
        has_normalization |= setting.model->layers[i].kind == LAYER_BATCH_NORMALIZATION;
    assert_ok(freeze(setting.snapshot, io, &got, &error), &error);
    assert_ok(tflite_read(located(converted), &want, &error), &error);
    assert_same_program(got, want, has_normalization ? 3e-7 : 0);
    frozen_free(got);
    frozen_free(want);
    setting_free(&setting);
}

static void weights_of_the_200th_step_become_the_converters_tensors(void **state) {
    (void)state;
    check_conversion("golden/fc/model.h5", "golden/fc/trace/weights_step200.h5",
                     "golden/fc/trace/model_int8_step200.tflite", IO_FLOAT);
    check_conversion("golden/cnn/model.h5", "golden/cnn/trace/weights_step200.h5",
                     "golden/cnn/trace/model_int8_step200.tflite", IO_FLOAT);
    check_conversion("golden/cnn_bn/model.h5", "golden/cnn_bn/trace/weights_step200.h5",
                     "golden/cnn_bn/trace/model_int8_step200.tflite", IO_FLOAT);
}

static void weights_after_three_epochs_become_the_converters_tensors(void **state) {
    (void)state;
    check_conversion("golden/fc/model.h5", "golden/fc/qat_weights.h5",
                     "golden/fc/model_int8.tflite", IO_FLOAT);
    check_conversion("golden/cnn/model.h5", "golden/cnn/qat_weights.h5",
                     "golden/cnn/model_int8.tflite", IO_FLOAT);
    check_conversion("golden/cnn_bn/model.h5", "golden/cnn_bn/qat_weights.h5",
                     "golden/cnn_bn/model_int8.tflite", IO_FLOAT);
    check_conversion("golden/cnn_bn/model.h5", "golden/cnn_bn/qat_weights.h5",
                     "golden/cnn_bn/model_int8_io.tflite", IO_INT8);
    check_conversion("golden/fc/model.h5", "golden/fc/qat_weights.h5",
                     "golden/fc/model_int8_io.tflite", IO_INT8);
    check_conversion("golden/cnn/model.h5", "golden/cnn/qat_weights.h5",
                     "golden/cnn/model_int8_io.tflite", IO_INT8);
}

static void a_saved_residual_network_becomes_the_converters_tensors(void **state) {
    (void)state;
    check_conversion("residual/model.h5", "residual/qat.h5", "residual/model_int8.tflite",
                     IO_FLOAT);
    check_conversion("residual/model.h5", "residual/qat.h5", "residual/model_int8_io.tflite",
                     IO_INT8);
    check_conversion("residual/qat.h5", "residual/qat.h5", "residual/model_int8.tflite", IO_FLOAT);
}

static unsigned char *test_images(void) {
    static unsigned char images[DIGITS * 784];
    gzFile file = gzopen(test_shared("data/mnist/t10k-images-idx3-ubyte.gz"), "rb");
    unsigned char header[16];
    assert_non_null(file);
    assert_int_equal(gzread(file, header, 16), 16);
    assert_int_equal(gzread(file, images, sizeof images), sizeof images);
    gzclose(file);
    return images;
}

static void what_was_frozen_answers_as_the_converted_model_does(void **state) {
    (void)state;
    static const char *const models[] = {"fc", "cnn", "cnn_bn"};
    /* of 100,000; see assert_same_scales */
    static const size_t few[] = {0, 0, 50};
    const struct samples samples = test_digits(test_images(), NULL, DIGITS);
    for (int m = 0; m < 3; m++) {
        char model[64], weights[64], outputs[64];
        snprintf(model, sizeof model, "golden/%s/model.h5", models[m]);
        snprintf(weights, sizeof weights, "golden/%s/trace/weights_step200.h5", models[m]);
        snprintf(outputs, sizeof outputs, "golden/%s/trace/int8_ref_probs_10000.f32", models[m]);
        struct setting setting = setting_of(model, weights);
        struct error error;
        struct frozen *frozen;
        struct engine *engine;
        size_t length;
        unsigned char *want = test_read(test_shared(outputs), &length);
        assert_int_equal(length, 10000 * 10 * sizeof(float));
        float *got = malloc(length);
        assert_ok(freeze(setting.snapshot, IO_FLOAT, &frozen, &error), &error);
        assert_ok(engine_create(&engine, frozen, RUNTIME_REF, 100, "", &error), &error);
        assert_ok(engine_run_samples(engine, NULL, &samples, got, &error), &error);
        size_t differ = 0;
        const float *wanted = (const float *)(const void *)want;
        for (size_t i = 0; i < DIGITS * 10; i++) differ += got[i] != wanted[i];
        print_message("# %s: %zu of %d outputs differ\n", models[m], differ, DIGITS * 10);
        assert_true(differ <= few[m]);
        engine_destroy(engine);
        frozen_free(frozen);
        free(got);
        free(want);
        setting_free(&setting);
    }
}

/* The inputs of the golden int8 files are the pixels' integers, so uint8 ones are those plus 128.
 */
static void uint8_input_and_output_are_int8_plus_128(void **state) {
    (void)state;
    static const char *const models[] = {"fc", "cnn"};
    const struct samples samples = test_digits(test_images(), NULL, DIGITS);
    for (int m = 0; m < 2; m++) {
        char model[64], weights[64];
        snprintf(model, sizeof model, "golden/%s/model.h5", models[m]);
        snprintf(weights, sizeof weights, "golden/%s/qat_weights.h5", models[m]);
        struct setting setting = setting_of(model, weights);
        struct error error;
        struct frozen *frozen;
        assert_ok(freeze(setting.snapshot, IO_UINT8, &frozen, &error), &error);
        const struct frozen_tensor *input = &frozen->tensors[frozen->input];
        const struct frozen_tensor *output = &frozen->tensors[frozen->output];
        assert_int_equal(input->type, TYPE_UINT8);
        assert_int_equal(input->zero_point[0], 0); /* of pixels from 0 to 1 */
        assert_int_equal(output->type, TYPE_UINT8);
        assert_int_equal(output->zero_point[0], 0);
        assert_near(output->scale[0], 1.0 / 256, 0);
        assert_int_equal(frozen->operators[0].code, OP_QUANTIZE);
        assert_int_equal(frozen->operators[frozen->operator_count - 1].code, OP_QUANTIZE);
        for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
            char outputs[64];
            snprintf(outputs, sizeof outputs, "golden/%s/model_int8_io.%s.i8", models[m],
                     runtime_name(runtime));
            size_t length, differing = 0;
            unsigned char *want = test_read(test_shared(outputs), &length);
            assert_int_equal(length, 10000 * 10);
            unsigned char *got = malloc(length);
            struct engine *engine;
            assert_ok(engine_create(&engine, frozen, runtime, 100, "", &error), &error);
            assert_ok(engine_run_samples(engine, NULL, &samples, got, &error), &error);
            for (size_t i = 0; i < DIGITS * 10; i++) differing += got[i] != (want[i] ^ 0x80);
            assert_int_equal(differing, 0);
            engine_destroy(engine);
            free(got);
            free(want);
        }
        frozen_free(frozen);
        setting_free(&setting);
    }
}

/* ---- by hand ---- */

/* 2 values - Dense 3 - a ReLU layer of its own - Dense 2 softmax; kernels are [inputs][units]. */
static float weights[96];
static struct layer layers[] = {
    {.kind = LAYER_INPUT, .name = "in", .output = {1, {2}}, .kernel = -1, .bias = -1},
    {.kind = LAYER_DENSE,
     .name = "hidden",
     .inputs = {0},
     .input_count = 1,
     .output = {1, {3}},
     .units = 3,
     .has_bias = true,
     .kernel = 0,
     .bias = 1},
    {.kind = LAYER_RELU,
     .name = "relu",
     .activation = ACTIVATION_RELU,
     .inputs = {1},
     .input_count = 1,
     .output = {1, {3}},
     .kernel = -1,
     .bias = -1},
    {.kind = LAYER_DENSE,
     .name = "last",
     .activation = ACTIVATION_SOFTMAX,
     .inputs = {2},
     .input_count = 1,
     .output = {1, {2}},
     .units = 2,
     .has_bias = true,
     .kernel = 2,
     .bias = 3},
};
static struct parameter parameters[] = {
    {.name = "hidden/kernel", .layer = 1, .rank = 2, .size = {2, 3}, .offset = 0, .count = 6},
    {.name = "hidden/bias", .layer = 1, .rank = 1, .size = {3}, .offset = 16, .count = 3},
    {.name = "last/kernel", .layer = 3, .rank = 2, .size = {3, 2}, .offset = 32, .count = 6},
    {.name = "last/bias", .layer = 3, .rank = 1, .size = {2}, .offset = 48, .count = 2},
};
static struct model small = {
    .name = "small",
    .layers = layers,
    .layer_count = 4,
    .parameters = parameters,
    .parameter_count = 4,
    .weights = weights,
    .weight_count = 64,
};

static struct quant_plan *small_plan(void) {
    static const float hidden[] = {1, -0.25f, 0, 0.5f, 0.5f, 0}, hidden_bias[] = {0.5f, 0, -1};
    static const float last[] = {1, -1, 0.25f, 0.5f, -0.5f, 0.75f};
    struct quant_plan *plan;
    struct error error;
    memset(weights, 0, sizeof weights);
    memcpy(weights, hidden, sizeof hidden);
    memcpy(weights + 16, hidden_bias, sizeof hidden_bias);
    memcpy(weights + 32, last, sizeof last);
    assert_ok(quant_plan_create(&plan, &small, scheme_find("tfmot"), &error), &error);
    return plan;
}

static void set_range(struct range *ranges, const struct quant_plan *plan, int tensor, float min,
                      float max) {
    ranges[plan->tensors[tensor].offset] = (struct range){min, max};
}

static struct snapshot *small_snapshot(struct quant_plan *plan) {
    struct range ranges[16] = {{0, 0}};
    set_range(ranges, plan, plan->activation_tensor[0], 0, 1);
    set_range(ranges, plan, plan->activation_tensor[2], 0, 2.55f);
    set_range(ranges, plan, plan->kernel_tensor[3], -1, 1);
    set_range(ranges, plan, plan->activation_tensor[3], -12.8f, 12.7f);
    struct snapshot *snapshot = snapshot_create(&small, plan, 0, weights, ranges);
    assert_non_null(snapshot);
    return snapshot;
}

static void a_layer_before_a_separate_relu_is_quantized_per_channel_from_raw_weights(void **state) {
    (void)state;
    struct quant_plan *plan = small_plan();
    struct snapshot *snapshot = small_snapshot(plan);
    struct error error;
    struct frozen *frozen;
    assert_int_equal(plan->kernel_tensor[1], -1);
    assert_ok(freeze(snapshot, IO_INT8, &frozen, &error), &error);
    assert_int_equal(frozen->operator_count, 3); /* dense with relu, dense, softmax */
    const struct frozen_operator *op = &frozen->operators[0];
    assert_int_equal(op->code, OP_FULLY_CONNECTED);
    assert_int_equal(op->activation, FUSED_RELU);
    const struct frozen_tensor *kernel = &frozen->tensors[op->inputs[1]];
    /* columns (1, .5), (-.25, .5), (0, 0): largest 1, .5, 0; an empty one has range 1e-6 */
    static const int8_t q[] = {127, 64, -64, 127, 0, 0};
    assert_int_equal(kernel->scale_count, 3);
    assert_memory_equal(kernel->data, q, sizeof q);
    assert_near(kernel->scale[0], 1 / 127.0, 1e-9);
    assert_near(kernel->scale[1], 0.5 / 127, 1e-9);
    assert_near(kernel->scale[2], 1e-6 / 254, 1e-15);
    const struct frozen_tensor *bias = &frozen->tensors[op->inputs[2]];
    /* .5 / (1/255 * 1/127) = 16192.5, away from zero; -1 / (1/255 * 1e-6/254) is out of int32 */
    const int32_t *b = bias->data;
    assert_int_equal(b[0], 16193);
    assert_int_equal(b[1], 0);
    assert_int_equal(b[2], INT32_MIN);
    assert_near(frozen->tensors[op->outputs[0]].scale[0], 0.01, 1e-8);
    assert_int_equal(frozen->tensors[op->outputs[0]].zero_point[0], -128);
    frozen_free(frozen);
    snapshot_release(snapshot);
    quant_plan_free(plan);
}

static void a_bias_of_zeros_is_left_out_and_the_file_stays_valid(void **state) {
    (void)state;
    struct quant_plan *plan = small_plan();
    struct snapshot *snapshot = small_snapshot(plan);
    struct error error;
    struct frozen *frozen, *again;
    struct engine *engine;
    unsigned char *bytes;
    size_t length;
    assert_ok(freeze(snapshot, IO_INT8, &frozen, &error), &error);
    assert_int_equal(frozen->operators[1].input_count, 3);
    assert_int_equal(frozen->operators[1].inputs[2], -1);
    assert_ok(tflite_serialize(frozen, &bytes, &length, &error), &error);
    assert_ok(tflite_parse(bytes, length, "small", &again, &error), &error);
    assert_int_equal(again->operators[1].inputs[2], -1);
    assert_ok(engine_create(&engine, again, RUNTIME_REF, 1, "small", &error), &error);
    engine_destroy(engine);
    frozen_free(again);
    free(bytes);
    frozen_free(frozen);
    snapshot_release(snapshot);
    quant_plan_free(plan);
}

static void weights_or_ranges_that_are_not_finite_are_refused_by_layer(void **state) {
    (void)state;
    struct quant_plan *plan = small_plan();
    struct snapshot *snapshot = small_snapshot(plan);
    struct error error;
    struct frozen *frozen;
    snapshot->weights[33] = NAN;
    assert_int_equal(freeze(snapshot, IO_FLOAT, &frozen, &error), STATUS_DIVERGED);
    assert_null(frozen);
    assert_string_equal(error.where, "last");
    snapshot->weights[33] = 0;
    snapshot->ranges[plan->tensors[plan->activation_tensor[2]].offset].max = INFINITY;
    assert_int_equal(freeze(snapshot, IO_FLOAT, &frozen, &error), STATUS_DIVERGED);
    assert_string_equal(error.where, "relu");
    snapshot_release(snapshot);
    quant_plan_free(plan);
}

static void fresh_weight_ranges_are_those_of_the_final_weights(void **state) {
    (void)state;
    struct quant_plan *plan = small_plan();
    plan->scheme.fresh_weight_ranges = true;
    struct snapshot *snapshot = small_snapshot(plan);
    struct error error;
    struct frozen *frozen;
    snapshot->weights[32] = 2; /* the range in the snapshot says 1 */
    assert_ok(freeze(snapshot, IO_FLOAT, &frozen, &error), &error);
    const struct frozen_tensor *kernel = &frozen->tensors[frozen->operators[2].inputs[1]];
    assert_int_equal(kernel->scale_count, 1);
    assert_near(kernel->scale[0], 2 / 127.0, 1e-9);
    assert_int_equal(((const int8_t *)kernel->data)[0], 127);
    frozen_free(frozen);
    snapshot_release(snapshot);
    quant_plan_free(plan);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(weights_of_the_200th_step_become_the_converters_tensors),
    cmocka_unit_test(a_saved_residual_network_becomes_the_converters_tensors),
    cmocka_unit_test(weights_after_three_epochs_become_the_converters_tensors),
    cmocka_unit_test(what_was_frozen_answers_as_the_converted_model_does),
    cmocka_unit_test(uint8_input_and_output_are_int8_plus_128),
    cmocka_unit_test(a_layer_before_a_separate_relu_is_quantized_per_channel_from_raw_weights),
    cmocka_unit_test(a_bias_of_zeros_is_left_out_and_the_file_stays_valid),
    cmocka_unit_test(weights_or_ranges_that_are_not_finite_are_refused_by_layer),
    cmocka_unit_test(fresh_weight_ranges_are_those_of_the_final_weights),
};
TEST_MAIN(tests)
