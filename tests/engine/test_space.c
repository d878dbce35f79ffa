/* SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: what is not as the converter writes it.  That they
 * compute what TFLite computes is in test_operators.c and tests/train/test_golden.c. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "tflite/tflite.h"

/* The file's operators: QUANTIZE, CONV_2D, then three times APART, a convolution, BACK, BIAS. */
enum { APART = 2, CONVOLUTION, BACK, BIAS, APART_AGAIN };

static struct frozen *golden(void) {
    struct error error;
    struct frozen *frozen;
    assert_ok(tflite_read(test_golden("dilated/model_ptq.tflite"), &frozen, &error), &error);
    assert_int_equal(frozen->operators[APART].code, OP_SPACE_TO_BATCH_ND);
    assert_int_equal(frozen->operators[BACK].code, OP_BATCH_TO_SPACE_ND);
    assert_int_equal(frozen->operators[BIAS].code, OP_ADD);
    assert_int_equal(frozen->operators[APART_AGAIN].code, OP_SPACE_TO_BATCH_ND);
    return frozen;
}

static int32_t *numbers(struct frozen *frozen, int op, int input) {
    return frozen->tensors[frozen->operators[op].inputs[input]].data;
}

static struct frozen_tensor *output(struct frozen *frozen, int op) {
    return &frozen->tensors[frozen->operators[op].outputs[0]];
}

static void assert_refused(struct frozen *frozen, const char *text) {
    struct error error = {.text = ""};
    struct engine *engine;
    assert_int_not_equal(engine_create(&engine, frozen, RUNTIME_REF, 3, "x", &error), STATUS_OK);
    assert_null(engine);
    if (!strstr(error.text, text)) fail_msg("got '%s', want '%s'", error.text, text);
    frozen_free(frozen);
}

static void blocks_and_borders_that_do_not_fit_are_refused(void **state) {
    (void)state;
    struct frozen *frozen = golden();
    numbers(frozen, APART, 1)[0] = 0;
    assert_refused(frozen, "operator 2 (SPACE_TO_BATCH_ND): its block is not a constant of two");
    frozen = golden();
    numbers(frozen, APART, 1)[0] = numbers(frozen, APART, 1)[1] = INT32_MAX;
    assert_refused(frozen, "operator 2 (SPACE_TO_BATCH_ND): its block is not a constant of two");
    frozen = golden();
    frozen->operators[APART].input_count = 1;
    assert_refused(frozen, "operator 2 (SPACE_TO_BATCH_ND): its block is not a constant of two");
    frozen = golden();
    frozen->operators[APART].input_count = 2;
    assert_refused(frozen,
                   "operator 2 (SPACE_TO_BATCH_ND): its paddings are not an int32 constant");
    frozen = golden();
    numbers(frozen, APART, 2)[1]++;
    assert_refused(frozen, "operator 2 (SPACE_TO_BATCH_ND): its block and paddings do not give");
    frozen = golden();
    numbers(frozen, APART, 2)[2] -= 7; /* below 0 */
    numbers(frozen, APART, 2)[3] += 7;
    assert_refused(frozen, "operator 2 (SPACE_TO_BATCH_ND): its block and paddings do not give");
    frozen = golden();
    numbers(frozen, BACK, 2)[0]++; /* also the paddings of a later operator */
    assert_refused(frozen, "operator 4 (BATCH_TO_SPACE_ND): its block and crops do not give");
    frozen = golden();
    output(frozen, BACK)->scale[0] *= 2;
    assert_refused(frozen, "operator 4 (BATCH_TO_SPACE_ND): input and output differ in scale");
}

