#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/dump.h"
#include "ui/fixture.h"
#include "ui/keys.h"
#include "ui/screen.h"

static struct fixture fixture;
static struct screen screen;
static struct command sent[8];
static uint32_t sent_count;

static uint32_t remember(void *context, struct command command) {
    (void)context;
    if (sent_count < 8) sent[sent_count] = command;
    return ++sent_count;
}

static void be(enum run_state state) {
    struct event event = {.kind = EVENT_STATE,
                          .folded = 1,
                          .step = screen.store.step,
                          .time = screen.store.now,
                          .state = state};
    screen_event(&screen, &event, 0);
    screen.control.notice_until = 0;
}

static void log_line(enum log_level level, const char *text) {
    struct event event = {.kind = EVENT_LOG, .folded = 1, .time = screen.store.now};
    event.log.level = level;
    snprintf(event.log.text, sizeof event.log.text, "%s", text);
    screen_event(&screen, &event, 0);
}

static void batch(uint64_t step, float loss) {
    struct event event = {
        .kind = EVENT_BATCH, .folded = 1, .step = step, .time = .04 * (double)step};
    event.batch = (struct event_batch){.first_step = step,
                                       .epoch = (int)((step - 1) / 250),
                                       .batch = (int)((step - 1) % 250 + 1),
                                       .batches = 250,
                                       .loss_min = loss,
                                       .loss_max = loss,
                                       .loss_last = loss,
                                       .loss_sum = (double)loss,
                                       .finite = 1,
                                       .count = 32,
                                       .correct = 30,
                                       .learning_rate = .001f,
                                       .samples_per_second = 4730,
                                       .step_seconds = .0067f};
    screen_event(&screen, &event, 0);
}

/* A run of 702 batches, with what the fixture tells, on a machine of its own. */
static void make(int rows, int columns, enum glyph_level glyphs, bool is_mono) {
    memset(&screen, 0, sizeof screen);
    sent_count = 0;
    fixture_create(&fixture, "fc", "tfmot");
    snprintf(fixture.info.name, sizeof fixture.info.name, "mnist_fc");
    snprintf(fixture.info.export_path, sizeof fixture.info.export_path,
             "saved_model/mnist_fc_int8_qat/model_int8.tflite");
    fixture.config.training.batch = 32;
    struct terminal_abilities abilities = {.glyphs = glyphs, .is_mono = is_mono};
    assert_true(screen_create(&screen, &fixture.info, remember, NULL, abilities));
    fixture_train(&fixture, 700);
    struct store other = screen.store;
    screen.store = fixture.store;
    fixture.store = other;
    be(STATE_TRAIN);
    struct event ptq = {.kind = EVENT_PTQ, .folded = 1};
    ptq.ptq = (struct event_ptq){.968, .953, FIXTURE_DIGITS, FIXTURE_DIGITS / 10};
    screen_event(&screen, &ptq, 0);
    log_line(LOG_INFO, "kernels plain, 1 thread");
    batch(701, .0832f);
    batch(702, .0821f);
    snprintf(screen.store.process.cpu, sizeof screen.store.process.cpu, "A Processor 9000");
    screen.store.process.resident_bytes = 43200000;
    screen.store.process.busy_share = 1.02;
    screen.store.process.frame_seconds = .00081;
    screen.store.process.frames_limit = 10;
    screen.store.pressure = (struct outlet_pressure){.high_water = 96, .capacity = 4096};
    assert_true(screen_resize(&screen, rows, columns));
}

static void unmake(void) {
    screen_free(&screen);
    fixture_free(&fixture);
}

static int tear_down(void **state) {
    (void)state;
    unmake();
    return 0;
}

static char *shot(void) {
    screen.is_dirty = true;
    assert_true(screen_draw(&screen, 1000));
    char *text = canvas_dump(&screen.shown);
    assert_non_null(text);
    return text;
}

/* The data panels have screens of their own; here only their places matter. */
static void stand_in_title(void *memory, const struct store *store, const struct session *session,
                           char *left, char *right, size_t size) {
    (void)memory;
    (void)store;
    (void)session;
    snprintf(left, size, "left text  and more");
    snprintf(right, size, "right text");
}

static void stand_in_draw(void *memory, const struct store *store, struct session *session,
                          struct canvas *canvas) {
    (void)memory;
    (void)store;
    (void)session;
    canvas_printf(canvas, 0, 0, COLOR_TEXT, "%d x %d", canvas->columns, canvas->rows);
    canvas_put(canvas, canvas->rows - 1, canvas->columns - 1, '/', COLOR_TEXT);
}

