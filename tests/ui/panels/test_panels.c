/* Golden screens, guard cells at all sizes, and what the keys of the data panels do. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "ui/fixture.h"

static const struct panel *const panels[] = {&panel_curves, &panel_ranges, &panel_digits,
                                             &panel_confusion};
#define PANEL_COUNT 4

static struct fixture fixture;

static void *state_new(const struct panel *panel) {
    void *state = calloc(1, panel->state_size);
    assert_non_null(state);
    return state;
}

static void state_free(const struct panel *panel, void *state) {
    if (panel->release) panel->release(state);
    free(state);
}

static bool act(const struct panel *panel, void *state, enum action action) {
    return panel->act(state, &fixture.store, &fixture.session, action);
}

static char *screen(const struct panel *panel, void *state, int rows, int columns,
                    enum glyph_level glyphs) {
    fixture_canvas(&fixture, rows, columns, glyphs, glyphs == GLYPHS_ASCII);
    return fixture_screen(&fixture, panel, state);
}

static void assert_shows(const struct panel *panel, void *state, const char *text) {
    char *shown = screen(panel, state, 20, 100, GLYPHS_ASCII);
    if (!strstr(shown, text)) fail_msg("\"%s\" is missing in\n%s", text, shown);
    free(shown);
}

#define STRIP 31 /* columns of the digits at 80x24 */

/* ---- golden screens */

static void golden_views(const struct panel *panel, int views) {
    static const struct {
        int rows, columns;
        enum glyph_level glyphs;
        const char *name;
    } sizes[] = {{14, 48, GLYPHS_ASCII, "ascii-48x14"},
                 {22, 70, GLYPHS_BRAILLE, "utf8-70x22"},
                 {36, 120, GLYPHS_BLOCK, "block-120x36"},
                 {5, 80, GLYPHS_ASCII, "ascii-80x5"},
                 {7, 24, GLYPHS_ASCII, "ascii-24x7"}};
    void *state = state_new(panel);
    for (int view = 0; view < views; view++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            if (view > 0 && i > 1) break;
            char *text = screen(panel, state, sizes[i].rows, sizes[i].columns, sizes[i].glyphs);
            char name[80];
            snprintf(name, sizeof name, "%s-%d-%s", panel->name, view, sizes[i].name);
            fixture_golden(name, text);
            free(text);
        }
        act(panel, state, ACTION_VIEW);
    }
    state_free(panel, state);
}

static void curves_look_as_expected(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_train(&fixture, 900);
    golden_views(&panel_curves, 3);
    fixture_free(&fixture);
}

static void ranges_look_as_expected(void **state) {
    (void)state;
    fixture_create(&fixture, "cnn", "qatop");
    fixture_train(&fixture, 500);
    void *ranges = state_new(&panel_ranges);
    for (int i = 0; i < 5; i++) act(&panel_ranges, ranges, ACTION_DOWN);
    /* the kernel of the last layer, with ten channels, in all four views */
    for (int view = 0; view < 4; view++) {
        char *text = screen(&panel_ranges, ranges, 16, 90, GLYPHS_ASCII), name[40];
        snprintf(name, sizeof name, "ranges-kernel-%d-ascii-90x16", view);
        fixture_golden(name, text);
        free(text);
        act(&panel_ranges, ranges, ACTION_VIEW);
    }
    state_free(&panel_ranges, ranges);
    golden_views(&panel_ranges, 1);
    fixture_free(&fixture);
}

static void digits_look_as_expected(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_train(&fixture, 250);
    golden_views(&panel_digits, 1);
    fixture_free(&fixture);
}

static void confusion_looks_as_expected(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_train(&fixture, 250);
    golden_views(&panel_confusion, 4);
    fixture_free(&fixture);
}

/* ---- any size */

