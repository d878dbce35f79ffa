/* Samples of every kind through every kind of input, compared with a plain loop. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

enum { COUNT = 7, BATCH = 3, VALUES = 5 * 7 * 3 };

static char unnamed[1] = "";
static float scale = 1 / 48.0f;

/* input -> RESHAPE, or QUANTIZE to int8 -> output. */
struct program {
    int32_t zero_point;
    struct frozen_tensor tensors[2];
    struct frozen_operator operator_;
    struct frozen frozen;
};

static void make_program(struct program *program, const struct shape *shape, enum frozen_type type,
                         bool quantizes) {
    int values = (int)shape_count(shape);
    memset(program, 0, sizeof *program);
    program->zero_point = type == TYPE_UINT8 ? 100 : -28;
    struct frozen_tensor *input = &program->tensors[0], *output = &program->tensors[1];
    *input = (struct frozen_tensor){.name = unnamed,
                                    .type = type,
                                    .rank = 4,
                                    .shape = {1, shape->size[0], shape->size[1], shape->size[2]},
                                    .has_batch = true};
    *output = *input;
    if (quantizes) {
        output->type = TYPE_INT8;
    } else {
        output->rank = 2;
        output->shape[1] = values;
    }
    for (int i = 0; i < 2; i++) {
        if (program->tensors[i].type == TYPE_FLOAT32) continue;
        program->tensors[i].scale_count = 1;
        program->tensors[i].scale = &scale;
        program->tensors[i].zero_point = &program->zero_point;
    }
    program->operator_ = (struct frozen_operator){
        .code = quantizes ? OP_QUANTIZE : OP_RESHAPE, .input_count = 1, .outputs = {1}};
    program->frozen = (struct frozen){.tensors = program->tensors,
                                      .tensor_count = 2,
                                      .operators = &program->operator_,
                                      .operator_count = 1,
                                      .output = 1};
}

/* Value `index` of all samples, as the preprocessing says it. */
static float plain_value(const struct samples *samples, size_t index) {
    const struct preprocessing *by = samples->preprocessing;
    size_t channel =
        by->channels == 1 ? 0 : index % (size_t)samples->shape.size[samples->shape.rank - 1];
    float x = samples->bytes[index];
    if (samples->element == ELEMENT_FLOAT32)
        memcpy(&x, samples->bytes + index * sizeof x, sizeof x);
    return by->divides ? x / 255.0f : x * by->scale[channel] + by->offset[channel];
}

/* XNNPACK rounds half to even where an operator of the program quantizes. */
static int plain_code(const struct program *program, float value, bool half_even) {
    int low = program->tensors[1].type == TYPE_INT8 ? -128 : 0;
    float code = half_even ? nearbyintf(value * (1 / scale)) : roundf(value / scale);
    code += (float)program->zero_point;
    return (int)fminf(fmaxf(code, (float)low), (float)low + 255);
}

static void check(const struct program *program, const struct samples *samples,
                  enum runtime runtime) {
    size_t values = shape_count(&samples->shape);
    bool is_float = program->tensors[1].type == TYPE_FLOAT32;
    bool half_even = program->operator_.code == OP_QUANTIZE && runtime == RUNTIME_XNN;
    unsigned char *got = malloc(samples->count * values * sizeof(float));
    struct engine *engine;
    struct pool *pool;
    struct error error;
    assert_non_null(got);
    assert_ok(engine_create(&engine, &program->frozen, runtime, BATCH, "x", &error), &error);
    assert_ok(pool_create(&pool, 2, &error), &error);
    assert_ok(engine_run_samples(engine, pool, samples, got, &error), &error);
    for (size_t i = 0; i < samples->count * values; i++) {
        float want = plain_value(samples, i), x;
        memcpy(&x, got + (is_float ? i * sizeof x : 0), sizeof x);
        int code = program->tensors[1].type == TYPE_INT8 ? ((int8_t *)got)[i] : got[i];
        if (is_float)
            assert_true(x == want);
        else
            assert_int_equal(code, plain_code(program, want, half_even));
    }
    pool_destroy(pool);
    engine_destroy(engine);
    free(got);
}

