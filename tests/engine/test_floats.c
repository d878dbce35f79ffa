/* float32 operators that no golden file has, by hand. */
#include "test.h"

#include <string.h>

#include "engine/engine.h"

static char unnamed[] = "";
static int32_t paddings[] = {0, 0, 1, 0, 0, 1, 1, 1};
static int32_t axes[] = {1, 2};
static struct frozen_tensor tensors[] = {
    {.name = unnamed, .type = TYPE_FLOAT32, .rank = 4, .shape = {1, 2, 2, 2}, .has_batch = true},
    {.name = unnamed, .type = TYPE_FLOAT32, .rank = 4, .shape = {1, 2, 2, 2}, .has_batch = true},
    {.name = unnamed, .type = TYPE_FLOAT32, .rank = 4, .shape = {1, 2, 2, 2}, .has_batch = true},
    {.name = unnamed,
     .type = TYPE_INT32,
     .rank = 2,
     .shape = {4, 2},
     .data = paddings,
     .data_bytes = sizeof paddings},
    {.name = unnamed, .type = TYPE_FLOAT32, .rank = 4, .shape = {1, 3, 3, 4}, .has_batch = true},
    {.name = unnamed,
     .type = TYPE_INT32,
     .rank = 1,
     .shape = {2},
     .data = axes,
     .data_bytes = sizeof axes},
    {.name = unnamed, .type = TYPE_FLOAT32, .rank = 2, .shape = {1, 4}, .has_batch = true},
};
static struct frozen_operator operators[] = {
    {.code = OP_RELU, .inputs = {0}, .input_count = 1, .outputs = {1}},
    {.code = OP_ADD, .inputs = {0, 1}, .input_count = 2, .outputs = {2}, .activation = FUSED_RELU6},
    {.code = OP_PAD, .inputs = {2, 3}, .input_count = 2, .outputs = {4}},
    {.code = OP_REDUCE_MAX, .inputs = {4, 5}, .input_count = 2, .outputs = {6}},
};
static struct frozen program = {
    .tensors = tensors,
    .tensor_count = 7,
    .operators = operators,
    .operator_count = 4,
    .input = 0,
    .output = 6,
};

static void relu_add_pad_and_the_largest_value_are_computed_as_by_hand(void **state) {
    (void)state;
    static const float input[2][8] = {{-1, 2, 3, -4, 0.5f, 7, -6, 1}, {1, 1, 1, 1, 1, 1, 1, 3.5f}};
    static const float rectified[] = {0, 2, 3, 0, 0.5f, 7, 0, 1};
    static const float sum[] = {0, 4, 6, 0, 1, 6, 0, 2}; /* of both, from 0 to 6 */
    /* One row above, one column to the right, a channel on either side. */
    static const float padded[3][3][4] = {
        {{0}},
        {{0, 0, 4, 0}, {0, 6, 0, 0}, {0}},
        {{0, 1, 6, 0}, {0, 0, 2, 0}, {0}},
    };
    static const float largest[2][4] = {{0, 6, 6, 0}, {0, 2, 6, 0}};
    float output[2][4];
    struct engine *engine;
    struct error error;
    assert_ok(engine_create(&engine, &program, RUNTIME_REF, 2, "by hand", &error), &error);
    engine_run(engine, NULL, 2, input, output);
    assert_memory_equal(engine_tensor(engine, 1), rectified, sizeof rectified);
    assert_memory_equal(engine_tensor(engine, 2), sum, sizeof sum);
    assert_memory_equal(engine_tensor(engine, 4), padded, sizeof padded);
    assert_memory_equal(output, largest, sizeof largest);
    engine_destroy(engine);
}

static void operands_that_do_not_fit_are_refused(void **state) {
    (void)state;
    struct engine *engine;
    struct error error;
    tensors[2].shape[3] = 1;
    assert_int_equal(engine_create(&engine, &program, RUNTIME_XNN, 2, "by hand", &error),
                     STATUS_UNSUPPORTED);
    assert_string_equal(error.text, "operator 1 (ADD): its tensors differ in size");
    tensors[2].shape[3] = 2;
    tensors[1].type = TYPE_INT32;
    assert_int_equal(engine_create(&engine, &program, RUNTIME_XNN, 2, "by hand", &error),
                     STATUS_UNSUPPORTED);
    assert_string_equal(error.text, "operator 0 (RELU): its input is float32, its output is not");
    tensors[1].type = TYPE_FLOAT32;
}

