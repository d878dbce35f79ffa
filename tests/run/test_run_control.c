/* Commands to a run, and what it does when it diverges. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "test.h"
#include "run/run.h"
#include "run/story.h"

/* ---- the table of run control --------------------------------------------------------------- */

static void pause_step_and_resume(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-control");
    story_begin_paused(&story, &config);
    assert_int_equal(story_command(&story, COMMAND_PAUSE, 0), STATUS_OK); /* again: harmless */
    for (uint64_t step = 1; step <= 3; step++) {
        story.tensors = 0;
        assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
        assert_int_equal(story.batches, step);
        assert_int_equal(story.state, STATE_PAUSED);
        assert_int_equal(story.tensors, run_info(story.run)->plan->tensor_count);
    }
    assert_int_equal(story_command(&story, COMMAND_TRAIN_ON, 1), STATUS_USAGE);
    assert_int_equal(story_command(&story, COMMAND_EVALUATE, 0), STATUS_OK);
    assert_int_equal(story.whole_step, 3);
    assert_int_equal(story_command(&story, COMMAND_RESUME, 0), STATUS_OK);
    assert_int_equal(story.state, STATE_TRAIN);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 60);
    story_end(&story);
}

static void stop_at_the_end_of_the_epoch_finishes_it(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-stop-epoch");
    config.training.epochs = 3;
    config.training.max_steps = 0;
    config.training.batch = 400; /* 10 batches an epoch */
    story_begin_paused(&story, &config);
    assert_int_equal(story_command(&story, COMMAND_STOP_EPOCH, 0), STATUS_OK);
    assert_int_equal(story.state, STATE_STOPPING);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 10);
    assert_int_equal(story.epochs, 1);
    /* What was planned before the stop is forgotten: two epochs means two. */
    assert_int_equal(story_command(&story, COMMAND_TRAIN_ON, 2), STATUS_OK);
    assert_int_equal(story.state, STATE_TRAIN);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 30);
    assert_int_equal(story.last_epoch.epoch, 3);
    assert_int_equal(story.whole_step, 30);
    story_end(&story);
}