static void every_panel_stays_inside_its_canvas(void **state) {
    (void)state;
    for (int steps = -1; steps <= 520; steps += 521) {
        fixture_create(&fixture, "fc", "tfmot");
        if (steps >= 0) fixture_train(&fixture, (uint64_t)steps);
        for (int p = 0; p < PANEL_COUNT; p++) {
            void *of_panel = state_new(panels[p]);
            int turn = 0;
            for (int rows = 0; rows <= 30; rows++) {
                for (int columns = 0; columns <= 60; columns++) {
                    bool is_mono = (rows + columns) % 5 == 0;
                    fixture_canvas(&fixture, rows, columns, (enum glyph_level)(turn++ % 3),
                                   is_mono);
                    panels[p]->draw(of_panel, &fixture.store, &fixture.session, &fixture.canvas);
                    fixture_check_guard(&fixture);
                    if (turn % 37 == 0) act(panels[p], of_panel, ACTION_VIEW);
                    if (turn % 41 == 0) act(panels[p], of_panel, ACTION_FILTER);
                    if (turn % 43 == 0) act(panels[p], of_panel, ACTION_DOWN);
                    if (turn % 53 == 0) act(panels[p], of_panel, ACTION_ENTER);
                }
            }
            state_free(panels[p], of_panel);
        }
        fixture_free(&fixture);
    }
}

/* Any keys in any order, from before the first batch on: nothing may break. */
static void every_panel_takes_any_key_at_any_time(void **state) {
    (void)state;
    fixture_create(&fixture, "cnn", "qatop");
    void *states[PANEL_COUNT];
    for (int p = 0; p < PANEL_COUNT; p++) states[p] = state_new(panels[p]);
    uint32_t random = 1;
    for (int round = 0; round < 4000; round++) {
        random = random * 1664525u + 1013904223u;
        int p = (int)(random >> 16) % PANEL_COUNT;
        act(panels[p], states[p], (enum action)((random >> 20) % ACTION_HELP));
        char left[200], right[200];
        panels[p]->title(states[p], &fixture.store, &fixture.session, left, right, sizeof left);
        if (round % 8 == 0) {
            fixture_canvas(&fixture, 1 + (int)(random >> 8) % 24, 1 + (int)(random >> 12) % 99,
                           (enum glyph_level)(round % 3), round % 5 == 0);
            panels[p]->draw(states[p], &fixture.store, &fixture.session, &fixture.canvas);
            fixture_check_guard(&fixture);
        }
        if (round % 10 == 9)
            fixture_batch(&fixture, (uint64_t)round / 10 + 1, round % 90 == 9 ? NAN : .5f);
        if (round % 500 == 499)
            fixture_evaluate(&fixture, (uint64_t)round / 10, round % 1000 == 999 ? 1000 : 100, 20);
        if (round == 1500) fixture_tensors(&fixture, 150);
    }
    for (int p = 0; p < PANEL_COUNT; p++) state_free(panels[p], states[p]);
    fixture_free(&fixture);
}

/* ---- curves */

static void curves_mark_nan_and_infinity_for_ever(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    void *curves = state_new(&panel_curves);
    for (uint64_t step = 1; step <= 4000; step++)
        fixture_batch(&fixture, step, step == 1000 ? NAN : step == 3000 ? INFINITY : .5f);
    fixture_canvas(&fixture, 8, 90, GLYPHS_BRAILLE, false);
    panel_curves.draw(curves, &fixture.store, &fixture.session, &fixture.canvas);
    int found[2] = {0, 0};
    for (int column = 0; column < 90; column++) {
        const struct cell *cell = &fixture.canvas.cells[column];
        if (cell->glyph != 'N' && cell->glyph != 'I') continue;
        assert_int_equal(cell->color, COLOR_ALARM);
        found[cell->glyph == 'I'] = column;
    }
    /* a quarter and three quarters of the 83 columns right of the labels */
    assert_in_range(found[0], 7 + 19, 7 + 22);
    assert_in_range(found[1], 7 + 60, 7 + 64);
    state_free(&panel_curves, curves);
    fixture_free(&fixture);
}