/* Bytes and floats of about -2 to 4, preprocessed in three ways, for every kind of program. */
static void check_shape(const struct shape *shape) {
    static const float mean[] = {0.5f, 0.25f, 0.125f}, std[] = {0.25f, 0.5f, 0.75f};
    static const char *const texts[] = {"unit", "-0.01,1.5", "unit"};
    size_t count = COUNT * shape_count(shape);
    unsigned char *bytes = malloc(count);
    float *floats = malloc(count * sizeof *floats);
    assert_true(bytes && floats);
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (unsigned char)(i * 37 + i / 256);
        floats[i] = (float)(bytes[i] * 3) + (float)(i % 16) / 16 - 200;
    }
    for (int i = 0; i < 6; i++) {
        struct preprocessing preprocessing;
        struct error error;
        assert_ok(preprocessing_parse(&preprocessing, texts[i / 2], &error), &error);
        if (i / 2 == 2 && shape->size[2] == 3)
            assert_ok(preprocessing_normalize(&preprocessing, 3, mean, std, &error), &error);
        const struct samples samples = {.count = COUNT,
                                        .shape = *shape,
                                        .element = i % 2 ? ELEMENT_FLOAT32 : ELEMENT_UINT8,
                                        .bytes = i % 2 ? (unsigned char *)floats : bytes,
                                        .preprocessing = &preprocessing};
        static const enum frozen_type types[] = {TYPE_FLOAT32, TYPE_FLOAT32, TYPE_INT8, TYPE_UINT8};
        for (int t = 0; t < 4; t++)
            for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
                struct program program;
                make_program(&program, shape, types[t], t == 0);
                check(&program, &samples, runtime);
            }
    }
    free(bytes);
    free(floats);
}

static void every_kind_of_sample_becomes_what_every_kind_of_input_takes(void **state) {
    (void)state;
    check_shape(&(struct shape){3, {5, 7, 3}});
    check_shape(&(struct shape){3, {1, 1, 300}}); /* more channels than are converted at once */
}

/* The same engine, in turns. */
static void raw_values_and_samples_do_not_disturb_each_other(void **state) {
    (void)state;
    struct program program;
    struct preprocessing unit, raw;
    struct error error;
    struct engine *engine;
    static unsigned char bytes[VALUES];
    static float x[VALUES], small[VALUES];
    int8_t first[VALUES], got[VALUES], by_raw[VALUES];
    make_program(&program, &(struct shape){3, {5, 7, 3}}, TYPE_FLOAT32, true);
    for (int i = 0; i < VALUES; i++) {
        bytes[i] = (unsigned char)(i * 2);
        x[i] = bytes[i] / 255.0f;
        small[i] = x[i] - 1;
    }
    assert_ok(preprocessing_parse(&unit, "unit", &error), &error);
    assert_ok(preprocessing_parse(&raw, "raw", &error), &error);
    struct samples samples = {.count = 1,
                              .shape = {3, {5, 7, 3}},
                              .element = ELEMENT_UINT8,
                              .bytes = bytes,
                              .preprocessing = &unit};
    assert_ok(engine_create(&engine, &program.frozen, RUNTIME_REF, 1, "x", &error), &error);
    assert_ok(engine_run_samples(engine, NULL, &samples, first, &error), &error);
    engine_run(engine, NULL, 1, x, got);
    assert_memory_equal(got, first, VALUES);
    engine_run(engine, NULL, 1, small, got);
    for (int i = 0; i < VALUES; i++)
        assert_int_equal(got[i], plain_code(&program, small[i], false));
    samples.preprocessing = &raw;
    assert_ok(engine_run_samples(engine, NULL, &samples, by_raw, &error), &error);
    for (int i = 0; i < VALUES; i++)
        assert_int_equal(by_raw[i], plain_code(&program, bytes[i], false));
    samples.element = ELEMENT_FLOAT32;
    samples.bytes = (unsigned char *)x;
    assert_ok(engine_run_samples(engine, NULL, &samples, got, &error), &error);
    assert_memory_equal(got, first, VALUES);
    engine_destroy(engine);
}

static void samples_of_another_size_are_refused(void **state) {
    (void)state;
    struct program program;
    struct error error;
    struct engine *engine;
    static unsigned char image[784];
    float output[VALUES];
    struct samples samples = test_digits(image, NULL, 1);
    make_program(&program, &(struct shape){3, {5, 7, 3}}, TYPE_FLOAT32, false);
    assert_ok(engine_create(&engine, &program.frozen, RUNTIME_REF, 1, "x", &error), &error);
    assert_int_equal(engine_run_samples(engine, NULL, &samples, output, &error),
                     STATUS_UNSUPPORTED);
    assert_string_equal(error.text, "the model takes 105 values; a sample has 784");
    engine_destroy(engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_kind_of_sample_becomes_what_every_kind_of_input_takes),
    cmocka_unit_test(raw_values_and_samples_do_not_disturb_each_other),
    cmocka_unit_test(samples_of_another_size_are_refused),
};
TEST_MAIN(tests)
