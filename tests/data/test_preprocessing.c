#include "test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/preprocessing.h"

static struct preprocessing parse(const char *text) {
    struct preprocessing preprocessing;
    struct error error;
    assert_ok(preprocessing_parse(&preprocessing, text, &error), &error);
    assert_string_equal(preprocessing.name, text);
    return preprocessing;
}

static void unit_divides_by_255_to_the_last_bit(void **state) {
    (void)state;
    struct preprocessing unit = parse("unit");
    unsigned char bytes[256];
    float floats[256], from_bytes[256 + 16], from_floats[256];
    int multiplied = 0;
    for (int i = 0; i < 256; i++) floats[i] = bytes[i] = (unsigned char)i;
    preprocessing_bytes(&unit, 1, 256, bytes, from_bytes);
    preprocessing_floats(&unit, 1, 256, floats, from_floats);
    for (int i = 0; i < 256; i++) {
        float want = (float)i / 255.0f;
        assert_true(unit.table[0][i] == want);
        assert_true(from_bytes[i] == want);
        assert_true(from_floats[i] == want);
        multiplied += (float)i * (1 / 255.0f) == want;
    }
    assert_true(multiplied < 256); /* so there is something to see */
}

static void every_other_one_is_scaled_and_then_moved(void **state) {
    (void)state;
    static const struct {
        const char *text;
        float scale, offset;
    } cases[] = {{"raw", 1, 0},       {"signed", 1 / 127.5f, -1}, {"0.5", 0.5f, 0},
                 {"2,-100", 2, -100}, {"-1,255", -1, 255},        {"0x1p-8,.25", 1 / 256.0f, 0.25f},
                 {"1e-3,0", 1e-3f, 0}};
    static const float floats[] = {-3.5f, 0, 0.1f, 1000};
    unsigned char bytes[256];
    float got[256 + 16];
    for (int i = 0; i < 256; i++) bytes[i] = (unsigned char)i;
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct preprocessing by = parse(cases[n].text);
        assert_int_equal(by.channels, 1);
        preprocessing_bytes(&by, 1, 256, bytes, got);
        for (int i = 0; i < 256; i++) {
            assert_true(got[i] == (float)i * cases[n].scale + cases[n].offset);
            assert_true(by.table[0][i] == got[i]);
        }
        preprocessing_floats(&by, 1, 4, floats, got);
        for (int i = 0; i < 4; i++)
            assert_true(got[i] == floats[i] * cases[n].scale + cases[n].offset);
    }
    struct preprocessing centred = parse("signed");
    assert_true(centred.table[0][0] == -1);
    assert_near(centred.table[0][255], 1, FLT_EPSILON);
}

static void other_texts_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",    "UNIT", "unit ",  "units", "1,",    ",1",   "1,2,3", "1 2",    "0",   "0,1",
        "nan", "inf",  "-inf,0", "1,nan", "1,inf", "1e39", "1e-60", "1,1e39", "1;2", "signed,1"};
    struct preprocessing preprocessing;
    struct error error;
    char want[128], text[80];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (preprocessing_parse(&preprocessing, texts[i], &error) != STATUS_USAGE)
            fail_msg("'%s' is taken", texts[i]);
        snprintf(want, sizeof want, "'%s' is not unit, raw, signed, SCALE or SCALE,OFFSET",
                 texts[i]);
        assert_string_equal(error.where, "--rescale");
        assert_string_equal(error.text, want);
    }
    /* The longest name. */
    snprintf(text, sizeof text, "1.%060d", 5);
    assert_int_equal(strlen(text), 62);
    strcat(text, "1");
    assert_string_equal(parse(text).name, text);
    strcat(text, "1");
    assert_int_equal(preprocessing_parse(&preprocessing, text, &error), STATUS_USAGE);
}