static void put_stand_ins(void) {
    static struct panel others[PANELS];
    static const enum panel_id data[] = {PANEL_CURVES, PANEL_RANGES, PANEL_DIGITS, PANEL_CONFUSION};
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
        others[data[i]] = (struct panel){
            .name = screen.panels[data[i]]->name, .title = stand_in_title, .draw = stand_in_draw};
        screen.panels[data[i]] = &others[data[i]];
    }
}

static void golden(const char *name) {
    put_stand_ins();
    screen.dirty = ALL_PANELS;
    char *text = shot();
    fixture_golden(name, text);
    free(text);
}

static bool is_shown(const char *words) {
    char *text = shot();
    bool found = strstr(text, words) != NULL;
    free(text);
    return found;
}

static void key(uint32_t code) {
    screen_key(&screen, code, 1000);
}

static void type(const char *text) {
    while (*text) key((unsigned char)*text++);
}

#define SIZE(columns, rows)                                                                        \
    static void the_screen_of_##columns##x##rows##_is_as_drawn(void **state) {                     \
        (void)state;                                                                               \
        make(rows, columns, GLYPHS_ASCII, true);                                                   \
        golden("screen-ascii-" #columns "x" #rows);                                                \
    }
SIZE(80, 24)
SIZE(120, 40)
SIZE(200, 60)
SIZE(60, 16)
SIZE(20, 4)
SIZE(10, 1)
SIZE(1, 1)

static void braille_and_blocks_are_as_drawn(void **state) {
    (void)state;
    make(40, 120, GLYPHS_BRAILLE, false);
    golden("screen-utf8-120x40");
}

static void menus_and_help_are_as_drawn(void **state) {
    (void)state;
    make(24, 80, GLYPHS_ASCII, true);
    key('q');
    golden("screen-quit-80x24");
    key(KEYCODE_ESCAPE);
    key('S');
    golden("screen-stop-80x24");
    key(KEYCODE_ESCAPE);
    key('?');
    golden("screen-help-80x24");
    key('G');
    golden("screen-help-end-80x24");
}

static void the_system_panel_is_as_drawn(void **state) {
    (void)state;
    make(24, 80, GLYPHS_ASCII, true);
    type("66");
    golden("screen-system-80x24");
}

static void the_log_is_as_drawn(void **state) {
    (void)state;
    make(24, 80, GLYPHS_ASCII, true);
    log_line(LOG_WARNING, "dense/out: saturation 1.9 % is over 1 % (3 batches); its range is too "
                          "narrow for what it sees; lower the decay of its moving average");
    log_line(LOG_CRITICAL, "training diverged: loss of batch 702 is not finite");
    screen_stderr(&screen, "HDF5-DIAG: something a library says");
    type("55");
    golden("screen-log-80x24");
}

static void every_state_is_a_word_without_colours_at_every_size(void **state) {
    (void)state;
    static const int sizes[][2] = {{4, 20}, {10, 40}, {16, 60}, {24, 80}, {40, 120}, {60, 200}};
    make(24, 80, GLYPHS_ASCII, true);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_true(screen_resize(&screen, sizes[i][0], sizes[i][1]));
        for (int s = 0; s < STATES; s++) {
            char word[32];
            be((enum run_state)s);
            snprintf(word, sizeof word, "[%s]", run_state_name((enum run_state)s));
            if (!is_shown(word)) fail_msg("%s is not at %dx%d", word, sizes[i][1], sizes[i][0]);
        }
    }
}

static void any_size_and_focus_is_drawn(void **state) {
    (void)state;
    make(24, 80, GLYPHS_BRAILLE, false);
    for (int columns = 1; columns <= 220; columns += columns < 60 ? 3 : 13) {
        for (int rows = 1; rows <= 70; rows += rows < 12 ? 1 : 7) {
            assert_true(screen_resize(&screen, rows, columns));
            key(KEYCODE_TAB);
            if ((columns + rows) % 5 == 0) key('O');
            if ((columns + rows) % 7 == 0) key('v');
            if ((columns + rows) % 11 == 0) key('?');
            free(shot());
            screen.control.modal = MODAL_NONE;
        }
    }
}

