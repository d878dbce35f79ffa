#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ui/draw/canvas.h"
#include "ui/dump.h"

static struct canvas make(int rows, int columns, enum glyph_level glyphs) {
    struct canvas canvas;
    assert_true(canvas_create(&canvas, rows, columns));
    canvas.glyphs = glyphs;
    return canvas;
}

static void check_dump(const struct canvas *canvas, const char *want) {
    char *text = canvas_dump(canvas);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void a_dump_holds_rows_without_trailing_spaces(void **state) {
    (void)state;
    struct canvas canvas = make(3, 6, GLYPHS_BRAILLE);
    canvas_text(&canvas, 0, 1, COLOR_TEXT, "ab");
    canvas_put(&canvas, 2, 5, 0x2588, COLOR_BAR);
    check_dump(&canvas, " ab\n\n     \xe2\x96\x88\n");
    canvas_free(&canvas);
    canvas_free(&canvas);
}

static void everything_outside_is_cut(void **state) {
    (void)state;
    struct canvas canvas = make(2, 4, GLYPHS_BLOCK);
    assert_int_equal(canvas_text(&canvas, 0, 2, COLOR_TEXT, "abcdef"), 8);
    assert_int_equal(canvas_text(&canvas, 1, -2, COLOR_TEXT, "xyz"), 1);
    canvas_text(&canvas, -1, 0, COLOR_TEXT, "no");
    canvas_text(&canvas, 2, 0, COLOR_TEXT, "no");
    canvas_fill(&canvas, 1, 3, 1000000, '.', COLOR_TEXT);
    canvas_bold(&canvas, 5, -5, 20);
    canvas_reverse(&canvas, 0, -5, 20);
    canvas_grey(&canvas, 7, 7, 1, 2);
    check_dump(&canvas, "  ab\nz  .\n");
    canvas_free(&canvas);
}

static void a_part_shares_cells_and_never_reaches_beyond_itself(void **state) {
    (void)state;
    struct canvas canvas = make(4, 8, GLYPHS_BLOCK);
    struct canvas part = canvas_part(&canvas, 1, 2, 2, 3);
    canvas_text(&part, 0, 0, COLOR_TEXT, "abcdef");
    canvas_text(&part, 1, 1, COLOR_TEXT, "xy");
    canvas_text(&part, 2, 0, COLOR_TEXT, "no");
    check_dump(&canvas, "\n  abc\n   xy\n\n");
    struct canvas corner = canvas_part(&canvas, 3, 6, 100, 100);
    assert_int_equal(corner.rows, 1);
    assert_int_equal(corner.columns, 2);
    struct canvas nothing = canvas_part(&canvas, 9, 9, 2, 2);
    assert_int_equal(nothing.rows, 0);
    canvas_text(&nothing, 0, 0, COLOR_TEXT, "no");
    canvas_clear(&part);
    check_dump(&canvas, "\n\n\n\n");
    canvas_free(&canvas);
}

static void text_from_elsewhere_keeps_the_columns(void **state) {
    (void)state;
    struct canvas canvas = make(1, 12, GLYPHS_BRAILLE);
    /* a tab, an escape, a wide character, a byte that is no UTF-8, an overlong slash */
    canvas_text(&canvas, 0, 0, COLOR_TEXT,
                "a\t\033\xe4\xb8\xad\xff\xc0\xaf"
                "b\xc3\xa9");
    check_dump(&canvas, "a??????b\xc3\xa9\n");
    canvas_free(&canvas);
}

static void ascii_level_leaves_only_ascii(void **state) {
    (void)state;
    struct canvas canvas = make(1, 16, GLYPHS_ASCII);
    canvas_text(&canvas, 0, 0, COLOR_TEXT,
                "\u256d\u2500\u252c\u2502\u2588\u2591\u2026\u2192\u2212\u28ff");
    check_dump(&canvas, "+-+|#..>-*\n");
    for (uint32_t glyph = 0; glyph < 0x3000; glyph++) {
        uint32_t low = glyph_lower(glyph, GLYPHS_ASCII);
        assert_true(low >= 0x20 && low < 0x7f);
    }
    canvas_free(&canvas);
}

static void a_bar_is_as_long_as_its_share(void **state) {
    (void)state;
    struct canvas canvas = make(5, 8, GLYPHS_BLOCK);
    canvas_bar(&canvas, 0, 0, 8, 0.5, COLOR_BAR);
    canvas_bar(&canvas, 1, 0, 8, 0.578125, COLOR_BAR); /* 4 cells and 5 eighths */
    canvas_bar(&canvas, 2, 0, 8, 7.0, COLOR_BAR);
    canvas_bar(&canvas, 3, 0, 8, (double)NAN, COLOR_BAR);
    canvas_bar(&canvas, 4, 0, 8, -1, COLOR_BAR);
    check_dump(&canvas, "\u2588\u2588\u2588\u2588\n\u2588\u2588\u2588\u2588\u258b\n"
                        "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\n\n\n");
    canvas_free(&canvas);
    canvas = make(1, 8, GLYPHS_ASCII);
    canvas_fill(&canvas, 0, 0, 8, '.', COLOR_DIM);
    canvas_bar(&canvas, 0, 0, 8, 0.25, COLOR_BAR);
    check_dump(&canvas, "##......\n");
    canvas_free(&canvas);
}

static void greys_go_from_black_to_white(void **state) {
    (void)state;
    struct canvas canvas = make(1, 4, GLYPHS_BLOCK);
    canvas.has_greys = true;
    canvas_grey(&canvas, 0, 0, 0, 255);
    canvas_grey(&canvas, 0, 1, 128, 5);
    assert_int_equal(canvas.cells[0].glyph, 0x2580);
    assert_int_equal(canvas.cells[0].color, COLOR_GREY);
    assert_int_equal(canvas.cells[0].ink, 0);
    assert_int_equal(canvas.cells[0].paper, 23);
    assert_int_equal(canvas.cells[1].ink, 12); /* 128 * 23 / 255 = 11.55 */
    assert_int_equal(canvas.cells[1].paper, 0);
    canvas.has_greys = false;
    canvas_grey(&canvas, 0, 0, 255, 0);
    canvas_grey(&canvas, 0, 1, 0, 255);
    canvas_grey(&canvas, 0, 2, 255, 255);
    canvas_grey(&canvas, 0, 3, 0, 0);
    check_dump(&canvas, "\u2580\u2584\u2588\n");
    canvas.glyphs = GLYPHS_ASCII;
    for (int i = 0; i < 4; i++)
        canvas_grey(&canvas, 0, i, (unsigned char)(i * 85), (unsigned char)(i * 85));
    check_dump(&canvas, " -*@\n");
    canvas_free(&canvas);
}

static void every_character_survives_encoding(void **state) {
    (void)state;
    for (uint32_t glyph = 1; glyph <= 0x10ffff; glyph += glyph < 0x900 ? 1 : 97) {
        char bytes[5] = "";
        size_t length = utf8_put(glyph, bytes);
        const char *at = bytes;
        assert_int_equal(utf8_next(&at), glyph);
        assert_int_equal(at - bytes, length);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_dump_holds_rows_without_trailing_spaces),
    cmocka_unit_test(everything_outside_is_cut),
    cmocka_unit_test(a_part_shares_cells_and_never_reaches_beyond_itself),
    cmocka_unit_test(text_from_elsewhere_keeps_the_columns),
    cmocka_unit_test(ascii_level_leaves_only_ascii),
    cmocka_unit_test(a_bar_is_as_long_as_its_share),
    cmocka_unit_test(greys_go_from_black_to_white),
    cmocka_unit_test(every_character_survives_encoding),
};
TEST_MAIN(tests)
