#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "engine/engine.h"
#include "model/variables.h"
#include "quant/freeze.h"
#include "quant/variables_snapshot.h"
#include "tflite/tflite.h"

#define DIGITS 10000

struct setting {
    struct model *model;
    struct quant_plan *plan;
    struct snapshot *snapshot;
};

static struct setting setting_of(const char *model, const char *weights) {
    struct setting setting;
    struct error error;
    struct variables *variables;
    assert_ok(model_load(test_shared(model), &setting.model, &error), &error);
    assert_ok(variables_load(test_shared(weights), &variables, &error), &error);
    assert_ok(quant_plan_create(&setting.plan, setting.model, scheme_find("tfmot"), &error),
              &error);
    assert_ok(variables_snapshot(setting.model, setting.plan, variables, &setting.snapshot,
                                 &error),
              &error);
    variables_free(variables);
    return setting;
}

static void setting_free(struct setting *setting) {
    snapshot_release(setting->snapshot);
    quant_plan_free(setting->plan);
    model_free(setting->model);
}

/* Tensors are compared by their part in the program: order and names are the converter's own. */
static void assert_same_tensor(const struct frozen_tensor *got, const struct frozen_tensor *want) {
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->rank, want->rank);
    assert_memory_equal(got->shape, want->shape, sizeof(int) * (size_t)want->rank);
    assert_int_equal(got->has_batch, want->has_batch);
    assert_int_equal(got->scale_count, want->scale_count);
    assert_int_equal(got->quantized_dimension, want->quantized_dimension);
    if (want->scale_count) {
        size_t count = (size_t)want->scale_count;
        assert_memory_equal(got->scale, want->scale, count * sizeof *want->scale);
        assert_memory_equal(got->zero_point, want->zero_point, count * sizeof *want->zero_point);
    }
    assert_int_equal(got->data_bytes, want->data_bytes);
    if (want->data_bytes) assert_memory_equal(got->data, want->data, want->data_bytes);
}

static void assert_same_program(const struct frozen *got, const struct frozen *want) {
    assert_int_equal(got->operator_count, want->operator_count);
    for (int i = 0; i < want->operator_count; i++) {
        const struct frozen_operator *a = &got->operators[i], *b = &want->operators[i];
        assert_int_equal(a->code, b->code);
        assert_int_equal(a->input_count, b->input_count);
        for (int j = 0; j < b->input_count; j++) {
            assert_int_equal(a->inputs[j] < 0, b->inputs[j] < 0);
            if (b->inputs[j] >= 0)
                assert_same_tensor(&got->tensors[a->inputs[j]], &want->tensors[b->inputs[j]]);
        }
        assert_same_tensor(&got->tensors[a->outputs[0]], &want->tensors[b->outputs[0]]);
        assert_int_equal(a->activation, b->activation);
        assert_int_equal(a->padding, b->padding);
        assert_int_equal(a->stride_x, b->stride_x);
        assert_int_equal(a->stride_y, b->stride_y);
        assert_int_equal(a->filter_width, b->filter_width);
        assert_int_equal(a->filter_height, b->filter_height);
        assert_near(a->beta, b->beta, 0);
    }
    assert_same_tensor(&got->tensors[got->input], &want->tensors[want->input]);
    assert_same_tensor(&got->tensors[got->output], &want->tensors[want->output]);
}

static void check_conversion(const char *model, const char *weights, const char *converted,
                             enum frozen_io io) {
    struct error error;
    struct frozen *got, *want;
    struct setting setting = setting_of(model, weights);
    assert_ok(freeze(setting.snapshot, io, &got, &error), &error);
    assert_ok(tflite_read(test_shared(converted), &want, &error), &error);
    assert_same_program(got, want);
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
}

static void weights_after_three_epochs_become_the_converters_tensors(void **state) {
    (void)state;
    check_conversion("golden/fc/model.h5", "golden/fc/qat_weights.h5",
                     "golden/fc/model_int8.tflite", IO_FLOAT);
    check_conversion("golden/cnn/model.h5", "golden/cnn/qat_weights.h5",
                     "golden/cnn/model_int8.tflite", IO_FLOAT);
    check_conversion("golden/fc/model.h5", "golden/fc/qat_weights.h5",
                     "golden/fc/model_int8_io.tflite", IO_INT8);
    check_conversion("golden/cnn/model.h5", "golden/cnn/qat_weights.h5",
                     "golden/cnn/model_int8_io.tflite", IO_INT8);
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
    static const char *const models[] = {"fc", "cnn"};
    const unsigned char *images = test_images();
    for (int m = 0; m < 2; m++) {
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
        assert_int_equal(length, DIGITS * 10 * sizeof(float));
        float *got = malloc(length);
        assert_ok(freeze(setting.snapshot, IO_FLOAT, &frozen, &error), &error);
        assert_ok(engine_create(&engine, frozen, RUNTIME_REF, 100, "", &error), &error);
        assert_ok(engine_run_digits(engine, NULL, DIGITS, images, got, &error), &error);
        assert_memory_equal(got, want, length);
        engine_destroy(engine);
        frozen_free(frozen);
        free(got);
        free(want);
        setting_free(&setting);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(weights_of_the_200th_step_become_the_converters_tensors),
    cmocka_unit_test(weights_after_three_epochs_become_the_converters_tensors),
    cmocka_unit_test(what_was_frozen_answers_as_the_converted_model_does),
};
TEST_MAIN(tests)