/* One event of the kind, a little later than the last, that changes whatever may show it. */
static struct event some_event(enum event_kind kind) {
    struct event event = {
        .kind = kind, .folded = 1, .step = screen.store.step, .time = screen.store.now};
    switch (kind) {
    case EVENT_STATE:
        event.state = STATE_PAUSED;
        break;
    case EVENT_BATCH:
        event.step++;
        event.batch = screen.store.batch;
        event.batch.first_step = event.step;
        event.batch.loss_min = event.batch.loss_max = event.batch.loss_last = 2;
        event.batch.loss_sum = 2;
        event.batch.samples_per_second = 100;
        break;
    case EVENT_TENSOR:
        event.tensor = screen.store.tensors[1].latest;
        event.tensor.tensor = 1;
        event.tensor.max = 77;
        event.tensor.scale = .5f;
        break;
    case EVENT_EPOCH:
        event.epoch = (struct event_epoch){.epoch = 3, .loss = .05, .accuracy = .98};
        break;
    case EVENT_EVALUATION:
        event.evaluation = evaluation_retain(screen.store.evaluations[0]);
        break;
    case EVENT_PTQ:
        event.ptq = screen.store.ptq;
        break;
    case EVENT_EXPORT:
        event.export_.is_ok = true;
        snprintf(event.export_.path, sizeof event.export_.path, "elsewhere/model_int8.tflite");
        break;
    case EVENT_CHECKPOINT:
        event.checkpoint.is_ok = true;
        snprintf(event.checkpoint.path, sizeof event.checkpoint.path, "checkpoint-s702.h5");
        break;
    case EVENT_LOG:
        event.log.level = LOG_WARNING;
        snprintf(event.log.text, sizeof event.log.text, "a warning");
        break;
    case EVENT_ACKNOWLEDGE:
        event.acknowledge.command = 1;
        break;
    }
    return event;
}

static void an_event_redraws_the_panels_that_show_it(void **state) {
    (void)state;
    static const struct {
        enum event_kind kind;
        unsigned panels;
    } rows[] = {
        {EVENT_STATE, 1U << PANEL_SYSTEM},
        {EVENT_BATCH, 1U << PANEL_CURVES | 1U << PANEL_SYSTEM},
        {EVENT_TENSOR, 1U << PANEL_RANGES},
        {EVENT_EPOCH, 1U << PANEL_CURVES | 1U << PANEL_RANGES | 1U << PANEL_LOG},
        {EVENT_EVALUATION, ALL_PANELS},
        {EVENT_PTQ, 0},
        {EVENT_EXPORT, 1U << PANEL_SYSTEM},
        {EVENT_CHECKPOINT, 0},
        {EVENT_LOG, 1U << PANEL_LOG},
        {EVENT_ACKNOWLEDGE, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make(60, 200, GLYPHS_ASCII, true);
        free(shot());
        struct event event = some_event(rows[i].kind);
        screen_event(&screen, &event, 1000);
        event_release(&event);
        assert_int_equal(screen.dirty, rows[i].panels);
        /* Nothing is missing: all panels drawn again show the same. */
        char *some = shot();
        screen.dirty = ALL_PANELS;
        char *all = shot();
        assert_string_equal(some, all);
        free(some);
        free(all);
        unmake();
    }
    make(24, 80, GLYPHS_ASCII, true);
}

static void the_way_out_works_on_one_cell(void **state) {
    (void)state;
    make(1, 1, GLYPHS_ASCII, true);
    screen_key(&screen, 'q', 1);
    screen_key(&screen, 'y', 2);
    assert_int_equal(sent[0].kind, COMMAND_CHECKPOINT);
    assert_true(screen.control.is_leaving);
}

static void frozen_panels_stand_while_the_header_goes_on(void **state) {
    (void)state;
    make(40, 120, GLYPHS_ASCII, true);
    free(shot());
    key('Z');
    char *before = shot();
    batch(703, .0555f);
    char *after = shot();
    assert_non_null(strstr(before, "FROZEN"));
    assert_non_null(strstr(before, "loss 0.0821"));
    assert_non_null(strstr(after, "loss 0.0555"));
    /* the two header lines differ, no other */
    const char *old = before, *new = after;
    for (int i = 0; i < 2; i++) {
        old = strchr(old, '\n') + 1;
        new = strchr(new, '\n') + 1;
    }
    assert_string_equal(old, new);
    free(before);
    free(after);
    assert_int_equal(screen.store.step, 703);
    key('Z');
    assert_false(is_shown("FROZEN"));
}

static void accuracies_of_a_part_are_labelled_at_every_size(void **state) {
    (void)state;
    static const struct {
        int columns, rows;
        const char *label;
    } sizes[] = {{120, 40, "acc% of 100"},      {80, 24, "acc% of 100"},
                 {60, 16, "INT8 99.00 of 100"}, {40, 10, "INT8 99.00 of 100"},
                 {20, 4, "INT8 99.00 of 100"},  {10, 1, "~99.0%"}};
    make(40, 120, GLYPHS_ASCII, true);
    assert_false(is_shown("acc% of"));
    struct evaluation *evaluation = calloc(1, sizeof *evaluation);
    assert_non_null(evaluation);
    evaluation->references = 1;
    evaluation->step = 702;
    evaluation->count = 100;
    for (int precision = 0; precision < PRECISIONS; precision++)
        evaluation->results[precision].accuracy = .99;
    struct event event = {.kind = EVENT_EVALUATION,
                          .folded = 1,
                          .step = 702,
                          .time = screen.store.now,
                          .evaluation = evaluation};
    screen_event(&screen, &event, 0);
    event_release(&event);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_true(screen_resize(&screen, sizes[i].rows, sizes[i].columns));
        if (!is_shown(sizes[i].label))
            fail_msg("no %s at %d columns", sizes[i].label, sizes[i].columns);
        /* The baseline, where it has room, is of the same part. */
        assert_false(is_shown("PTQ 96.80"));
        assert_int_equal(is_shown("PTQ 95.30"), sizes[i].columns >= 80);
    }
}

