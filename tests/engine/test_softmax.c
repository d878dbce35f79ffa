#include "engine/engine.h"

#include <math.h>

#include "test.h"

enum { CLASSES = 4 };

/* A program of nothing but SOFTMAX, whose input has this scale, on one input. */
static void run(enum runtime runtime, float scale_in, const int8_t *input, int8_t *output) {
    char name[1] = "";
    float scales[] = {scale_in, 1.0f / 256};
    int32_t zero_points[] = {0, -128};
    struct frozen_tensor tensors[2];
    for (int i = 0; i < 2; i++)
        tensors[i] = (struct frozen_tensor){.name = name,
                                            .type = TYPE_INT8,
                                            .rank = 2,
                                            .shape = {1, CLASSES},
                                            .scale_count = 1,
                                            .scale = &scales[i],
                                            .zero_point = &zero_points[i]};
    struct frozen_operator op = {
        .code = OP_SOFTMAX, .inputs = {0}, .input_count = 1, .outputs = {1}, .beta = 1};
    const struct frozen frozen = {.tensors = tensors,
                                  .tensor_count = 2,
                                  .operators = &op,
                                  .operator_count = 1,
                                  .input = 0,
                                  .output = 1};
    struct engine *engine;
    struct error error;
    assert_ok(engine_create(&engine, &frozen, runtime, 1, "x", &error), &error);
    engine_run(engine, NULL, 1, input, output);
    engine_destroy(engine);
}

/* Steps of ln 3: each class is 3 times as probable as one a step below. */
static void probabilities_are_what_arithmetic_says(void **state) {
    (void)state;
    static const int8_t inputs[][CLASSES] = {
        {5, 5, 5, 5}, {1, 0, 0, 1}, {0, -1, -128, -1}, {127, -128, -128, -128}};
    /* 1/4; 3/8 and 1/8; 3/5 and 1/5; 1, which is one code more than there is */
    static const int8_t want[][CLASSES] = {
        {-64, -64, -64, -64}, {-32, -96, -96, -32}, {26, -77, -128, -77}, {127, -128, -128, -128}};
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++)
        for (int i = 0; i < 4; i++) {
            int8_t output[CLASSES];
            run(runtime, logf(3), inputs[i], output);
            assert_memory_equal(output, want[i], CLASSES);
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(probabilities_are_what_arithmetic_says),
};

TEST_MAIN(tests)