static void a_stop_at_the_epoch_survives_a_pause(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-stop-pause");
    config.training.epochs = 2;
    config.training.max_steps = 0;
    config.training.batch = 400;
    config.pace = 2; /* so that the pause comes before the epoch's end */
    story_begin_paused(&story, &config);
    assert_int_equal(story_command(&story, COMMAND_STOP_EPOCH, 0), STATUS_OK);
    assert_int_equal(story_command(&story, COMMAND_PAUSE, 0), STATUS_OK);
    assert_int_equal(story.state, STATE_PAUSED);
    assert_int_equal(story_command(&story, COMMAND_PACE, PACE_MAX), STATUS_OK);
    assert_int_equal(story_command(&story, COMMAND_RESUME, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 10);
    story_end(&story);
}

static void stop_now_keeps_the_weights_and_evaluates_them(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-stop-now");
    story_begin_paused(&story, &config);
    assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(story_command(&story, COMMAND_STOP_NOW, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 1);
    assert_int_equal(story.whole_step, 1);
    static const enum command_kind refused[] = {COMMAND_PAUSE,    COMMAND_RESUME,
                                                COMMAND_STEP,     COMMAND_STOP_EPOCH,
                                                COMMAND_STOP_NOW, COMMAND_STOP_RESTORE};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(story_command(&story, refused[i], 0), STATUS_USAGE);
        assert_true(strlen(story.text) > 0);
        assert_int_equal(story.state, STATE_DONE);
    }
    static const double no_epochs[] = {0, -1, 1.5, (double)NAN, (double)INFINITY, 1e9};
    for (size_t i = 0; i < sizeof no_epochs / sizeof *no_epochs; i++)
        assert_int_equal(story_command(&story, COMMAND_TRAIN_ON, no_epochs[i]), STATUS_USAGE);
    story_end(&story);
}

static void stop_and_restore_goes_back_to_the_best_epoch(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-restore");
    config.training.epochs = 2;
    config.training.max_steps = 13;
    config.training.batch = 400;
    config.training.schedule = SCHEDULE_CONSTANT;
    story_begin_paused(&story, &config);
    assert_int_equal(story_command(&story, COMMAND_STOP_RESTORE, 0), STATUS_USAGE);
    assert_int_equal(story.state, STATE_PAUSED);
    for (int i = 0; i < 10; i++)
        assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(story.epochs, 1);
    double best = story.last_epoch.val_accuracy;
    /* Something that is surely worse. */
    assert_int_equal(story_command(&story, COMMAND_LEARNING_RATE, 1), STATUS_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.whole_step, 13);
    assert_true(story.qat < best - 0.05);
    assert_int_equal(story_command(&story, COMMAND_STOP_RESTORE, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_near(story.qat, best, 0);
    story_end(&story);
}

/* Two epochs that change nothing: the ranges stay, and the steps are lost in rounding. */
static void of_equal_epochs_the_earlier_is_the_best(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-equal");
    struct scheme scheme = *config.scheme;
    scheme.range_decay = 1;
    config.scheme = &scheme;
    config.training.epochs = 2;
    config.training.max_steps = 0;
    config.training.batch = 1000;
    config.training.learning_rate = 1e-30f;
    story_begin_paused(&story, &config);
    double loss = 0;
    for (int i = 1; i <= 8; i++) {
        assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
        if (i == 4) loss = story.last_epoch.val_loss;
    }
    assert_int_equal(story.last_epoch.epoch, 2);
    assert_true(story.last_epoch.val_loss == loss);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story_command(&story, COMMAND_STOP_RESTORE, 0), STATUS_OK);
    assert_int_equal(story.restored_epoch, 1);
    story_end(&story);
}

static void numbers_that_make_no_sense_are_refused(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-numbers");
    story_begin_paused(&story, &config);
    static const double no_rates[] = {0, -0.1, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof no_rates / sizeof *no_rates; i++)
        assert_int_equal(story_command(&story, COMMAND_LEARNING_RATE, no_rates[i]), STATUS_USAGE);
    static const double no_paces[] = {-2, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof no_paces / sizeof *no_paces; i++)
        assert_int_equal(story_command(&story, COMMAND_PACE, no_paces[i]), STATUS_USAGE);
    assert_int_equal(story_command(&story, COMMAND_PACE, PACE_AUTO), STATUS_OK);
    assert_int_equal(story_command(&story, COMMAND_LEARNING_RATE, 0.01), STATUS_OK);
    assert_int_equal(story_command(&story, (enum command_kind)99, 0), STATUS_USAGE);
    story_end(&story);
}

/* ---- divergence -------------------------------------------------------------------------------
 */

/* A rate that throws the weights so far in the first batch that the second overflows. */
static struct run_config diverging(const char *folder, enum on_nan on_nan) {
    struct run_config config = config_for(folder);
    config.training.schedule = SCHEDULE_CONSTANT;
    config.training.learning_rate = 1e30f;
    config.on_nan = on_nan;
    return config;
}

static void a_loss_that_is_not_finite_pauses_and_raises_an_alarm(void **state) {
    (void)state;
    struct story story;
    struct run_config config = diverging("run-nan-pause", ON_NAN_PAUSE);
    story_begin(&story, &config);
    wait_until(&story, story.state == STATE_PAUSED);
    assert_true(story.batches < 10);
    assert_int_equal(story.critical, 1);
    uint64_t batches = story.batches;
    /* The user may go on, and is told again. */
    assert_int_equal(story_command(&story, COMMAND_RESUME, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_PAUSED);
    assert_int_equal(story.batches, batches + 1);
    assert_int_equal(story.critical, 2);
    story_end(&story);
}

static void a_loss_that_is_not_finite_stops_where_that_is_asked_for(void **state) {
    (void)state;
    /* Without a screen nobody could resume. */
    for (int is_headless = 0; is_headless < 2; is_headless++) {
        struct story story;
        struct run_config config =
            diverging("run-nan-stop", is_headless ? ON_NAN_PAUSE : ON_NAN_STOP);
        config.is_headless = is_headless;
        story_begin(&story, &config);
        wait_until(&story, story.state == STATE_FAILED);
        assert_true(story.batches < 10);
        assert_int_equal(story.critical, 1);
        assert_int_equal(story_command(&story, COMMAND_RESUME, 0), STATUS_USAGE);
        assert_int_equal(story_command(&story, COMMAND_TRAIN_ON, 1), STATUS_OK);
        assert_int_equal(story.state, STATE_TRAIN);
        story_end(&story);
    }
}

static void a_loss_that_is_not_finite_is_told_once_when_training_is_to_go_on(void **state) {
    (void)state;
    struct story story;
    struct run_config config = diverging("run-nan-continue", ON_NAN_CONTINUE);
    story_begin(&story, &config);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 60);
    assert_int_equal(story.critical, 1);
    story_end(&story);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pause_step_and_resume),
    cmocka_unit_test(stop_at_the_end_of_the_epoch_finishes_it),
    cmocka_unit_test(a_stop_at_the_epoch_survives_a_pause),
    cmocka_unit_test(stop_now_keeps_the_weights_and_evaluates_them),
    cmocka_unit_test(stop_and_restore_goes_back_to_the_best_epoch),
    cmocka_unit_test(of_equal_epochs_the_earlier_is_the_best),
    cmocka_unit_test(numbers_that_make_no_sense_are_refused),
    cmocka_unit_test(a_loss_that_is_not_finite_pauses_and_raises_an_alarm),
    cmocka_unit_test(a_loss_that_is_not_finite_stops_where_that_is_asked_for),
    cmocka_unit_test(a_loss_that_is_not_finite_is_told_once_when_training_is_to_go_on),
};

TEST_MAIN(tests)
