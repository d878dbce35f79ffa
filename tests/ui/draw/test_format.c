#include "test.h"

#include <math.h>

#include "ui/draw/format.h"

static void sizes_have_three_digits(void **state) {
    (void)state;
    char out[32];
    assert_string_equal(format_bytes(0, out, sizeof out), "0 B");
    assert_string_equal(format_bytes(999, out, sizeof out), "999 B");
    assert_string_equal(format_bytes(25190, out, sizeof out), "24.6 KiB");
    assert_string_equal(format_bytes(1258291, out, sizeof out), "1.20 MiB");
    assert_string_equal(format_bytes(1048575, out, sizeof out), "1.00 MiB");
    assert_string_equal(format_bytes((double)NAN, out, sizeof out), "--");
}

static void durations_are_read_at_a_glance(void **state) {
    (void)state;
    char out[32];
    assert_string_equal(format_duration(4.24, out, sizeof out), "4.2 s");
    assert_string_equal(format_duration(9.97, out, sizeof out), "10 s");
    assert_string_equal(format_duration(59.4, out, sizeof out), "59 s");
    assert_string_equal(format_duration(59.6, out, sizeof out), "1m00s");
    assert_string_equal(format_duration(96, out, sizeof out), "1m36s");
    assert_string_equal(format_duration(7500, out, sizeof out), "2h05m");
    assert_string_equal(format_duration(-1, out, sizeof out), "--");
    assert_string_equal(format_duration((double)NAN, out, sizeof out), "--");
    assert_string_equal(format_clock(96.9, out, sizeof out), "00:01:36");
    assert_string_equal(format_time(0.0135, out, sizeof out), "13.5 ms");
    assert_string_equal(format_time(0.00042, out, sizeof out), "420 us");
    assert_string_equal(format_time(1.2, out, sizeof out), "1.20 s");
}

static void counts_have_three_digits(void **state) {
    (void)state;
    char out[32];
    assert_string_equal(format_count(950, out, sizeof out), "950");
    assert_string_equal(format_count(4730, out, sizeof out), "4.73k");
    assert_string_equal(format_count(12345, out, sizeof out), "12.3k");
    assert_string_equal(format_count(1.2e6, out, sizeof out), "1.20M");
    assert_string_equal(format_count((double)INFINITY, out, sizeof out), "--");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sizes_have_three_digits),
    cmocka_unit_test(durations_are_read_at_a_glance),
    cmocka_unit_test(counts_have_three_digits),
};
TEST_MAIN(tests)
