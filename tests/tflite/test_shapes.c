#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "tflite/tflite.h"

/* A program as the converter writes Keras' Reshape, by hand: tensor 0 is [2 digits][2][3]. */
static char unnamed[] = "";
static int32_t zero = 0, one = 1, open = -1, three = 3;

#define NUMBER(of)                                                                                 \
    {                                                                                              \
        .name = unnamed, .type = TYPE_INT32, .rank = 1, .shape = {1}, .data = &(of),               \
        .data_bytes = sizeof(int32_t)                                                              \
    }
#define FLOATS(dimensions, ...)                                                                    \
    {                                                                                              \
        .name = unnamed, .type = TYPE_FLOAT32, .rank = (dimensions), .shape = { __VA_ARGS__ }      \
    }
#define INTEGERS(dimensions, ...)                                                                  \
    {                                                                                              \
        .name = unnamed, .type = TYPE_INT32, .rank = (dimensions), .shape = { __VA_ARGS__ }        \
    }

struct program {
    struct frozen_tensor tensors[12];
    struct frozen_operator operators[5];
    struct frozen frozen;
};

static void begin(struct program *program) {
    *program = (struct program){
        .tensors = {FLOATS(3, 2, 2, 3), INTEGERS(1, 3), INTEGERS(0, 0), INTEGERS(1, 2),
                    FLOATS(2, 1, 1), FLOATS(2, 1, 1), NUMBER(zero), NUMBER(one), NUMBER(open),
                    NUMBER(three)},
        .operators = {{.code = OP_SHAPE, .inputs = {0}, .input_count = 1, .outputs = {1}},
                      {.code = OP_STRIDED_SLICE,
                       .inputs = {1, 6, 7, 7},
                       .input_count = 4,
                       .outputs = {2},
                       .takes_one = true},
                      {.code = OP_PACK, .inputs = {2, 8}, .input_count = 2, .outputs = {3}},
                      {.code = OP_RESHAPE, .inputs = {0, 3}, .input_count = 2, .outputs = {4}},
                      {.code = OP_TANH, .inputs = {4}, .input_count = 1, .outputs = {5}}},
        .frozen = {.tensor_count = 10, .operator_count = 5, .input = 0, .output = 5},
    };
    program->frozen.tensors = program->tensors;
    program->frozen.operators = program->operators;
}

static void assert_refused(struct program *program, const char *text) {
    struct error error;
    assert_int_equal(frozen_resolve_shapes(&program->frozen, "x.tflite", &error),
                     STATUS_UNSUPPORTED);
    if (!strstr(error.text, text)) fail_msg("got '%s', want '%s'", error.text, text);
}

static void sizes_that_a_program_computes_are_found(void **state) {
    (void)state;
    struct program program;
    struct error error;
    begin(&program);
    assert_ok(frozen_check(&program.frozen, "x.tflite", &error), &error);
    assert_ok(frozen_resolve_shapes(&program.frozen, "x.tflite", &error), &error);
    for (int i = 4; i <= 5; i++) { /* what the RESHAPE makes, and the TANH of it */
        assert_int_equal(program.tensors[i].rank, 2);
        assert_int_equal(program.tensors[i].shape[0], 2);
        assert_int_equal(program.tensors[i].shape[1], 6);
    }
    begin(&program);
    program.operators[2] = (struct frozen_operator){
        .code = OP_PACK, .inputs = {2, 9, 8}, .input_count = 3, .outputs = {3}};
    program.tensors[3].shape[0] = 3;
    assert_ok(frozen_resolve_shapes(&program.frozen, "x.tflite", &error), &error);
    assert_int_equal(program.tensors[5].rank, 3);
    assert_int_equal(program.tensors[5].shape[1], 3);
    assert_int_equal(program.tensors[5].shape[2], 2);
}

static void other_uses_of_a_shape_are_refused(void **state) {
    (void)state;
    struct program program;
    begin(&program);
    program.operators[2].inputs[0] = 9; /* a batch of three digits */
    assert_refused(&program, "operator 2 (PACK): is supported only where");
    begin(&program);
    program.operators[2].inputs[1] = 9; /* three numbers of six */
    assert_refused(&program, "operator 2 (PACK)");
    begin(&program);
    program.operators[1].inputs[1] = 7; /* not the batch's size */
    assert_refused(&program, "operator 2 (PACK)");
    begin(&program);
    program.operators[1].takes_one = false;
    assert_refused(&program, "operator 2 (PACK)");
    begin(&program);
    program.frozen.output = 1;
    assert_refused(&program, "operator 0 (SHAPE)");
    begin(&program);
    program.operators[4].inputs[0] = 2;
    assert_refused(&program, "operator 1 (STRIDED_SLICE)");
    begin(&program);
    program.operators[2].inputs[1] = -1;
    assert_refused(&program, "operator 2 (PACK)");
}

static void what_computes_shapes_is_written_as_it_was_read(void **state) {
    (void)state;
    struct error error;
    struct frozen *first, *second;
    unsigned char *bytes;
    size_t length;
    const char *path = test_golden("separable/model_int8.tflite");
    assert_ok(tflite_read(path, &first, &error), &error);
    assert_ok(tflite_serialize(first, &bytes, &length, &error), &error);
    assert_ok(tflite_parse(bytes, length, "written", &second, &error), &error);
    assert_int_equal(first->operator_count, second->operator_count);
    int shaping = 0;
    for (int i = 0; i < first->operator_count; i++) {
        assert_int_equal(first->operators[i].code, second->operators[i].code);
        assert_int_equal(first->operators[i].takes_one, second->operators[i].takes_one);
        shaping += frozen_op_shapes(first->operators[i].code);
    }
    assert_int_equal(shaping, 3);
    free(bytes);
    frozen_free(first);
    frozen_free(second);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sizes_that_a_program_computes_are_found),
    cmocka_unit_test(other_uses_of_a_shape_are_refused),
    cmocka_unit_test(what_computes_shapes_is_written_as_it_was_read),
};
TEST_MAIN(tests)
