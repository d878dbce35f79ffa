#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ui/control.h"
#include "ui/keys.h"

/* A run that only remembers what it was told. */
static struct command sent[16];
static uint32_t sent_count, mailbox_room;

static uint32_t remember(void *context, struct command command) {
    (void)context;
    if (sent_count >= mailbox_room) return 0;
    sent[sent_count++] = command;
    return sent_count;
}

static struct quant_plan plan;
static struct run_config config;
static struct run_info info;
static struct store store;
static struct control control;

static int set_up(void **state) {
    (void)state;
    sent_count = 0;
    mailbox_room = 16;
    memset(&info, 0, sizeof info);
    config.training.epochs = 3;
    config.pace = PACE_MAX;
    info.config = &config;
    info.plan = &plan;
    info.batches = 100;
    if (!store_create(&store, &info)) return -1;
    store.state = STATE_TRAIN;
    store.step = 10;
    control_init(&control, remember, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    store_free(&store);
    return 0;
}

static void be(enum run_state state) {
    struct event event = {.kind = EVENT_STATE, .folded = 1, .state = state};
    store_feed(&store, &event);
    control_event(&control, &store, &event, 0);
}

static void acknowledge(uint32_t number, enum status status, const char *text) {
    struct event event = {.kind = EVENT_ACKNOWLEDGE, .folded = 1};
    event.acknowledge.command = number;
    event.acknowledge.status = status;
    snprintf(event.acknowledge.text, sizeof event.acknowledge.text, "%s", text);
    store_feed(&store, &event);
    control_event(&control, &store, &event, 0);
}

static void tell_export(uint64_t step) {
    struct event event = {.kind = EVENT_EXPORT, .folded = 1, .step = step};
    event.export_ = (struct export_result){.is_ok = true,
                                           .path = "out/model_int8-s10.tflite",
                                           .bytes = 25190,
                                           .accuracy = .978,
                                           .count = 1000};
    store_feed(&store, &event);
    control_event(&control, &store, &event, 0);
}

static void pause_says_so_until_it_is_acknowledged(void **state) {
    (void)state;
    assert_true(control_act(&control, &store, ACTION_PAUSE, 0));
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].kind, COMMAND_PAUSE);
    assert_string_equal(control_waiting(&control), "pausing...");
    acknowledge(7, STATUS_OK, ""); /* another command's */
    assert_string_equal(control_waiting(&control), "pausing...");
    acknowledge(1, STATUS_OK, "");
    assert_string_equal(control_waiting(&control), "");
    be(STATE_PAUSED);
    control_act(&control, &store, ACTION_PAUSE, 0);
    assert_int_equal(sent[1].kind, COMMAND_RESUME);
}

static void every_stop_has_its_own_key(void **state) {
    (void)state;
    static const struct {
        uint32_t key;
        enum command_kind kind;
    } cases[] = {{'e', COMMAND_STOP_EPOCH}, {'n', COMMAND_STOP_NOW}, {'x', COMMAND_STOP_RESTORE}};
    for (uint32_t i = 0; i < 3; i++) {
        control_act(&control, &store, ACTION_STOP, 1);
        assert_int_equal(control.modal, MODAL_STOP);
        control_answer(&control, &store, cases[i].key, 2);
        assert_int_equal(control.modal, MODAL_NONE);
        assert_int_equal(sent_count, i + 1);
        assert_int_equal(sent[i].kind, cases[i].kind);
    }
    control_act(&control, &store, ACTION_STOP, 1);
    control_answer(&control, &store, KEYCODE_ESCAPE, 2);
    assert_int_equal(control.modal, MODAL_NONE);
    assert_int_equal(sent_count, 3);
}

static void a_doubled_key_never_quits(void **state) {
    (void)state;
    control_act(&control, &store, ACTION_QUIT, 1);
    assert_int_equal(control.modal, MODAL_QUIT);
    for (int i = 0; i < 50; i++) control_answer(&control, &store, 'q', 1 + i * 0.1);
    assert_int_equal(control.modal, MODAL_QUIT);
    assert_int_equal(sent_count, 0);
    assert_false(control.is_leaving || control.is_done);
}

static void keys_typed_ahead_do_not_answer_a_menu(void **state) {
    (void)state;
    control_act(&control, &store, ACTION_QUIT, 1);
    control_answer(&control, &store, 'y', 1.1);
    assert_int_equal(control.modal, MODAL_QUIT);
    assert_int_equal(sent_count, 0);
    control_answer(&control, &store, 'y', 1.2);
    assert_true(control.is_leaving);
}