static char *panels_only(void) {
    char *whole = shot(), *from = strchr(strchr(whole, '\n') + 1, '\n');
    char *copy = strdup(from);
    assert_non_null(copy);
    free(whole);
    return copy;
}

static void keys_in_a_frozen_panel_bring_in_nothing_newer(void **state) {
    (void)state;
    make(40, 120, GLYPHS_ASCII, true);
    key('Z');
    key('5');
    char *before = panels_only();
    for (uint64_t step = 703; step < 760; step++) batch(step, 3.0f);
    log_line(LOG_INFO, "a line of later");
    for (const char *at = "1[]2jk4OO5gF"; *at; at++) key((unsigned char)*at);
    assert_true(screen_resize(&screen, 24, 80));
    assert_true(screen_resize(&screen, 40, 120));
    char *after = panels_only();
    assert_string_equal(before, after);
    free(before);
    free(after);
    key('Z');
    key('5');
    assert_true(is_shown("a line of later"));
}

static void nothing_is_drawn_when_nothing_happened(void **state) {
    (void)state;
    make(24, 80, GLYPHS_ASCII, true);
    assert_true(screen_draw(&screen, 1000));
    assert_false(screen_draw(&screen, 1001));
    batch(703, .05f);
    assert_true(screen_draw(&screen, 1002));
    assert_false(screen_draw(&screen, 1003));
}

static void a_notice_goes_by_itself(void **state) {
    (void)state;
    make(24, 80, GLYPHS_ASCII, true);
    screen_key(&screen, '>', 1000); /* as fast as it can already */
    assert_true(is_shown("pace: full speed"));
    assert_false(screen_draw(&screen, 1001));
    assert_true(screen_draw(&screen, 1000 + NOTICE_SECONDS));
    char *text = canvas_dump(&screen.shown);
    assert_null(strstr(text, "pace: full speed"));
    free(text);
}

static void digits_are_stepped_through_from_any_panel(void **state) {
    (void)state;
    make(40, 120, GLYPHS_ASCII, true);
    free(shot());
    type("6n"); /* to the first wrong one, then on */
    size_t first = screen.session.digit;
    type("n");
    assert_true(screen.session.digit != first);
    type("N");
    assert_int_equal(screen.session.digit, first);
    assert_int_equal(screen.focus, PANEL_SYSTEM);
}

static void the_log_is_searched(void **state) {
    (void)state;
    make(40, 120, GLYPHS_ASCII, true);
    char text[64];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "line %d%s", i, i % 40 == 7 ? " needle" : "");
        log_line(LOG_INFO, text);
    }
    type("/nedd");
    key(KEYCODE_BACKSPACE);
    key(KEYCODE_BACKSPACE);
    type("edle");
    assert_true(is_shown("/needle"));
    key(KEYCODE_ENTER);
    assert_int_equal(screen.focus, PANEL_LOG);
    assert_true(is_shown("line 87 needle"));
    assert_true(is_shown("3 matches"));
    type("N");
    assert_true(is_shown("line 47 needle"));
    assert_false(is_shown("line 87 needle"));
    type("n");
    assert_true(is_shown("line 87 needle"));
    key(KEYCODE_ESCAPE);
    type("F");
    assert_true(is_shown("following"));
    assert_true(is_shown("line 99"));
    type("k");
    assert_false(is_shown("line 99"));
    assert_true(is_shown("1 newer"));
}

