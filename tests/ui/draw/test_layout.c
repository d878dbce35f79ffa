#include "test.h"

#include <string.h>

#include "ui/draw/layout.h"

#define COLUMNS_TRIED 230
#define ROWS_TRIED    75

static bool is_inside(struct rect rect, int columns, int rows) {
    return rect.row >= 0 && rect.column >= 0 && rect.rows >= 0 && rect.columns >= 0 &&
           rect.row + rect.rows <= rows && rect.column + rect.columns <= columns;
}

static bool are_apart(struct rect a, struct rect b) {
    return rect_is_empty(a) || rect_is_empty(b) || a.row + a.rows <= b.row ||
           b.row + b.rows <= a.row || a.column + a.columns <= b.column ||
           b.column + b.columns <= a.column;
}

static const char *check(const struct layout *layout, int columns, int rows, enum panel_id focus) {
    struct rect all[PANELS + 3];
    memcpy(all, layout->panels, sizeof layout->panels);
    all[PANELS] = layout->header;
    all[PANELS + 1] = layout->tabs;
    all[PANELS + 2] = layout->footer;
    for (int i = 0; i < PANELS + 3; i++) {
        if (!is_inside(all[i], columns, rows)) return "is inside the screen";
        for (int j = 0; j < i; j++) {
            if (!are_apart(all[i], all[j])) return "overlaps nothing";
        }
    }
    for (int i = 0; i < PANELS; i++) {
        struct rect in = layout->insides[i], out = layout->panels[i];
        if (rect_is_empty(out) && !rect_is_empty(in)) return "draws only where it is shown";
        if (rect_is_empty(in)) continue;
        if (in.row < out.row || in.column < out.column || in.row + in.rows > out.row + out.rows ||
            in.column + in.columns > out.column + out.columns)
            return "draws within its frame";
    }
    if (columns >= 20 && rows >= 7 && rect_is_empty(layout->insides[focus])) return "is focused";
    if (columns > 0 && rows > 0 && rect_is_empty(layout->header)) return "has a header";
    return NULL;
}

static void every_size_and_focus_fits(void **state) {
    (void)state;
    for (int columns = 0; columns <= COLUMNS_TRIED; columns++) {
        for (int rows = 0; rows <= ROWS_TRIED; rows++) {
            for (int i = 0; i < 2 * PANELS; i++) {
                enum panel_id focus = (enum panel_id)(i / 2);
                struct layout layout = layout_make(columns, rows, focus, i & 1);
                const char *broken = check(&layout, columns, rows, focus);
                if (broken) fail_msg("%dx%d focus %d: not so: %s", columns, rows, focus, broken);
            }
        }
    }
}

/* The full layout has room for all; smaller ones never hide the focused panel (checked above). */
static void the_largest_screen_shows_every_panel(void **state) {
    (void)state;
    struct layout layout = layout_make(200, 60, PANEL_LOG, false);
    for (int i = 0; i < PANELS; i++) assert_false(rect_is_empty(layout.panels[i]));
}

static void shrinking_and_growing_again_changes_nothing(void **state) {
    (void)state;
    struct layout before = layout_make(133, 47, PANEL_DIGITS, false);
    (void)layout_make(1, 1, PANEL_DIGITS, false);
    struct layout after = layout_make(133, 47, PANEL_DIGITS, false);
    assert_memory_equal(&before, &after, sizeof before);
}

static void panels_fill_the_screen(void **state) {
    (void)state;
    static const int sizes[][2] = {{80, 24},  {95, 33},  {80, 50}, {120, 40},
                                   {163, 51}, {200, 60}, {317, 92}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int columns = sizes[i][0], rows = sizes[i][1], area = 0;
        struct layout layout = layout_make(columns, rows, PANEL_CURVES, false);
        for (int p = 0; p < PANELS; p++) area += layout.panels[p].rows * layout.panels[p].columns;
        assert_int_equal(area, columns * (rows - 3));
    }
}

/* Rows and columns that each panel was designed for. */
static void the_usual_sizes_are_as_drawn(void **state) {
    (void)state;
    struct layout layout = layout_make(80, 24, PANEL_CURVES, false);
    assert_int_equal(layout.kind, LAYOUT_COMPACT);
    assert_int_equal(layout.insides[PANEL_CURVES].columns, 48);
    assert_int_equal(layout.insides[PANEL_CURVES].rows, 14);
    assert_int_equal(layout.insides[PANEL_DIGITS].columns, 31);
    assert_int_equal(layout.insides[PANEL_DIGITS].rows, 14);
    assert_int_equal(layout.insides[PANEL_RANGES].rows, 5);
    layout = layout_make(120, 40, PANEL_CURVES, false);
    assert_int_equal(layout.kind, LAYOUT_STANDARD);
    assert_int_equal(layout.panels[PANEL_CURVES].columns, 72);
    assert_int_equal(layout.insides[PANEL_DIGITS].rows, 14);
    assert_int_equal(layout.insides[PANEL_CONFUSION].rows, 11);
    assert_int_equal(layout.panels[PANEL_LOG].columns, 74);
    layout = layout_make(200, 60, PANEL_CURVES, false);
    assert_int_equal(layout.kind, LAYOUT_FULL);
    assert_int_equal(layout.insides[PANEL_DIGITS].columns, 57);
    assert_int_equal(layout.insides[PANEL_CONFUSION].columns, 43);
    /* matrix, its foot and the tables of ten below; seven tensors and what one of them means */
    assert_int_equal(layout.insides[PANEL_CONFUSION].rows, 24);
    assert_int_equal(layout.insides[PANEL_RANGES].rows, 13);
    layout = layout_make(73, 41, PANEL_CURVES, false);
    assert_int_equal(layout.kind, LAYOUT_SINGLE);
    assert_int_equal(layout_make(20, 4, PANEL_CURVES, false).header.rows, 3);
    assert_int_equal(layout_make(1, 1, PANEL_CURVES, false).header.rows, 1);
}

static void a_maximised_panel_has_all_but_header_and_footer(void **state) {
    (void)state;
    struct layout layout = layout_make(120, 40, PANEL_RANGES, true);
    assert_int_equal(layout.panels[PANEL_RANGES].rows, 37);
    assert_int_equal(layout.panels[PANEL_RANGES].columns, 120);
    assert_true(rect_is_empty(layout.panels[PANEL_CURVES]));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_size_and_focus_fits),
    cmocka_unit_test(the_largest_screen_shows_every_panel),
    cmocka_unit_test(shrinking_and_growing_again_changes_nothing),
    cmocka_unit_test(panels_fill_the_screen),
    cmocka_unit_test(the_usual_sizes_are_as_drawn),
    cmocka_unit_test(a_maximised_panel_has_all_but_header_and_footer),
};
TEST_MAIN(tests)