static void each_channel_is_normalized_by_its_own_mean_and_deviation(void **state) {
    (void)state;
    /* ImageNet's, as most RGB models take it. */
    static const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
    struct preprocessing by = parse("unit");
    struct error error;
    unsigned char bytes[256 * 3];
    float floats[256 * 3], from_bytes[256 * 3], from_floats[256 * 3];
    for (int i = 0; i < 256 * 3; i++) {
        bytes[i] = (unsigned char)(i / 3);
        floats[i] = bytes[i];
    }
    assert_ok(preprocessing_normalize(&by, 3, mean, std, &error), &error);
    assert_int_equal(by.channels, 3);
    preprocessing_bytes(&by, 3, 256 * 3, bytes, from_bytes);
    preprocessing_floats(&by, 3, 256 * 3, floats, from_floats);
    for (int i = 0; i < 256 * 3; i++) {
        double want = (i / 3 / 255.0 - (double)mean[i % 3]) / (double)std[i % 3];
        assert_near(from_bytes[i], want, 1e-6);
        assert_true(from_bytes[i] == from_floats[i]);
        assert_true(from_bytes[i] == by.table[i % 3][i / 3]);
    }
    float min, max;
    preprocessing_range(&by, &min, &max);
    assert_near(min, -0.485 / 0.229, 1e-6); /* of red, whose mean is the highest, */
    assert_near(max, 0.594 / 0.225, 1e-6);  /* and of blue, whose mean is the lowest */
}

static void one_mean_and_deviation_are_for_all_channels(void **state) {
    (void)state;
    static const float mean = 0.5f, std = 0.25f;
    struct preprocessing by = parse("unit"), plain = parse("-1,255");
    struct error error;
    float min, max;
    preprocessing_range(&plain, &min, &max); /* also where it falls */
    assert_true(min == 0 && max == 255);
    assert_ok(preprocessing_normalize(&by, 1, &mean, &std, &error), &error);
    preprocessing_range(&by, &min, &max);
    assert_near(min, -2, 1e-6);
    assert_near(max, 2, 1e-6);
    const unsigned char bytes[6] = {0, 255, 0, 255, 255, 0};
    float got[6 + 16];
    preprocessing_bytes(&by, 3, 6, bytes, got);
    for (int i = 0; i < 6; i++) assert_true(got[i] == (bytes[i] ? max : min));
}

static void a_deviation_must_be_positive_and_all_results_finite(void **state) {
    (void)state;
    static const struct {
        int channels;
        float mean, std;
    } wrong[] = {{0, 0, 1},          {MAX_CHANNELS + 1, 0, 1}, {2, 0, 0},
                 {2, 0, -1},         {2, 0, (float)NAN},       {2, 0, (float)INFINITY},
                 {2, (float)NAN, 1}, {2, (float)INFINITY, 1},  {2, 0.5f, 1e-45f}};
    struct preprocessing unit = parse("unit"), by = unit;
    struct error error;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        float mean[MAX_CHANNELS + 1] = {0}, std[MAX_CHANNELS + 1];
        for (int c = 0; c <= MAX_CHANNELS; c++) std[c] = 1;
        mean[1] = wrong[i].mean;
        std[1] = wrong[i].std;
        assert_int_equal(preprocessing_normalize(&by, wrong[i].channels, mean, std, &error),
                         STATUS_USAGE);
        assert_memory_equal(&by, &unit, sizeof by); /* left as it was */
    }
}

static void the_same_arithmetic_is_equal_whatever_its_name(void **state) {
    (void)state;
    static const float mean[] = {0, 0, 0}, std[] = {1, 1, 2};
    struct preprocessing raw = parse("raw"), one = parse("1"), unit = parse("unit");
    struct preprocessing multiplied = parse("0.003921569"), three = raw, moved = parse("1,1");
    struct error error;
    assert_true(preprocessing_equal(&raw, &one));
    assert_false(preprocessing_equal(&raw, &unit));
    assert_false(preprocessing_equal(&raw, &moved));
    assert_true(multiplied.scale[0] == unit.scale[0]);
    assert_false(preprocessing_equal(&multiplied, &unit)); /* that one divides */
    assert_ok(preprocessing_normalize(&three, 3, mean, std, &error), &error);
    assert_false(preprocessing_equal(&three, &raw));
    struct preprocessing other = three;
    assert_true(preprocessing_equal(&three, &other));
    other.offset[2] = 1;
    assert_false(preprocessing_equal(&three, &other));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(unit_divides_by_255_to_the_last_bit),
    cmocka_unit_test(every_other_one_is_scaled_and_then_moved),
    cmocka_unit_test(other_texts_are_refused),
    cmocka_unit_test(each_channel_is_normalized_by_its_own_mean_and_deviation),
    cmocka_unit_test(one_mean_and_deviation_are_for_all_channels),
    cmocka_unit_test(a_deviation_must_be_positive_and_all_results_finite),
    cmocka_unit_test(the_same_arithmetic_is_equal_whatever_its_name),
};
TEST_MAIN(tests)