static void blocks_that_do_not_pair_up_are_refused(void **state) {
    (void)state;
    struct frozen *frozen = golden();
    struct frozen_operator *ops = frozen->operators;
    ops[BIAS].inputs[0] = ops[BACK].inputs[0];
    assert_refused(frozen,
                   "operator 6 (SPACE_TO_BATCH_ND): its input is already split into blocks");
    frozen = golden();
    ops = frozen->operators;
    ops[BACK].inputs[0] = ops[APART].inputs[0];
    assert_refused(frozen, "operator 4 (BATCH_TO_SPACE_ND): its input was not split by a");
    frozen = golden();
    ops = frozen->operators;
    ops[BIAS].inputs[1] = ops[BACK].inputs[0];
    assert_refused(frozen, "operator 5 (ADD): one of its inputs is split into blocks, another is");
    frozen = golden();
    ops = frozen->operators;
    ops[BIAS].inputs[0] = ops[BACK].inputs[0];
    ops[BIAS].code = OP_RESHAPE;
    assert_refused(frozen, "operator 5 (RESHAPE): is not supported between SPACE_TO_BATCH_ND and");
    frozen = golden();
    ops = frozen->operators;
    frozen->output = ops[BACK].inputs[0];
    assert_refused(frozen,
                   "operator 3 (CONV_2D): it writes the program's output, which is still split");
}

static void a_constant_that_does_not_fit_is_not_added(void **state) {
    (void)state;
    struct frozen *frozen = golden();
    struct frozen_tensor *bias = &frozen->tensors[frozen->operators[BIAS].inputs[1]];
    assert_int_equal(bias->shape[0], 6);
    bias->rank = 2;
    bias->shape[1] = 1; /* one a row */
    assert_refused(frozen, "operator 5 (ADD): its constant does not fit");
    frozen = golden();
    bias = &frozen->tensors[frozen->operators[BIAS].inputs[1]];
    bias->rank = 4;
    for (int i = 1; i < 4; i++) bias->shape[i] = 1; /* one a digit */
    assert_refused(frozen, "operator 5 (ADD): its constant does not fit");
}

#define DIGITS 5

static void run(const struct frozen *frozen, enum runtime runtime, float outputs[DIGITS][10]) {
    static float pixels[DIGITS][784];
    struct engine *engine;
    struct error error;
    for (int i = 0; i < DIGITS * 784; i++) pixels[i / 784][i % 784] = (float)(i * 37 % 256) / 255;
    assert_ok(engine_create(&engine, frozen, runtime, DIGITS, "x", &error), &error);
    engine_run(engine, NULL, DIGITS, pixels, outputs);
    engine_destroy(engine);
}

/* The converter then counts each digit's images. */
static void a_fixed_batch_of_any_size_is_run_digit_by_digit(void **state) {
    (void)state;
    struct frozen *plain = golden(), *fixed = golden();
    for (int i = 0; i < fixed->tensor_count; i++)
        if (!fixed->tensors[i].data) fixed->tensors[i].shape[0] = 3;
    int images = 1;
    for (int i = 0; i < fixed->operator_count; i++) {
        if (fixed->operators[i].code == OP_SPACE_TO_BATCH_ND)
            images = numbers(fixed, i, 1)[0] * numbers(fixed, i, 1)[1];
        if (fixed->operators[i].code == OP_BATCH_TO_SPACE_ND) images = 1;
        output(fixed, i)->shape[0] = 3 * images;
    }
    assert_int_equal(output(fixed, CONVOLUTION)->shape[0], 12);
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        float want[DIGITS][10], got[DIGITS][10];
        run(plain, runtime, want);
        run(fixed, runtime, got);
        assert_memory_equal(got, want, sizeof want);
    }
    frozen_free(plain);
    output(fixed, CONVOLUTION)->shape[0] = 6;
    assert_refused(fixed, "its first dimension is not the batch size, 3");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(blocks_and_borders_that_do_not_fit_are_refused),
    cmocka_unit_test(blocks_that_do_not_pair_up_are_refused),
    cmocka_unit_test(a_constant_that_does_not_fit_is_not_added),
    cmocka_unit_test(a_fixed_batch_of_any_size_is_run_digit_by_digit),
};
TEST_MAIN(tests)