static void curves_say_how_they_smooth(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_train(&fixture, 100);
    void *curves = state_new(&panel_curves);
    assert_shows(&panel_curves, curves, "ema .60");
    act(&panel_curves, curves, ACTION_SMOOTH_MORE);
    assert_shows(&panel_curves, curves, "ema .80");
    for (int i = 0; i < 9; i++) act(&panel_curves, curves, ACTION_SMOOTH_MORE);
    assert_shows(&panel_curves, curves, "ema .999");
    for (int i = 0; i < 9; i++) act(&panel_curves, curves, ACTION_SMOOTH_LESS);
    assert_shows(&panel_curves, curves, "ema off");
    state_free(&panel_curves, curves);
    fixture_free(&fixture);
}

static void curves_zoom_in_on_the_newest_and_out_again(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_train(&fixture, 800);
    void *curves = state_new(&panel_curves);
    assert_shows(&panel_curves, curves, "[0..800]");
    act(&panel_curves, curves, ACTION_ZOOM_IN);
    assert_shows(&panel_curves, curves, "[401..800]");
    act(&panel_curves, curves, ACTION_ZOOM_IN);
    assert_shows(&panel_curves, curves, "[601..800]");
    act(&panel_curves, curves, ACTION_FIRST);
    assert_shows(&panel_curves, curves, "[0..199]");
    assert_shows(&panel_curves, curves, "F:follow");
    act(&panel_curves, curves, ACTION_FOLLOW);
    assert_shows(&panel_curves, curves, "[601..800]");
    for (int i = 0; i < 12; i++) act(&panel_curves, curves, ACTION_ZOOM_IN);
    assert_shows(&panel_curves, curves, "[793..800]");
    act(&panel_curves, curves, ACTION_ZOOM_RESET);
    assert_shows(&panel_curves, curves, "[0..800]");
    act(&panel_curves, curves, ACTION_ZOOM_OUT);
    assert_shows(&panel_curves, curves, "[0..800]");
    state_free(&panel_curves, curves);
    fixture_free(&fixture);
}

static void curves_read_out_the_value_at_the_cursor(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    for (uint64_t step = 1; step <= 50; step++) fixture_batch(&fixture, step, (float)step);
    void *curves = state_new(&panel_curves);
    act(&panel_curves, curves, ACTION_SMOOTH_LESS);
    act(&panel_curves, curves, ACTION_SMOOTH_LESS);
    act(&panel_curves, curves, ACTION_ENTER);
    assert_shows(&panel_curves, curves, "step 50  epoch 0.20  loss 50.0000");
    for (int i = 0; i < 3; i++) act(&panel_curves, curves, ACTION_LEFT);
    assert_shows(&panel_curves, curves, "step 47 ");
    assert_shows(&panel_curves, curves, "loss 47.0000  ema 47.0000");
    state_free(&panel_curves, curves);
    fixture_free(&fixture);
}

static void curves_show_time_and_epochs_below_the_chart(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_train(&fixture, 900); /* 36 seconds, 3.6 epochs */
    void *curves = state_new(&panel_curves);
    assert_shows(&panel_curves, curves, "-200-");
    act(&panel_curves, curves, ACTION_X_AXIS);
    assert_shows(&panel_curves, curves, "x:epoch");
    assert_shows(&panel_curves, curves, "-2-");
    act(&panel_curves, curves, ACTION_X_AXIS);
    assert_shows(&panel_curves, curves, "x:time");
    assert_shows(&panel_curves, curves, "-20 s-");
    state_free(&panel_curves, curves);
    fixture_free(&fixture);
}

/* ---- ranges */

