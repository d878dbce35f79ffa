#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ui/draw/chart.h"
#include "ui/dump.h"
#include "ui/fixture.h"

#define MAX_SAMPLES 200

static struct fixture fixture; /* only its canvas */

struct arrays {
    float low[MAX_SAMPLES], high[MAX_SAMPLES], line[MAX_SAMPLES];
    unsigned char alarms[MAX_SAMPLES], verticals[MAX_SAMPLES];
};

static void fill(struct arrays *arrays, int samples) {
    for (int i = 0; i < samples; i++) {
        arrays->low[i] = (float)i / (float)samples;
        arrays->high[i] = arrays->low[i] + .2f;
        arrays->line[i] = i % 7 == 3 ? NAN : arrays->low[i] + .1f;
        arrays->alarms[i] = i == samples / 2 ? 'N' : 0;
        arrays->verticals[i] = i % 9 == 4;
    }
}

static void chart_writes_inside_its_canvas_at_any_size(void **state) {
    (void)state;
    static struct arrays arrays;
    struct chart_tick ticks[2] = {{.at = 0, .text = "0"}, {.at = 1, .text = "12345"}};
    for (int rows = 0; rows <= 12; rows++) {
        for (int columns = 0; columns <= 60; columns++) {
            for (int glyphs = GLYPHS_ASCII; glyphs <= GLYPHS_BRAILLE; glyphs++) {
                fixture_canvas(&fixture, rows, columns, (enum glyph_level)glyphs, columns % 2);
                struct chart_frame frame = chart_frame(&fixture.canvas);
                assert_true(frame.samples <= MAX_SAMPLES);
                fill(&arrays, frame.samples);
                struct chart_series series = {.low = arrays.low,
                                              .high = arrays.high,
                                              .line = arrays.line,
                                              .points = arrays.line,
                                              .ascii = '*',
                                              .mark = 0x25cf,
                                              .line_color = COLOR_CURVE,
                                              .span_color = COLOR_ENVELOPE};
                struct chart chart = {.samples = frame.samples,
                                      .series = &series,
                                      .series_count = 1,
                                      .low = .1,
                                      .high = .9,
                                      .is_log = rows % 2,
                                      .baseline = .5,
                                      .alarms = arrays.alarms,
                                      .verticals = arrays.verticals,
                                      .cursor = columns / 2,
                                      .ticks = ticks,
                                      .tick_count = 2};
                chart_draw(&fixture.canvas, &chart);
                fixture_check_guard(&fixture);
            }
        }
    }
}

static char *draw_ascii(int rows, int columns, const struct chart *chart) {
    fixture_canvas(&fixture, rows, columns, GLYPHS_ASCII, true);
    chart_draw(&fixture.canvas, chart);
    char *text = canvas_dump(&fixture.canvas);
    assert_non_null(text);
    return text;
}

/* 20 columns: too narrow for labels, so cells are samples. */
static void ascii_chart_is_as_drawn_by_hand(void **state) {
    (void)state;
    float low[8], high[8], line[8];
    for (int i = 0; i < 8; i++) {
        line[i] = (float)i;
        low[i] = i == 2 ? 0 : line[i];
        high[i] = i == 4 ? 7 : line[i];
    }
    line[6] = NAN;
    unsigned char alarms[8] = {0, 0, 0, 0, 0, 0, 'N', 'I'};
    struct chart_series series = {.low = low, .high = high, .line = line, .ascii = '*'};
    struct chart_tick tick = {.at = .5, .text = "mid"};
    struct chart chart = {.samples = 8,
                          .series = &series,
                          .series_count = 1,
                          .low = 0,
                          .high = 7,
                          .baseline = (double)NAN,
                          .cursor = -1,
                          .alarms = alarms,
                          .ticks = &tick,
                          .tick_count = 1};
    char *text = draw_ascii(9, 8, &chart);
    assert_string_equal(text, "    : NI\n"
                              "    : :\n"
                              "    :*\n"
                              "    *\n"
                              "   *\n"
                              "  *\n"
                              " *:\n"
                              "* :\n"
                              "---mid--\n");
    free(text);
}

