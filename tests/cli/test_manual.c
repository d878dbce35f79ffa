/* The manual's list of keys is the key table's: the same rows with the same names. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tflite/frozen.h"
#include "ui/keys.h"

/* What a `.It Ic` line of the manual shows, roff's escapes undone. */
static void plain_text(const char *roff, char *out, size_t size) {
    size_t used = 0;
    while (*roff && *roff != '\n' && used + 1 < size) {
        if (!strncmp(roff, "\\&", 2)) {
            roff += 2;
        } else if (!strncmp(roff, "\\(ti", 4)) {
            out[used++] = '~';
            roff += 4;
        } else if (!strncmp(roff, "\\e", 2)) {
            out[used++] = '\\';
            roff += 2;
        } else if (!strncmp(roff, "\\-", 2)) {
            out[used++] = '-';
            roff += 2;
        } else {
            out[used++] = *roff++;
        }
    }
    out[used] = 0;
}

static void manual_lists_every_key_of_the_table_in_its_order(void **state) {
    (void)state;
    size_t length;
    unsigned char *bytes = test_read(test_asset("../man/qatop.1"), &length);
    const char *line = strstr((const char *)bytes, "\n.Ss Keys\n");
    assert_non_null(line);
    const char *end = strstr(line + 1, "\n.El\n");
    assert_non_null(end);
    size_t row = 0;
    while ((line = strstr(line + 1, "\n.It Ic ")) && line < end) {
        char shown[64], names[64];
        assert_true(row < key_count);
        plain_text(line + strlen("\n.It Ic "), shown, sizeof shown);
        assert_string_equal(shown, key_names(&keys[row], names, sizeof names));
        row++;
    }
    assert_int_equal(row, key_count);
    free(bytes);
}

static void manual_lists_every_operator_that_is_run(void **state) {
    (void)state;
    size_t length;
    char *text = (char *)test_read(test_asset("../man/qatop.1"), &length);
    int known = 0;
    for (int code = 0; frozen_op_name(code); code++) {
        char line[64];
        if (!frozen_op_known(code)) continue;
        known++;
        snprintf(line, sizeof line, "\n.Dv %s", frozen_op_name(code));
        const char *found = strstr(text, line);
        if (!found) print_error("the manual has no %s\n", frozen_op_name(code));
        assert_non_null(found);
    }
    assert_true(known > 10);
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(manual_lists_every_operator_that_is_run),
    cmocka_unit_test(manual_lists_every_key_of_the_table_in_its_order),
};
TEST_MAIN(tests)