static void ranges_tell_no_data_from_0_and_from_not_measured(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    void *ranges = state_new(&panel_ranges);
    assert_shows(&panel_ranges, ranges, "no data yet");
    char *text = screen(&panel_ranges, ranges, 6, 80, GLYPHS_ASCII);
    assert_non_null(strstr(
        text, ">input                     --   --       --       --    --    --    --    --"));
    free(text);
    fixture_tensors(&fixture, 20);
    text = screen(&panel_ranges, ranges, 6, 80, GLYPHS_ASCII);
    assert_non_null(strstr(
        text, ">input               0.003922 -128        0    1.000   0.0 exact    --    --"));
    free(text);
    fixture_evaluate(&fixture, 20, FIXTURE_DIGITS, 25);
    text = screen(&panel_ranges, ranges, 6, 80, GLYPHS_ASCII);
    assert_non_null(strstr(
        text, ">input               0.003922 -128        0    1.000   0.0 exact exact     0"));
    assert_null(strstr(text, "--"));
    free(text);
    fixture.store.tensors[1].latest.stats.sqnr = NAN;
    text = screen(&panel_ranges, ranges, 6, 80, GLYPHS_ASCII);
    assert_non_null(strstr(text, "0.1    --  47.0"));
    free(text);
    state_free(&panel_ranges, ranges);
    fixture_free(&fixture);
}

/* The fixture's layers: input, dense, dense_1; SQNR at the logits 57 and 54 dB, so
 * dense_1 has 2 of 3 parts of the error. */
static void ranges_name_the_layer_that_costs_most(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_tensors(&fixture, 20);
    void *ranges = state_new(&panel_ranges);
    char *text = screen(&panel_ranges, ranges, 20, 100, GLYPHS_ASCII);
    assert_null(strstr(text, "costs most"));
    free(text);
    fixture_evaluate(&fixture, 20, FIXTURE_DIGITS, 25);
    text = screen(&panel_ranges, ranges, 20, 100, GLYPHS_ASCII);
    assert_non_null(strstr(text, "v:table  dense_1 costs most, 67 %"));
    const char *row = strstr(text, "dense_1/out");
    assert_non_null(row);
    assert_non_null(strstr(row, "41.0   67*"));
    assert_non_null(strstr(text, "43.5    33 ")); /* and no other is marked */
    free(text);
    act(&panel_ranges, ranges, ACTION_LAST);
    assert_shows(
        &panel_ranges, ranges,
        "int8: 41.0 dB beside float, clips 0.4 %; alone 67 % of the logits' error, most of "
        "all");
    act(&panel_ranges, ranges, ACTION_UP);
    assert_shows(&panel_ranges, ranges, "int8: weights 46.0 dB");
    for (int i = 0; i < 10; i++) act(&panel_ranges, ranges, ACTION_SORT_RIGHT);
    text = screen(&panel_ranges, ranges, 20, 100, GLYPHS_ASCII);
    assert_non_null(strstr(text, "sort:cost"));
    assert_true(strstr(text, "dense_1/out") < strstr(text, "dense/out"));
    free(text);
    state_free(&panel_ranges, ranges);
    fixture_free(&fixture);
}

static void ranges_write_the_formula_with_a_real_sign(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "tfmot");
    fixture_tensors(&fixture, 100000); /* grown: all of -21.74..17.862 */
    void *ranges = state_new(&panel_ranges);
    assert_shows(&panel_ranges, ranges, "real = 0.003922 * (q + 128)");
    act(&panel_ranges, ranges, ACTION_LAST);
    /* (17.862 + 21.74) / 255 = 0.155302; 21.74 / 0.155302 = 139.99, less 128 */
    assert_shows(&panel_ranges, ranges, "real = 0.155302 * (q - 12)");
    state_free(&panel_ranges, ranges);
    fixture_free(&fixture);
}

/* By hand: input 1 / 255, kernel 1.06 / 254, output 3.504 / 255: the multiplier is
 * 0.00119096... = 0.60977... * 2^-9; 0.60977... * 2^31 = 0x4e0d.... */