static void a_constant_is_added_along_the_dimensions_that_it_lacks(void **state) {
    (void)state;
    static float constant[] = {10, 20, 30, 40};
    static const struct {
        int rank, shape[4];
        float added[8]; /* to [2][2][2] */
    } cases[] = {
        {0, {0}, {10, 10, 10, 10, 10, 10, 10, 10}},
        {1, {2}, {10, 20, 10, 20, 10, 20, 10, 20}},
        {2, {2, 1}, {10, 10, 20, 20, 10, 10, 20, 20}},
        {2, {2, 2}, {10, 20, 30, 40, 10, 20, 30, 40}},
        {3, {2, 1, 2}, {10, 20, 10, 20, 30, 40, 30, 40}},
        {4, {1, 2, 2, 1}, {10, 10, 20, 20, 30, 30, 40, 40}},
    };
    static const float input[2][8] = {{-1, 2, 3, -4, 0.5f, 7, -6, 1}, {8, 7, 6, 5, 4, 3, 2, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frozen_tensor parts[] = {tensors[0], tensors[0], tensors[0]};
        struct frozen_operator add = {
            .code = OP_ADD, .inputs = {0, 1}, .input_count = 2, .outputs = {2}};
        struct frozen sum = {.tensors = parts,
                             .tensor_count = 3,
                             .operators = &add,
                             .operator_count = 1,
                             .input = 0,
                             .output = 2};
        struct engine *engine;
        struct error error;
        float output[2][8];
        parts[1].rank = cases[i].rank;
        memcpy(parts[1].shape, cases[i].shape, sizeof parts[1].shape);
        parts[1].data = constant;
        parts[1].data_bytes = frozen_tensor_count(&parts[1]) * sizeof *constant;
        assert_ok(engine_create(&engine, &sum, RUNTIME_REF, 2, "by hand", &error), &error);
        engine_run(engine, NULL, 2, input, output);
        for (int j = 0; j < 16; j++)
            assert_true(output[j / 8][j % 8] == input[j / 8][j % 8] + cases[i].added[j % 8]);
        engine_destroy(engine);
    }
}

/* Float values that are quantized behind the input are not its pixels. */
static void a_later_quantize_takes_what_was_computed(void **state) {
    (void)state;
    static float constant = 0.25f, scale = 1 / 128.0f;
    static int32_t zero_point = -128;
    struct frozen_tensor floats = {
        .name = unnamed, .type = TYPE_FLOAT32, .rank = 2, .shape = {1, 784}, .has_batch = true};
    struct frozen_tensor bytes = floats, one = {.name = unnamed, .type = TYPE_FLOAT32};
    bytes.type = TYPE_INT8;
    bytes.scale_count = 1;
    bytes.scale = &scale;
    bytes.zero_point = &zero_point;
    one.data = &constant;
    one.data_bytes = sizeof constant;
    struct frozen_tensor parts[] = {floats, bytes, floats, floats, bytes, one};
    struct frozen_operator steps[] = {
        {.code = OP_QUANTIZE, .inputs = {0}, .input_count = 1, .outputs = {1}},
        {.code = OP_DEQUANTIZE, .inputs = {1}, .input_count = 1, .outputs = {2}},
        {.code = OP_ADD, .inputs = {2, 5}, .input_count = 2, .outputs = {3}},
        {.code = OP_QUANTIZE, .inputs = {3}, .input_count = 1, .outputs = {4}},
    };
    struct frozen mixed = {.tensors = parts,
                           .tensor_count = 6,
                           .operators = steps,
                           .operator_count = 4,
                           .input = 0,
                           .output = 4};
    static unsigned char pixels[784];
    static int8_t output[784];
    struct engine *engine;
    struct error error;
    for (int i = 0; i < 784; i++) pixels[i] = (unsigned char)(i % 128);
    assert_ok(engine_create(&engine, &mixed, RUNTIME_REF, 1, "by hand", &error), &error);
    const struct samples samples = test_digits(pixels, NULL, 1);
    assert_ok(engine_run_samples(engine, NULL, &samples, output, &error), &error);
    /* round(pixel / 255 * 128), a quarter added, which is 32 steps */
    for (int i = 0; i < 784; i++)
        assert_int_equal(output[i], -128 + (2 * pixels[i] * 128 + 255) / 510 + 32);
    engine_destroy(engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(relu_add_pad_and_the_largest_value_are_computed_as_by_hand),
    cmocka_unit_test(operands_that_do_not_fit_are_refused),
    cmocka_unit_test(a_constant_is_added_along_the_dimensions_that_it_lacks),
    cmocka_unit_test(a_later_quantize_takes_what_was_computed),
};
TEST_MAIN(tests)
