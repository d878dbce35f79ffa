#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed_point.h"
#include "tflite/requant.h"
#include "tflite/summary.h"
#include "tflite/tflite.h"

static void the_formula_shows_real_signs(void **state) {
    (void)state;
    static float scales[] = {0.155302f, 0.5f, 0.25f};
    static int32_t zeros[] = {12, 12, 12};
    struct frozen_tensor tensor = {
        .type = TYPE_INT8,
        .rank = 1,
        .shape = {3},
        .scale_count = 1,
        .scale = scales,
        .zero_point = zeros,
    };
    char text[160];
    tflite_formula(&tensor, text, sizeof text);
    assert_string_equal(text, "real = 0.155302 * (q - 12)");
    zeros[0] = -128;
    tflite_formula(&tensor, text, sizeof text);
    assert_string_equal(text, "real = 0.155302 * (q + 128)");
    zeros[0] = 0;
    tflite_formula(&tensor, text, sizeof text);
    assert_string_equal(text, "real = 0.155302 * q");
    tensor.scale_count = 3;
    zeros[1] = zeros[2] = 0;
    tflite_formula(&tensor, text, sizeof text);
    assert_string_equal(text, "real = scale[c] * q, 3 scales 0.155302..0.5 along dimension 0");
    tensor.scale_count = 0;
    tflite_formula(&tensor, text, sizeof text);
    assert_string_equal(text, "");
}

static void a_golden_is_listed_operator_by_operator(void **state) {
    (void)state;
    struct error error;
    struct frozen *frozen;
    char *text;
    assert_ok(tflite_read(test_shared("golden/cnn/model_int8.tflite"), &frozen, &error), &error);
    assert_ok(tflite_summary(frozen, false, &text, &error), &error);
    /* golden/cnn/model_int8.tensors.json */
    assert_non_null(strstr(text, "Input: tensor 0, input_1\n"));
    assert_non_null(
        strstr(text, "   1  CONV_2D            5, 6, 3 -> 7  stride 1x1, valid, relu\n"));
    assert_non_null(
        strstr(text, "   2  MAX_POOL_2D        7 -> 8  window 2x2, stride 2x2, valid\n"));
    assert_non_null(strstr(text, "int8    [batch, 10]          real = 0.194322 * (q - 54)\n"));
    assert_non_null(strstr(text, "int8    [batch, 28, 28, 1]   real = 0.00392157 * (q + 128)\n"));
    assert_non_null(strstr(text, "float32 [batch, 10]"));
    assert_non_null(strstr(text, "32 scales "));
    free(text);
    frozen_free(frozen);
}

static void control_characters_in_names_do_not_reach_the_text(void **state) {
    (void)state;
    char name[] = "a\x1b[31m\nb\xff";
    struct frozen_tensor tensor = {
        .name = name, .type = TYPE_FLOAT32, .rank = 1, .shape = {1}, .has_batch = true};
    struct frozen frozen = {.tensors = &tensor, .tensor_count = 1, .description = name};
    struct error error;
    char *text;
    assert_ok(tflite_summary(&frozen, true, &text, &error), &error);
    for (const char *c = text; *c; c++) assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
    assert_non_null(strstr(text, "a?[31m?b?"));
    free(text);
}

/* One operator between two tensors of codes, with weights of two channels. */
static struct frozen_operator hand_operator;
static float hand_scales[3][2];
static int32_t hand_zeros[2];
static char hand_name[] = "w";
static struct frozen_tensor hand_tensors[3];
static struct frozen hand = {
    .tensors = hand_tensors, .tensor_count = 3, .operators = &hand_operator, .operator_count = 1};

static void by_hand(enum frozen_op code, float in, float second, float third, float out) {
    memset(hand_tensors, 0, sizeof hand_tensors);
    const float scales[3][2] = {{in, 0}, {second, third}, {out, 0}};
    memcpy(hand_scales, scales, sizeof scales);
    for (int i = 0; i < 3; i++) {
        hand_tensors[i].name = hand_name;
        hand_tensors[i].type = TYPE_INT8;
        hand_tensors[i].rank = 1;
        hand_tensors[i].shape[0] = 2;
        hand_tensors[i].scale_count = i == 1 && third > 0 ? 2 : 1;
        hand_tensors[i].scale = hand_scales[i];
        hand_tensors[i].zero_point = hand_zeros;
    }
    hand_operator =
        (struct frozen_operator){.code = code, .inputs = {0, 1}, .input_count = 2, .outputs = {2}};
}

static char *summary_by_hand(bool channels) {
    struct error error;
    char *text;
    assert_ok(tflite_summary(&hand, channels, &text, &error), &error);
    return text;
}

static void assert_by_hand(const char *want) {
    char *text = summary_by_hand(true);
    if (!strstr(text, want)) fail_msg("no '%s' in\n%s", want, text);
    free(text);
}

