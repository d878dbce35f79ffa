#include "test.h"

#include <stdlib.h>
#include <string.h>

static void text_from_a_file_stays_on_one_line(void **state) {
    (void)state;
    struct error error;
    enum status status =
        error_set(&error, STATUS_FORMAT, "a\nb.h5", "layer '%s' is odd", "x\033[2J\177");
    assert_int_equal(status, STATUS_FORMAT);
    char line[256];
    error_format(&error, line, sizeof line);
    assert_string_equal(line, "a?b.h5: layer 'x?[2J?' is odd");
}

static void long_text_is_cut_not_overrun(void **state) {
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    struct error error;
    error_set(&error, STATUS_IO, text, "%s", text);
    assert_int_equal(strlen(error.where), sizeof error.where - 1);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void no_place_gives_the_text_alone(void **state) {
    (void)state;
    struct error error;
    error_set(&error, STATUS_USAGE, NULL, "no such command");
    char line[64];
    error_format(&error, line, sizeof line);
    assert_string_equal(line, "no such command");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_from_a_file_stays_on_one_line),
    cmocka_unit_test(long_text_is_cut_not_overrun),
    cmocka_unit_test(no_place_gives_the_text_alone),
};
TEST_MAIN(tests)
