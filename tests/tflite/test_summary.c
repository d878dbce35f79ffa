#include "test.h"

#include <stdlib.h>
#include <string.h>

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
    assert_ok(tflite_summary(frozen, &text, &error), &error);
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
    assert_ok(tflite_summary(&frozen, &text, &error), &error);
    for (const char *c = text; *c; c++) assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
    assert_non_null(strstr(text, "a?[31m?b?"));
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_formula_shows_real_signs),
    cmocka_unit_test(a_golden_is_listed_operator_by_operator),
    cmocka_unit_test(control_characters_in_names_do_not_reach_the_text),
};
TEST_MAIN(tests)