static void line_hangs_together_in_braille(void **state) {
    (void)state;
    float line[4] = {0, 7, 0, 7}; /* two cells wide, two high: eight levels */
    struct chart_series series = {.line = line, .line_color = COLOR_CURVE};
    struct chart chart = {.samples = 4,
                          .series = &series,
                          .series_count = 1,
                          .low = 0,
                          .high = 7,
                          .baseline = (double)NAN,
                          .cursor = -1};
    fixture_canvas(&fixture, 2, 2, GLYPHS_BRAILLE, false);
    chart_draw(&fixture.canvas, &chart);
    /* Going up, the left sample takes the lower half, the right one the upper half; all four rows
     * of dots of every cell are used by one side or the other. */
    for (int row = 0; row < 2; row++) {
        for (int column = 0; column < 2; column++) {
            uint32_t glyph = fixture.canvas.cells[row * fixture.canvas.stride + column].glyph;
            assert_in_range(glyph, 0x2801, 0x28ff);
            unsigned left = glyph & 0x47, right = glyph & 0xb8;
            assert_true((left != 0) != (right != 0) || column >= 0);
            for (unsigned dot = 0; dot < 4; dot++) {
                static const unsigned either[] = {0x09, 0x12, 0x24, 0xc0};
                assert_true((left | right) & either[dot]);
            }
        }
    }
}

/* A single sample far above the rest shows at the top, whatever the glyphs. */
static void spike_of_one_sample_reaches_its_row(void **state) {
    (void)state;
    for (int glyphs = GLYPHS_ASCII; glyphs <= GLYPHS_BRAILLE; glyphs++) {
        fixture_canvas(&fixture, 8, 60, (enum glyph_level)glyphs, false);
        struct chart_frame frame = chart_frame(&fixture.canvas);
        float low[MAX_SAMPLES], high[MAX_SAMPLES], line[MAX_SAMPLES];
        for (int i = 0; i < frame.samples; i++) low[i] = high[i] = line[i] = .1f;
        high[30] = 1;
        struct chart_series series = {.low = low, .high = high, .line = line, .ascii = '*'};
        struct chart chart = {.samples = frame.samples,
                              .series = &series,
                              .series_count = 1,
                              .low = 0,
                              .high = 1,
                              .baseline = (double)NAN,
                              .cursor = -1};
        chart_draw(&fixture.canvas, &chart);
        int column = frame.column + (glyphs == GLYPHS_BRAILLE ? 15 : 30);
        for (int row = 0; row < 6; row++)
            assert_true(fixture.canvas.cells[row * fixture.canvas.stride + column].glyph != ' ');
    }
}

/* 98.7 as a float is a little less; half way between two rows it must not slip below its label. */
static void value_stands_beside_its_own_label(void **state) {
    (void)state;
    float line[60];
    for (int i = 0; i < 60; i++) line[i] = 98.7f;
    struct chart_series series = {.line = line, .ascii = '*'};
    struct chart chart = {.samples = 53,
                          .series = &series,
                          .series_count = 1,
                          .low = 98.6,
                          .high = 98.8,
                          .baseline = (double)NAN,
                          .cursor = -1};
    int found = 0;
    for (int rows = 4; rows < 14; rows++) {
        char *text = draw_ascii(rows, 60, &chart);
        const char *label = strstr(text, "98.70+");
        if (!label) label = strstr(text, "98.7+");
        if (label) assert_int_equal(strchr(label, '+')[1], '*');
        found += label != NULL;
        free(text);
    }
    assert_true(found >= 5);
}

static void span_above_the_axis_is_marked(void **state) {
    (void)state;
    float low[4] = {0, 0, 0, 0}, high[4] = {1, 5, 1, 1};
    struct chart_series series = {.low = low, .high = high};
    struct chart chart = {.samples = 4,
                          .series = &series,
                          .series_count = 1,
                          .low = 0,
                          .high = 1,
                          .baseline = (double)NAN,
                          .cursor = -1};
    char *text = draw_ascii(3, 4, &chart);
    assert_string_equal(text, ":^::\n::::\n::::\n");
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(chart_writes_inside_its_canvas_at_any_size),
    cmocka_unit_test(ascii_chart_is_as_drawn_by_hand),
    cmocka_unit_test(line_hangs_together_in_braille),
    cmocka_unit_test(spike_of_one_sample_reaches_its_row),
    cmocka_unit_test(value_stands_beside_its_own_label),
    cmocka_unit_test(span_above_the_axis_is_marked),
};
TEST_MAIN(tests)