static void the_log_is_filtered_by_level(void **state) {
    (void)state;
    make(40, 120, GLYPHS_ASCII, true);
    log_line(LOG_INFO, "an everyday line");
    log_line(LOG_WARNING, "a warning");
    assert_true(is_shown("1 warning"));
    type("5\\");
    assert_false(is_shown("an everyday line"));
    assert_true(is_shown("a warning"));
    type("\\");
    assert_true(is_shown("no lines at this level yet"));
    type("\\a");
    assert_true(is_shown("an everyday line"));
    assert_false(is_shown("1 warning"));
}

static void the_chosen_evaluation_stays_when_newer_ones_come(void **state) {
    (void)state;
    make(24, 80, GLYPHS_ASCII, true);
    screen.session.evaluation = 1;
    const struct evaluation *chosen = screen.store.evaluations[1];
    for (int i = 0; i < 2 * STORE_EVALUATIONS; i++) {
        struct event event = {.kind = EVENT_EVALUATION, .folded = 1, .step = 800 + (uint64_t)i};
        struct evaluation *evaluation = calloc(1, sizeof *evaluation);
        assert_non_null(evaluation);
        evaluation->references = 1;
        event.evaluation = evaluation;
        screen_event(&screen, &event, 0);
        event_release(&event);
    }
    assert_ptr_equal(screen.store.evaluations[screen.session.evaluation], chosen);
}

static void panels_are_focused_and_maximised(void **state) {
    (void)state;
    make(40, 120, GLYPHS_ASCII, true);
    type("4");
    assert_int_equal(screen.focus, PANEL_CONFUSION);
    assert_false(screen.is_maximised);
    type("4");
    assert_true(screen.is_maximised);
    assert_true(rect_is_empty(screen.layout.panels[PANEL_CURVES]));
    key(KEYCODE_ESCAPE);
    assert_false(screen.is_maximised);
    key(KEYCODE_BACKTAB);
    assert_int_equal(screen.focus, PANEL_DIGITS);
}

static void glyphs_go_down_and_round(void **state) {
    (void)state;
    make(40, 120, GLYPHS_BRAILLE, false);
    type("~");
    assert_int_equal(screen.base.glyphs, GLYPHS_BLOCK);
    type("~");
    char *text = shot();
    for (const char *c = text; *c; c++) assert_true((unsigned char)*c < 0x80);
    free(text);
    type("~");
    assert_int_equal(screen.base.glyphs, GLYPHS_BRAILLE);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)
static const struct CMUnitTest tests[] = {
    T(the_screen_of_80x24_is_as_drawn),
    T(the_screen_of_120x40_is_as_drawn),
    T(the_screen_of_200x60_is_as_drawn),
    T(the_screen_of_60x16_is_as_drawn),
    T(the_screen_of_20x4_is_as_drawn),
    T(the_screen_of_10x1_is_as_drawn),
    T(the_screen_of_1x1_is_as_drawn),
    T(braille_and_blocks_are_as_drawn),
    T(menus_and_help_are_as_drawn),
    T(the_system_panel_is_as_drawn),
    T(the_log_is_as_drawn),
    T(every_state_is_a_word_without_colours_at_every_size),
    T(any_size_and_focus_is_drawn),
    T(an_event_redraws_the_panels_that_show_it),
    T(the_way_out_works_on_one_cell),
    T(frozen_panels_stand_while_the_header_goes_on),
    T(accuracies_of_a_part_are_labelled_at_every_size),
    T(keys_in_a_frozen_panel_bring_in_nothing_newer),
    T(nothing_is_drawn_when_nothing_happened),
    T(a_notice_goes_by_itself),
    T(digits_are_stepped_through_from_any_panel),
    T(the_log_is_searched),
    T(the_log_is_filtered_by_level),
    T(the_chosen_evaluation_stays_when_newer_ones_come),
    T(panels_are_focused_and_maximised),
    T(glyphs_go_down_and_round),
};
TEST_MAIN(tests)