static void multiplier_and_shift_are_what_arithmetic_says(void **state) {
    (void)state;
    /* 2^30 = 1073741824 stands for a half */
    by_hand(OP_CONV_2D, 0.5f, 0.25f, 0, 1);
    assert_by_hand("M = s_in * s_weights / s_out = 0.125 = 1073741824 / 2^31 * 2^-2\n");
    by_hand(OP_FULLY_CONNECTED, 0.5f, 0.75f, 0, 0.5f);
    assert_by_hand(" = 0.75 = 1610612736 / 2^31 * 2^0\n");
    by_hand(OP_DEPTHWISE_CONV_2D, 1, 1, 0, 1);
    assert_by_hand(" = 1 = 1073741824 / 2^31 * 2^1\n");
    by_hand(OP_MEAN, 3, 1, 0, 1);
    assert_by_hand("M = s_in / s_out = 3 = 1610612736 / 2^31 * 2^2\n");
    by_hand(OP_QUANTIZE, 1, 1, 0, 4);
    assert_by_hand("M = s_in / s_out = 0.25 = 1073741824 / 2^31 * 2^-1\n");
    /* (1 + 2^-23) * (1 - 2^-24) / 1 = 1 + 2^-24 - 2^-47: half of it is 2^30 + 2^6 - 2^-17 */
    by_hand(OP_CONV_2D, 1 + 0x1p-23f, 1 - 0x1p-24f, 0, 1);
    assert_by_hand(" = 1 = 1073741888 / 2^31 * 2^1\n");
    /* (1 + 2^-23) (1 - 2^-23) = 1 - 2^-46 rounds up to 2^31, which is 2^30 and one more shift */
    by_hand(OP_CONV_2D, 1 + 0x1p-23f, 1 - 0x1p-23f, 0, 1);
    assert_by_hand(" = 1 = 1073741824 / 2^31 * 2^1\n");
    /* a: 3 / 8, b: 4 / 8, out: 8 / (2^20 * 2) = 2^-18 */
    by_hand(OP_ADD, 3, 4, 0, 2);
    assert_by_hand("M[a] = 0.375 = 1610612736 / 2^31 * 2^-1\n");
    assert_by_hand("M[b] = 0.5 = 1073741824 / 2^31 * 2^0\n");
    assert_by_hand("M[out] = 3.8147e-06 = 1073741824 / 2^31 * 2^-17\n");
    /* 2^-40 is too small for a shift of 31 */
    by_hand(OP_CONV_2D, 0x1p-20f, 0x1p-20f, 0, 1);
    assert_by_hand(" = 0 / 2^31 * 2^0\n");
    by_hand(OP_CONV_2D, 0x1p+20f, 0x1p+20f, 0, 1);
    assert_by_hand("1.09951e+12, which no multiplier can represent\n");
    by_hand(OP_MAX_POOL_2D, 1, 1, 0, 1);
    assert_int_equal(requant_count(&hand, &hand_operator), 0);
}

static void channels_are_listed_on_demand(void **state) {
    (void)state;
    by_hand(OP_CONV_2D, 0.5f, 0.25f, 0.75f, 1);
    assert_by_hand("M[c] = s_in * s_weights[c] / s_out = 0.125..0.375, 2 channels\n");
    assert_by_hand("\nChannels of tensor 1, w, along dimension 0\n");
    assert_by_hand("     0           0.25           0        0.125  1073741824     -2\n");
    assert_by_hand("     1           0.75           0        0.375  1610612736     -1\n");
    char *text = summary_by_hand(false);
    assert_null(strstr(text, "Channels"));
    free(text);
}

/* Without frexp: double or halve until it fits, then round in a wider type. */
static struct fixed second_method(double real) {
    struct fixed fixed = {0, 0};
    for (; real >= 1; real /= 2) fixed.shift++;
    for (; real < 0.5; real *= 2) fixed.shift--;
    fixed.value = (int32_t)llroundl((long double)real * 2147483648.0L);
    return fixed;
}

static double scale_of(const json_t *tensors, int tensor, size_t c) {
    const json_t *scales = json_object_get(json_array_get(tensors, (size_t)tensor), "scale");
    return json_number_value(json_array_get(scales, c));
}

/* Scales as TensorFlow printed them. */
static void multipliers_of_the_goldens_follow_from_their_scales(void **state) {
    (void)state;
    static const char *const names[] = {"fc", "cnn", "cnn_bn"};
    int compared = 0;
    for (int i = 0; i < 3; i++) {
        char path[96];
        struct error error;
        struct frozen *frozen;
        snprintf(path, sizeof path, "golden/%s/model_int8.tensors.json", names[i]);
        json_t *root = json_load_file(test_shared(path), 0, NULL);
        assert_non_null(root);
        const json_t *tensors = json_object_get(root, "tensors");
        snprintf(path, sizeof path, "golden/%s/model_int8.tflite", names[i]);
        assert_ok(tflite_read(test_shared(path), &frozen, &error), &error);
        for (int j = 0; j < frozen->operator_count; j++) {
            const struct frozen_operator *op = &frozen->operators[j];
            bool has_weights = op->code == OP_CONV_2D || op->code == OP_DEPTHWISE_CONV_2D ||
                               op->code == OP_FULLY_CONNECTED;
            int count = requant_count(frozen, op);
            if (has_weights) assert_true(count > 0);
            for (int c = 0; c < count; c++, compared++) {
                double real = scale_of(tensors, op->inputs[0], 0);
                if (has_weights) real *= scale_of(tensors, op->inputs[1], (size_t)c);
                real /= scale_of(tensors, op->outputs[0], 0);
                struct fixed fixed, want = second_method(real);
                assert_true(fixed_from_double(requant_real(frozen, op, c), &fixed));
                assert_int_equal(fixed.value, want.value);
                assert_int_equal(fixed.shift, want.shift);
            }
        }
        frozen_free(frozen);
        json_decref(root);
    }
    print_message("# %d factors compared\n", compared);
    assert_true(compared > 2 + 32 + 64 + 1); /* fc, cnn, and all of cnn_bn's */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_formula_shows_real_signs),
    cmocka_unit_test(a_golden_is_listed_operator_by_operator),
    cmocka_unit_test(multiplier_and_shift_are_what_arithmetic_says),
    cmocka_unit_test(channels_are_listed_on_demand),
    cmocka_unit_test(multipliers_of_the_goldens_follow_from_their_scales),
    cmocka_unit_test(control_characters_in_names_do_not_reach_the_text),
};
TEST_MAIN(tests)