static void ranges_show_the_requantization(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "tfmot");
    fixture_tensors(&fixture, 100000);
    void *ranges = state_new(&panel_ranges);
    act(&panel_ranges, ranges, ACTION_DOWN);
    act(&panel_ranges, ranges, ACTION_DOWN);
    double real = (1.0 / 255) * ((double)(.53f + .53f) / 254) / ((double)3.504f / 255);
    char want[64];
    snprintf(want, sizeof want, "0x%08x >> 40", (unsigned)lrint(real * 512 * 2147483648.0));
    assert_shows(&panel_ranges, ranges, want);
    state_free(&panel_ranges, ranges);
    fixture_free(&fixture);
}

static void ranges_sort_the_worst_to_the_top(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_tensors(&fixture, 20);
    void *ranges = state_new(&panel_ranges);
    char *text = screen(&panel_ranges, ranges, 6, 80, GLYPHS_ASCII);
    assert_true(strstr(text, "dense/kernel") < strstr(text, "dense_1/out"));
    free(text);
    for (int i = 0; i < 8; i++) act(&panel_ranges, ranges, ACTION_SORT_RIGHT);
    text = screen(&panel_ranges, ranges, 6, 80, GLYPHS_ASCII);
    assert_non_null(strstr(text, "sort:SQNR"));
    assert_true(strstr(text, "dense_1/out") < strstr(text, "dense/kernel"));
    assert_true(strstr(text, "dense/kernel") < strstr(text, "input "));
    free(text);
    state_free(&panel_ranges, ranges);
    fixture_free(&fixture);
}

static void ranges_keep_the_selected_tensor_in_sight(void **state) {
    (void)state;
    fixture_create(&fixture, "cnn", "qatop");
    fixture_tensors(&fixture, 20);
    void *ranges = state_new(&panel_ranges);
    act(&panel_ranges, ranges, ACTION_LAST);
    for (int rows = 1; rows < 8; rows++) {
        char *text = screen(&panel_ranges, ranges, rows, 60, GLYPHS_ASCII);
        assert_non_null(strstr(text, ">dense/out"));
        free(text);
    }
    state_free(&panel_ranges, ranges);
    fixture_free(&fixture);
}

/* ---- digits and confusion */

static void digits_wait_for_the_first_evaluation(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    void *samples = state_new(&panel_digits);
    assert_shows(&panel_digits, samples, "no evaluation yet");
    assert_int_equal(fixture.session.digit, 0);
    act(&panel_digits, samples, ACTION_NEXT);
    assert_int_equal(fixture.session.digit, 1);
    state_free(&panel_digits, samples);
    fixture_free(&fixture);
}

static void digits_step_through_all_that_int8_gets_wrong(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_evaluate(&fixture, 10, FIXTURE_DIGITS, 25); /* 24, 49, ... 999 */
    const struct evaluation *evaluation = fixture.store.evaluations[0];
    size_t wrong = evaluation->count - evaluation->results[PRECISION_INT8].correct;
    assert_int_equal(wrong, 40);
    void *samples = state_new(&panel_digits);
    assert_shows(&panel_digits, samples, "wrong 1/40");
    for (size_t i = 0; i < wrong; i++) {
        assert_int_equal(fixture.session.digit, 25 * i + 24);
        act(&panel_digits, samples, i % 2 ? ACTION_NEXT : ACTION_NEXT_DIGIT);
    }
    assert_int_equal(fixture.session.digit, 24); /* around */
    act(&panel_digits, samples, ACTION_PREVIOUS);
    assert_int_equal(fixture.session.digit, 999);
    assert_shows(&panel_digits, samples, "wrong 40/40");
    act(&panel_digits, samples, ACTION_FILTER); /* flips: those that FP32 has right */
    assert_shows(&panel_digits, samples, "flip ");
    assert_shows(&panel_digits, samples, "/27");
    state_free(&panel_digits, samples);
    fixture_free(&fixture);
}

