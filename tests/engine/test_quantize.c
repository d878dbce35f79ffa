#include "engine/quantize.h"

#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "test.h"

static int32_t code_of(float x, bool half_even) {
    return quantize_value(x, 1, 3, -128, 127, half_even);
}

static void a_half_goes_away_from_zero_or_to_even(void **state) {
    (void)state;
    static const float halves[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f};
    static const int32_t away[] = {1, 2, 3, -1, -2, -3}, even[] = {0, 2, 2, 0, -2, -2};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(code_of(halves[i], false), 3 + away[i]);
        assert_int_equal(code_of(halves[i], true), 3 + even[i]);
        assert_int_equal(code_of(nextafterf(halves[i], 0), false), 3 + (int)truncf(halves[i]));
    }
}

static void what_lies_outside_gets_the_nearest_code_and_nan_the_lowest(void **state) {
    (void)state;
    for (int half_even = 0; half_even < 2; half_even++) {
        assert_int_equal(code_of(124, half_even), 127);
        assert_int_equal(code_of(125, half_even), 127);
        assert_int_equal(code_of(1e30f, half_even), 127);
        assert_int_equal(code_of((float)INFINITY, half_even), 127);
        assert_int_equal(code_of(-130, half_even), -127);
        assert_int_equal(code_of(-132, half_even), -128);
        assert_int_equal(code_of(-1e30f, half_even), -128);
        assert_int_equal(code_of((float)-INFINITY, half_even), -128);
        assert_int_equal(code_of((float)NAN, half_even), -128);
    }
}

/* A program of nothing but QUANTIZE. */
static void each_runtime_rounds_in_its_own_way(void **state) {
    (void)state;
    char name[1] = "";
    float scale = 0.5f;
    int32_t zero_point = 0;
    struct frozen_tensor tensors[] = {
        {.name = name, .type = TYPE_FLOAT32, .rank = 2, .shape = {1, 4}},
        {.name = name,
         .type = TYPE_INT8,
         .rank = 2,
         .shape = {1, 4},
         .scale_count = 1,
         .scale = &scale,
         .zero_point = &zero_point},
    };
    struct frozen_operator op = {
        .code = OP_QUANTIZE, .inputs = {0}, .input_count = 1, .outputs = {1}};
    const struct frozen frozen = {.tensors = tensors,
                                  .tensor_count = 2,
                                  .operators = &op,
                                  .operator_count = 1,
                                  .input = 0,
                                  .output = 1};
    static const float input[] = {0.25f, 0.75f, 1.25f, -0.25f};
    static const int8_t want[][4] = {{1, 2, 3, -1}, {0, 2, 2, 0}};
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        struct engine *engine;
        struct error error;
        int8_t output[4];
        assert_ok(engine_create(&engine, &frozen, runtime, 1, "x", &error), &error);
        engine_run(engine, NULL, 1, input, output);
        assert_memory_equal(output, want[runtime], sizeof output);
        engine_destroy(engine);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_half_goes_away_from_zero_or_to_even),
    cmocka_unit_test(what_lies_outside_gets_the_nearest_code_and_nan_the_lowest),
    cmocka_unit_test(each_runtime_rounds_in_its_own_way),
};

TEST_MAIN(tests)