static void nothing_but_listed_keys_answers_a_menu(void **state) {
    (void)state;
    static const enum modal modals[] = {MODAL_QUIT, MODAL_STOP, MODAL_UNSAVED};
    static const char *const answers[] = {"y", "enx", "ey"};
    for (int m = 0; m < 3; m++) {
        for (uint32_t code = 1; code < 127; code++) {
            if (code == KEYCODE_ESCAPE || strchr(answers[m], (int)code)) continue;
            control.modal = modals[m];
            control.modal_since = 0;
            control_answer(&control, &store, code, 9);
            assert_int_equal(control.modal, modals[m]);
        }
        for (uint32_t code = KEYCODE_UP; code <= KEYCODE_F12; code++) {
            if (code == KEYCODE_BACKSPACE) continue;
            control_answer(&control, &store, code, 9);
            assert_int_equal(control.modal, modals[m]);
        }
    }
    assert_int_equal(sent_count, 0);
    assert_false(control.is_done || control.is_leaving);
}

static void menus_offer_what_they_answer_to(void **state) {
    (void)state;
    static const enum modal modals[] = {MODAL_QUIT, MODAL_STOP, MODAL_UNSAVED};
    for (int m = 0; m < 3; m++) {
        const char *title;
        const struct choice *choices = control_choices(modals[m], &title);
        assert_true(title[0]);
        for (; choices->key; choices++) {
            control.modal = modals[m];
            control.modal_since = 0;
            uint32_t code =
                strcmp(choices->key, "Esc") ? (uint32_t)choices->key[0] : (uint32_t)KEYCODE_ESCAPE;
            control_answer(&control, &store, code, 9);
            assert_true(control.modal != modals[m] || control.is_done);
        }
    }
}

static void quitting_waits_for_the_checkpoint(void **state) {
    (void)state;
    control_act(&control, &store, ACTION_QUIT, 0);
    control_answer(&control, &store, 'y', 1);
    assert_int_equal(sent[0].kind, COMMAND_CHECKPOINT);
    assert_int_equal(sent[1].kind, COMMAND_PAUSE);
    assert_false(control.is_done);
    acknowledge(2, STATUS_OK, "");
    assert_false(control.is_done);
    acknowledge(1, STATUS_OK, "");
    assert_true(control.is_done);
    assert_int_equal(control.signal, 0);
}

static void a_checkpoint_that_fails_does_not_hold_the_user(void **state) {
    (void)state;
    control_signal(&control, &store, SIGINT, 1);
    assert_int_equal(sent[0].kind, COMMAND_CHECKPOINT);
    acknowledge(1, STATUS_IO, "out: no space left on device");
    assert_true(control.is_done);
    assert_int_equal(control.signal, SIGINT);
    assert_non_null(strstr(control_notice(&control, 0.5), "no space left"));
}

static void a_signal_leaves_even_when_the_mailbox_is_full(void **state) {
    (void)state;
    mailbox_room = 0;
    control_signal(&control, &store, SIGTERM, 1);
    assert_true(control.is_done);
}

static void a_finished_and_exported_run_quits_at_once(void **state) {
    (void)state;
    be(STATE_DONE);
    control_act(&control, &store, ACTION_QUIT, 1);
    assert_int_equal(control.modal, MODAL_UNSAVED);
    control_answer(&control, &store, KEYCODE_ESCAPE, 2);
    tell_export(10);
    control_act(&control, &store, ACTION_QUIT, 3);
    assert_true(control.is_done);
}

static void export_and_quit_waits_for_the_export(void **state) {
    (void)state;
    be(STATE_DONE);
    control_act(&control, &store, ACTION_QUIT, 1);
    control_answer(&control, &store, 'e', 2);
    assert_int_equal(sent[0].kind, COMMAND_EXPORT);
    assert_false(control.is_done);
    tell_export(10);
    assert_true(control.is_done);
}

static void an_export_that_fails_keeps_the_user_here(void **state) {
    (void)state;
    be(STATE_DONE);
    control_act(&control, &store, ACTION_QUIT, 1);
    control_answer(&control, &store, 'e', 2);
    struct event event = {.kind = EVENT_EXPORT, .folded = 1, .export_.path = "out/x.tflite"};
    store_feed(&store, &event); /* a failed one comes first, then why */
    control_event(&control, &store, &event, 0.5);
    assert_false(control.is_done);
    acknowledge(1, STATUS_IO, "out/model_int8.tflite: read-only file system");
    assert_false(control.is_done);
    assert_string_equal(control_notice(&control, 0.5),
                        "export failed: out/model_int8.tflite: read-only file system");
    tell_export(10); /* a later one */
    assert_false(control.is_done);
}