static void digit_stays_when_a_new_evaluation_has_it_right(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_evaluate(&fixture, 10, FIXTURE_DIGITS, 25);
    void *samples = state_new(&panel_digits);
    assert_shows(&panel_digits, samples, "wrong 1/40");
    fixture_evaluate(&fixture, 20, FIXTURE_DIGITS, 30); /* 29, 59, ... */
    assert_shows(&panel_digits, samples, "wrong -/33");
    assert_shows(&panel_digits, samples, "no longer wrong");
    assert_int_equal(fixture.session.digit, 24);
    act(&panel_digits, samples, ACTION_NEXT);
    assert_int_equal(fixture.session.digit, 29);
    assert_shows(&panel_digits, samples, "wrong 1/33");
    /* back to what the earlier evaluation said */
    act(&panel_digits, samples, ACTION_EARLIER);
    assert_shows(&panel_digits, samples, "step 10");
    act(&panel_digits, samples, ACTION_LATER);
    act(&panel_digits, samples, ACTION_LATER);
    assert_shows(&panel_digits, samples, "step 20");
    state_free(&panel_digits, samples);
    fixture_free(&fixture);
}

static void digits_beyond_a_partial_evaluation_say_so(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_evaluate(&fixture, 10, 100, 25);
    fixture.session.digit = 500;
    void *samples = state_new(&panel_digits);
    assert_shows(&panel_digits, samples, "step 10, first 100");
    assert_shows(&panel_digits, samples, "wrong 1/4");
    fixture.session.digit = 500;
    assert_shows(&panel_digits, samples, "not among the first 100");
    state_free(&panel_digits, samples);
    fixture_free(&fixture);
}

static void digits_tell_three_predictions_beside_a_picture_alone(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_evaluate(&fixture, 10, FIXTURE_DIGITS, 30); /* 29: FP32 and QAT read it rightly */
    void *samples = state_new(&panel_digits);
    char *shown = screen(&panel_digits, samples, 14, STRIP, GLYPHS_ASCII);
    assert_non_null(strstr(shown, "FP32 5 .95 QAT 5 .95 INT8 0!.45\n"));
    free(shown);
    /* one column less would cut a number */
    shown = screen(&panel_digits, samples, 14, STRIP - 1, GLYPHS_ASCII);
    assert_null(strstr(shown, "FP32 5"));
    free(shown);
    state_free(&panel_digits, samples);
    fixture_free(&fixture);
}

static void digits_show_worst_first_on_request(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_evaluate(&fixture, 10, FIXTURE_DIGITS, 25);
    const struct evaluation *evaluation = fixture.store.evaluations[0];
    void *samples = state_new(&panel_digits);
    act(&panel_digits, samples, ACTION_SORT_RIGHT);
    act(&panel_digits, samples, ACTION_FIRST);
    float before = 2;
    for (int i = 0; i < 40; i++) {
        size_t digit = fixture.session.digit;
        const float *probability =
            evaluation->results[PRECISION_INT8].probabilities + digit * DIGIT_CLASSES;
        float wrong = probability[evaluation->results[PRECISION_INT8].labels[digit]] -
                      probability[fixture.dataset.test.labels[digit]];
        assert_true(wrong <= before);
        before = wrong;
        act(&panel_digits, samples, ACTION_NEXT);
    }
    state_free(&panel_digits, samples);
    fixture_free(&fixture);
}

