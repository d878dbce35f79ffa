/* The manual's list of keys is the key table's: the same rows with the same names.  It names all
 * layers and operators that the program knows. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
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

/* A word of its own: no letter, digit or underscore next to it. */
static bool has_word(const char *text, const char *word) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    for (const char *at = text; (at = strstr(at, word)); at++) {
        char before = at == text ? ' ' : at[-1], after = at[strlen(word)];
        if (!strchr(letters, before) && (!after || !strchr(letters, after))) return true;
    }
    return false;
}

static void manual_names_every_layer_activation_and_operator(void **state) {
    (void)state;
    size_t length;
    unsigned char *bytes = test_read(test_asset("../man/qatop.1"), &length);
    char *models = strstr((char *)bytes, "\n.Sh MODELS\n"),
         *end = strstr(models, "\n.Sh DASHBOARD\n");
    assert_non_null(end);
    *end = 0;
    for (enum layer_kind kind = 0; kind < LAYER_KINDS; kind++)
        if (!has_word(models, layer_class(kind))) fail_msg("no %s", layer_class(kind));
    for (enum activation activation = 0; activation < ACTIVATIONS; activation++)
        if (!has_word(models, activation_name(activation)))
            fail_msg("no %s", activation_name(activation));
    for (int code = 0; code < 256; code++)
        if (frozen_op_known(code) && !has_word(models, frozen_op_name(code)))
            fail_msg("no %s", frozen_op_name(code));
    free(bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(manual_names_every_layer_activation_and_operator),
    cmocka_unit_test(manual_lists_every_key_of_the_table_in_its_order),
};
TEST_MAIN(tests)
