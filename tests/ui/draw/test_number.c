#include "test.h"

#include <math.h>
#include <string.h>

#include "ui/draw/number.h"

static void expect(double value, int width, int decimals, const char *want) {
    char text[32];
    assert_string_equal(number_fit(value, width, decimals, text, sizeof text), want);
}

static void zero_is_printed_as_0_and_what_is_no_number_by_name(void **state) {
    (void)state;
    expect(0.0, 8, 3, "0");
    expect(-0.0, 8, 3, "0");
    expect((double)NAN, 8, 3, "NaN");
    expect((double)INFINITY, 8, 3, "inf");
    expect(-(double)INFINITY, 8, 3, "-inf");
    expect((double)INFINITY, 2, 3, "#");
}

static void values_show_the_digits_that_fit(void **state) {
    (void)state;
    expect(-21.74, 8, 3, "-21.740");
    expect(-21.74, 6, 3, "-21.74");
    expect(-21.74, 3, 3, "-22");
    expect(0.0039215686, 8, 6, "0.003922");
    expect(0.0412, 8, 3, "0.0412");
    expect(0.00012345, 9, 6, "0.000123");
    expect(3.92e-9, 8, 6, "3.9e-09");
    expect(1e-12, 5, 3, "1e-12");
    expect(123456789.0, 8, 2, "1.2e+08");
    expect(123456789.0, 9, 2, "123456789");
    expect(5.0, 0, 2, "");
}

static void nothing_is_wider_than_asked(void **state) {
    (void)state;
    for (int width = 1; width < 12; width++) {
        for (int power = -20; power < 20; power++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                char text[32];
                number_fit(sign * 1.2345678 * pow(10, power), width, 3, text, sizeof text);
                assert_true((int)strlen(text) <= width);
                assert_true(strlen(text) > 0);
            }
        }
    }
}

static void ticks_are_round_and_inside(void **state) {
    (void)state;
    double ticks[16];
    int decimals;
    assert_int_equal(number_ticks(0, 2.31, 3, ticks, &decimals), 3);
    assert_near(ticks[0], 0, 0);
    assert_near(ticks[1], 1, 0);
    assert_near(ticks[2], 2, 0);
    assert_int_equal(decimals, 0);
    assert_int_equal(number_ticks(97.42, 98.13, 4, ticks, &decimals), 3);
    assert_near(ticks[0], 97.6, 1e-9);
    assert_near(ticks[1], 97.8, 1e-9);
    assert_near(ticks[2], 98.0, 1e-9);
    assert_int_equal(decimals, 1);
    assert_int_equal(number_ticks(1, 1, 4, ticks, &decimals), 0);
    assert_int_equal(number_ticks(0, (double)NAN, 4, ticks, &decimals), 0);
    for (int max_count = 1; max_count <= 16; max_count++) {
        for (double high = 1e-6; high < 1e9; high *= 3.7) {
            int count = number_ticks(0, high, max_count, ticks, &decimals);
            assert_in_range(count, 1, max_count);
            for (int i = 0; i < count; i++) assert_true(ticks[i] <= high * (1 + 1e-8));
        }
    }
}

static void log_ticks_are_1_2_5_times_powers_of_ten_where_there_is_room(void **state) {
    (void)state;
    double ticks[16];
    assert_int_equal(number_log_ticks(.05, 2.5, 8, ticks), 6);
    static const double want[] = {.05, .1, .2, .5, 1, 2};
    for (int i = 0; i < 6; i++) assert_near(ticks[i], want[i], 1e-12);
    assert_int_equal(number_log_ticks(.05, 2.5, 2, ticks), 2);
    assert_near(ticks[0], .1, 1e-12);
    assert_near(ticks[1], 1, 1e-12);
    assert_int_equal(number_log_ticks(0, 2.5, 8, ticks), 0);
}

static void time_ticks_are_what_a_person_counts_in(void **state) {
    (void)state;
    double ticks[16];
    assert_int_equal(number_time_ticks(0, 125, 5, ticks), 5);
    assert_near(ticks[1], 30, 0);
    assert_int_equal(number_time_ticks(10, 4000, 4, ticks), 4);
    assert_near(ticks[0], 900, 0);
    assert_near(ticks[3], 3600, 0);
    assert_int_equal(number_time_ticks(0, 0, 4, ticks), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(zero_is_printed_as_0_and_what_is_no_number_by_name),
    cmocka_unit_test(values_show_the_digits_that_fit),
    cmocka_unit_test(nothing_is_wider_than_asked),
    cmocka_unit_test(ticks_are_round_and_inside),
    cmocka_unit_test(log_ticks_are_1_2_5_times_powers_of_ten_where_there_is_room),
    cmocka_unit_test(time_ticks_are_what_a_person_counts_in),
};
TEST_MAIN(tests)