static void confusion_cell_opens_its_digits(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_evaluate(&fixture, 10, FIXTURE_DIGITS, 25);
    const struct evaluation *evaluation = fixture.store.evaluations[0];
    void *confusion = state_new(&panel_confusion), *samples = state_new(&panel_digits);
    int truth = 0, wrong = 1, most = 0;
    for (int i = 0; i < DIGIT_CLASSES; i++) {
        for (int j = 0; j < DIGIT_CLASSES; j++) {
            if (i == j || (int)evaluation_confused(evaluation, PRECISION_INT8, i, j) <= most)
                continue;
            most = (int)evaluation_confused(evaluation, PRECISION_INT8, i, j);
            truth = i;
            wrong = j;
        }
    }
    char want[64];
    snprintf(want, sizeof want, "worst %d -> %d  %d of 100", truth, wrong, most);
    assert_shows(&panel_confusion, confusion, want);
    act(&panel_confusion, confusion, ACTION_ENTER);
    assert_int_equal(fixture.session.wants_focus, PANEL_DIGITS);
    assert_int_equal(fixture.session.pair_truth, truth);
    assert_int_equal(fixture.session.pair_predicted, wrong);
    snprintf(want, sizeof want, "%d->%d 1/%d", truth, wrong, most);
    assert_shows(&panel_digits, samples, want);
    for (int i = 0; i < most; i++) {
        size_t digit = fixture.session.digit;
        assert_int_equal(fixture.dataset.test.labels[digit], truth);
        assert_int_equal(evaluation->results[PRECISION_INT8].labels[digit], wrong);
        act(&panel_digits, samples, ACTION_NEXT);
    }
    state_free(&panel_confusion, confusion);
    state_free(&panel_digits, samples);
    fixture_free(&fixture);
}

static void confusion_walks_through_evaluations_and_paths(void **state) {
    (void)state;
    fixture_create(&fixture, "fc", "qatop");
    fixture_evaluate(&fixture, 10, FIXTURE_DIGITS, 25);
    fixture_evaluate(&fixture, 20, FIXTURE_DIGITS, 0);
    void *confusion = state_new(&panel_confusion);
    assert_shows(&panel_confusion, confusion, "step 20");
    assert_shows(&panel_confusion, confusion, "no mistakes");
    act(&panel_confusion, confusion, ACTION_EARLIER);
    assert_shows(&panel_confusion, confusion, "step 10");
    act(&panel_confusion, confusion, ACTION_VIEW);
    assert_shows(&panel_confusion, confusion, "confusion QAT");
    act(&panel_confusion, confusion, ACTION_VIEW);
    assert_shows(&panel_confusion, confusion, "confusion FP32");
    act(&panel_confusion, confusion, ACTION_VIEW);
    assert_shows(&panel_confusion, confusion, "confusion INT8 - FP32");
    assert_shows(&panel_confusion, confusion, "+");
    state_free(&panel_confusion, confusion);
    fixture_free(&fixture);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(curves_look_as_expected),
    cmocka_unit_test(ranges_look_as_expected),
    cmocka_unit_test(digits_look_as_expected),
    cmocka_unit_test(confusion_looks_as_expected),
    cmocka_unit_test(every_panel_stays_inside_its_canvas),
    cmocka_unit_test(every_panel_takes_any_key_at_any_time),
    cmocka_unit_test(curves_mark_nan_and_infinity_for_ever),
    cmocka_unit_test(curves_say_how_they_smooth),
    cmocka_unit_test(curves_zoom_in_on_the_newest_and_out_again),
    cmocka_unit_test(curves_read_out_the_value_at_the_cursor),
    cmocka_unit_test(curves_show_time_and_epochs_below_the_chart),
    cmocka_unit_test(ranges_tell_no_data_from_0_and_from_not_measured),
    cmocka_unit_test(ranges_name_the_layer_that_costs_most),
    cmocka_unit_test(ranges_write_the_formula_with_a_real_sign),
    cmocka_unit_test(ranges_show_the_requantization),
    cmocka_unit_test(ranges_sort_the_worst_to_the_top),
    cmocka_unit_test(ranges_keep_the_selected_tensor_in_sight),
    cmocka_unit_test(digits_wait_for_the_first_evaluation),
    cmocka_unit_test(digits_step_through_all_that_int8_gets_wrong),
    cmocka_unit_test(digit_stays_when_a_new_evaluation_has_it_right),
    cmocka_unit_test(digits_beyond_a_partial_evaluation_say_so),
    cmocka_unit_test(digits_tell_three_predictions_beside_a_picture_alone),
    cmocka_unit_test(digits_show_worst_first_on_request),
    cmocka_unit_test(confusion_cell_opens_its_digits),
    cmocka_unit_test(confusion_walks_through_evaluations_and_paths),
};
TEST_MAIN(tests)