static void the_result_of_an_export_is_said(void **state) {
    (void)state;
    tell_export(10);
    assert_string_equal(control_notice(&control, 1),
                        "wrote model_int8-s10.tflite  24.6 KiB  INT8 97.80 %  verified: 0 "
                        "differ");
    assert_string_equal(control_notice(&control, 1000), "");
}

static void training_on_plans_an_epoch_more(void **state) {
    (void)state;
    control_act(&control, &store, ACTION_TRAIN_ON, 1);
    assert_int_equal(sent_count, 0);
    store.step = 300;
    be(STATE_DONE);
    control_act(&control, &store, ACTION_TRAIN_ON, 1);
    assert_int_equal(sent[0].kind, COMMAND_TRAIN_ON);
    assert_near(sent[0].number, 1, 0);
    assert_int_equal(store.epochs_planned, 3);
    acknowledge(1, STATUS_OK, "");
    assert_int_equal(store.epochs_planned, 4);
    be(STATE_TRAIN);
    assert_int_equal(store_batches_left(&store), 100);
}

static void freezing_the_view_is_not_pausing(void **state) {
    (void)state;
    control_act(&control, &store, ACTION_FREEZE, 1);
    assert_true(control.is_frozen);
    assert_int_equal(sent_count, 0);
    control_act(&control, &store, ACTION_FREEZE, 1);
    assert_false(control.is_frozen);
}

static void pace_moves_on_a_ladder(void **state) {
    (void)state;
    assert_near(control_pace(PACE_MAX, 0, true), PACE_MAX, 0);
    assert_near(control_pace(PACE_MAX, 730, false), 500, 0);
    assert_near(control_pace(PACE_AUTO, 19, true), 20, 0);
    assert_near(control_pace(PACE_AUTO, 19, false), 10, 0);
    assert_near(control_pace(20, 19, true), 50, 0);
    assert_near(control_pace(1, 1, false), 1, 0);
    assert_near(control_pace(5000, 1, true), PACE_MAX, 0);
    control_act(&control, &store, ACTION_SLOWER, 0);
    assert_int_equal(sent[0].kind, COMMAND_PACE);
    assert_near(store.pace, 100, 0);
}

static void a_full_mailbox_is_said(void **state) {
    (void)state;
    mailbox_room = 0;
    control_act(&control, &store, ACTION_EXPORT, 0);
    assert_non_null(strstr(control_notice(&control, 1), "busy"));
    assert_string_equal(control_waiting(&control), "");
}

static void after_the_end_run_control_explains_itself(void **state) {
    (void)state;
    be(STATE_DONE);
    static const enum action actions[] = {ACTION_PAUSE, ACTION_STEP, ACTION_STOP};
    for (int i = 0; i < 3; i++) {
        control.notice_until = 0;
        assert_true(control_act(&control, &store, actions[i], 0));
        assert_true(*control_notice(&control, 1));
    }
    assert_int_equal(sent_count, 0);
    assert_int_equal(control.modal, MODAL_NONE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
static const struct CMUnitTest tests[] = {
    T(pause_says_so_until_it_is_acknowledged),
    T(every_stop_has_its_own_key),
    T(a_doubled_key_never_quits),
    T(keys_typed_ahead_do_not_answer_a_menu),
    T(nothing_but_listed_keys_answers_a_menu),
    T(menus_offer_what_they_answer_to),
    T(quitting_waits_for_the_checkpoint),
    T(a_checkpoint_that_fails_does_not_hold_the_user),
    T(a_signal_leaves_even_when_the_mailbox_is_full),
    T(a_finished_and_exported_run_quits_at_once),
    T(export_and_quit_waits_for_the_export),
    T(an_export_that_fails_keeps_the_user_here),
    T(the_result_of_an_export_is_said),
    T(training_on_plans_an_epoch_more),
    T(freezing_the_view_is_not_pausing),
    T(pace_moves_on_a_ladder),
    T(a_full_mailbox_is_said),
    T(after_the_end_run_control_explains_itself),
};
TEST_MAIN(tests)
