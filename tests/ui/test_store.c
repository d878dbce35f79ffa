#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/store.h"

/* A plan of two tensors and a run of 3 epochs of 100 batches. */
static struct quant_tensor tensors[2];
static struct quant_plan plan;
static struct run_config config;
static struct run_info info;
static struct store store;

static int set_up(void **state) {
    (void)state;
    memset(&config, 0, sizeof config);
    memset(&info, 0, sizeof info);
    config.training.epochs = 3;
    plan = (struct quant_plan){.tensors = tensors, .tensor_count = 2, .range_count = 2};
    info.config = &config;
    info.plan = &plan;
    info.batches = 100;
    return store_create(&store, &info) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    store_free(&store);
    store_free(&store);
    return 0;
}

static void feed_batch(uint64_t step, double time, float loss) {
    bool is_finite = isfinite(loss);
    struct event event = {.kind = EVENT_BATCH, .folded = 1, .step = step, .time = time};
    event.batch = (struct event_batch){.first_step = step,
                                       .epoch = 1,
                                       .batch = (int)step,
                                       .batches = 100,
                                       .loss_min = loss,
                                       .loss_max = loss,
                                       .loss_last = loss,
                                       .loss_sum = is_finite ? (double)loss : 0,
                                       .finite = is_finite,
                                       .not_finite = !is_finite,
                                       .count = 32,
                                       .correct = 16};
    store_feed(&store, &event);
}

static void feed_state(enum run_state run_state, double time) {
    struct event event = {.kind = EVENT_STATE, .folded = 1, .time = time, .state = run_state};
    store_feed(&store, &event);
}

static struct evaluation *make_evaluation(uint64_t step, bool is_whole) {
    struct evaluation *evaluation = calloc(1, sizeof *evaluation);
    assert_non_null(evaluation);
    evaluation->references = 1;
    evaluation->step = step;
    evaluation->is_whole = is_whole;
    evaluation->count = 100;
    return evaluation;
}

static void folded_batches_keep_their_extremes(void **state) {
    (void)state;
    feed_batch(1, 0.1, 2.0f);
    struct event event = {.kind = EVENT_BATCH, .folded = 10, .step = 11, .time = 0.2};
    event.batch = (struct event_batch){.first_step = 2,
                                       .loss_min = 0.5f,
                                       .loss_max = 9.0f,
                                       .loss_last = 1.0f,
                                       .loss_sum = 20,
                                       .finite = 10};
    store_feed(&store, &event);
    struct bucket all = history_range(store.loss, 1, 11);
    assert_int_equal(all.count, 11);
    assert_near(all.min, 0.5, 0);
    assert_near(all.max, 9.0, 0);
    assert_near(all.sum, 22.0, 0);
    assert_int_equal(store.step, 11);
    assert_near(store.now, 0.2, 0);
}

static void a_nan_is_remembered_for_ever(void **state) {
    (void)state;
    feed_batch(1, 0, 1.0f);
    feed_batch(2, 0, NAN);
    feed_batch(3, 0, INFINITY);
    feed_batch(4, 0, 1.0f);
    assert_int_equal(store.not_finite_steps, 2);
    assert_int_equal(store.first_not_finite, 2);
    assert_int_equal(history_range(store.loss, 1, 4).not_finite, 2);
    assert_int_equal(history_range(store.loss, 1, 4).count, 2);
}

static void a_tensor_that_is_not_in_the_plan_is_ignored(void **state) {
    (void)state;
    struct event event = {.kind = EVENT_TENSOR, .folded = 1, .step = 5};
    event.tensor.tensor = 2;
    store_feed(&store, &event);
    event.tensor.tensor = -1;
    store_feed(&store, &event);
    assert_false(store.tensors[0].is_known || store.tensors[1].is_known);
    event.tensor.tensor = 1;
    event.tensor.max = 3.5f;
    store_feed(&store, &event);
    assert_false(store.tensors[0].is_known);
    assert_true(store.tensors[1].is_known);
    assert_near(store.tensors[1].latest.max, 3.5, 0);
    assert_near(history_range(store.tensors[1].max, 5, 5).max, 3.5, 0);
}

static void evaluations_are_retained_and_bounded(void **state) {
    (void)state;
    struct evaluation *first = make_evaluation(0, true);
    struct event event = {.kind = EVENT_EVALUATION, .folded = 1, .evaluation = first};
    store_feed(&store, &event);
    assert_int_equal(first->references, 2);
    event_release(&event);
    assert_int_equal(first->references, 1);
    for (int i = 1; i < 3 * STORE_EVALUATIONS; i++) {
        event.kind = EVENT_EVALUATION;
        event.evaluation = make_evaluation((uint64_t)i, i % 2);
        event.step = (uint64_t)i;
        store_feed(&store, &event);
        event_release(&event);
    }
    assert_int_equal(store.evaluation_count, STORE_EVALUATIONS);
    assert_ptr_equal(store.evaluations[0], first);
    for (int i = 1; i < store.evaluation_count; i++) {
        assert_true(store.evaluations[i]->step > store.evaluations[i - 1]->step);
    }
    /* 191 is odd, so whole; 190 is newer than any other partial one. */
    assert_int_equal(store_evaluation(&store, -1)->step, 191);
    assert_int_equal(store_newest(&store)->step, 191);
    assert_ptr_equal(store_evaluation(&store, 0), first);
}

static void partial_evaluations_are_dropped_before_whole_ones(void **state) {
    (void)state;
    for (uint64_t i = 0; i < STORE_EVALUATIONS + 20; i++) {
        struct event event = {.kind = EVENT_EVALUATION, .folded = 1, .step = i};
        event.evaluation = make_evaluation(i, i < 10 || i >= 30); /* 20 that are not, between */
        store_feed(&store, &event);
        event_release(&event);
    }
    assert_int_equal(store.evaluation_count, STORE_EVALUATIONS);
    for (int i = 0; i < STORE_EVALUATIONS; i++)
        assert_int_equal(store.evaluations[i]->step, i < 10 ? i : i + 20);
}

static void no_evaluation_yet_is_null(void **state) {
    (void)state;
    assert_null(store_evaluation(&store, -1));
    assert_null(store_evaluation(&store, 0));
}

static void the_log_keeps_the_newest_lines(void **state) {
    (void)state;
    char text[32];
    for (int i = 0; i < STORE_LOG_LINES + 5; i++) {
        snprintf(text, sizeof text, "line %d", i);
        store_log(&store, LOG_INFO, false, text);
    }
    assert_int_equal(store.line_count, STORE_LOG_LINES);
    assert_int_equal(store.lines_total, STORE_LOG_LINES + 5);
    assert_string_equal(store_line_at(&store, 0)->text, "line 5");
    assert_string_equal(store_line_at(&store, STORE_LOG_LINES - 1)->text, "line 2004");
    assert_null(store_line_at(&store, STORE_LOG_LINES));
}

static void alarms_stay_until_acknowledged(void **state) {
    (void)state;
    store_log(&store, LOG_WARNING, false, "saturation");
    store_log(&store, LOG_CRITICAL, false, "loss is NaN");
    store_log(&store, LOG_INFO, false, "all well");
    assert_int_equal(store.warnings, 1);
    assert_int_equal(store.alarms, 1);
    assert_string_equal(store.alarm, "loss is NaN");
    store_acknowledge(&store);
    assert_int_equal(store.warnings + store.alarms, 0);
    assert_string_equal(store.alarm, "");
    assert_int_equal(store.line_count, 3);
}

static void epochs_are_kept_in_order(void **state) {
    (void)state;
    struct event event = {.kind = EVENT_EPOCH, .folded = 1};
    for (int i = 1; i <= 9; i++) {
        event.epoch.epoch = i;
        store_feed(&store, &event);
    }
    assert_int_equal(store.epoch_count, 9);
    for (int i = 0; i < 9; i++) assert_int_equal(store.epochs[i].epoch, i + 1);
    assert_int_equal(store.epochs_planned, 9);
}

static void the_eta_waits_until_it_means_something(void **state) {
    (void)state;
    feed_state(STATE_TRAIN, 0);
    for (int i = 0; i < 100; i++) { /* 10 batches a second with ups and downs, up to 9.9 s */
        feed_batch((uint64_t)i + 1, 0.1 * i + 0.06 * (i / 10 % 2), 1.0f);
    }
    assert_true(store_eta(&store) < 0);
    for (int i = 100; i < 120; i++) feed_batch((uint64_t)i + 1, 0.1 * i, 1.0f);
    /* 300 - 120 batches left at 10 a second; samples are a second apart */
    assert_int_equal(store_batches_left(&store), 180);
    assert_near(store_eta(&store), 18.0, 0.5);
    feed_state(STATE_PAUSED, 12.0);
    assert_true(store_eta(&store) < 0);
    feed_state(STATE_TRAIN, 500.0);
    feed_batch(121, 500.0, 1.0f);
    assert_true(store_eta(&store) < 0);
    for (int i = 0; i < 40; i++) feed_batch((uint64_t)i + 122, 500.1 + 0.1 * i, 1.0f);
    assert_near(store_eta(&store), 13.9, 0.5); /* the pause is not in it */
    feed_state(STATE_DONE, 505.0);
    assert_true(store_eta(&store) < 0);
    assert_true(store.is_over);
    assert_int_equal(store_batches_left(&store), 0);
}

static void a_steady_pace_gives_the_eta_early(void **state) {
    (void)state;
    feed_state(STATE_TRAIN, 0);
    for (int i = 0; i < 29; i++) feed_batch((uint64_t)i + 1, 0.1 * i, 1.0f);
    assert_true(store_eta(&store) < 0);
    for (int i = 29; i < 35; i++) feed_batch((uint64_t)i + 1, 0.1 * i, 1.0f);
    assert_near(store_eta(&store), 26.5, 0.01); /* 300 - 35 batches at 10 a second */
}

static void a_copy_stays_as_it_was(void **state) {
    (void)state;
    struct event tensor = {.kind = EVENT_TENSOR, .folded = 1, .step = 1};
    tensor.tensor.max = 3.5f;
    store_feed(&store, &tensor);
    struct event event = {.kind = EVENT_EVALUATION, .folded = 1};
    event.evaluation = make_evaluation(1, true);
    store_feed(&store, &event);
    for (uint64_t step = 1; step <= 40; step++) feed_batch(step, 0.1 * (double)step, 2.0f);
    store_log(&store, LOG_INFO, false, "before");
    struct store copy;
    assert_true(store_copy(&copy, &store));
    assert_int_equal(event.evaluation->references, 3);
    for (uint64_t step = 41; step <= 80; step++) feed_batch(step, 0.1 * (double)step, 9.0f);
    store_log(&store, LOG_INFO, false, "after");
    tensor.tensor.max = 7.0f;
    store_feed(&store, &tensor);
    assert_int_equal(copy.step, 40);
    assert_int_equal(history_count(copy.loss), 40);
    assert_near(history_range(copy.loss, 0, 80).max, 2.0, 0);
    assert_near(history_range(store.loss, 0, 80).max, 9.0, 0);
    assert_near(copy.tensors[0].latest.max, 3.5, 0);
    assert_near(history_range(copy.tensors[0].max, 0, 80).max, 3.5, 0);
    assert_int_equal(copy.line_count, 1);
    assert_string_equal(store_line_at(&copy, 0)->text, "before");
    assert_ptr_equal(store_evaluation(&copy, -1), event.evaluation);
    store_free(&copy);
    assert_int_equal(event.evaluation->references, 2);
    event_release(&event);
}

static void a_step_limit_shortens_the_plan(void **state) {
    (void)state;
    store_free(&store);
    config.training.max_steps = 150;
    assert_true(store_create(&store, &info));
    feed_batch(100, 0, 1.0f);
    assert_int_equal(store_batches_left(&store), 50);
    feed_batch(150, 0, 1.0f);
    store_extend(&store, 1); /* the second epoch is finished, then comes a third */
    assert_int_equal(store.steps_planned, 300);
    assert_int_equal(store.epochs_planned, 3);
}

static void the_baseline_is_unknown_until_it_is_told(void **state) {
    (void)state;
    assert_false(store.has_ptq);
    struct event event = {.kind = EVENT_PTQ, .folded = 1, .step = 3};
    event.ptq = (struct event_ptq){.97, .96, 10000, 1000};
    store_feed(&store, &event);
    assert_true(store.has_ptq);
    assert_near(store.ptq.accuracy, .97, 0);
    assert_near(store.ptq.part_accuracy, .96, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(folded_batches_keep_their_extremes, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_nan_is_remembered_for_ever, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_tensor_that_is_not_in_the_plan_is_ignored, set_up, tear_down),
    cmocka_unit_test_setup_teardown(evaluations_are_retained_and_bounded, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_baseline_is_unknown_until_it_is_told, set_up, tear_down),
    cmocka_unit_test_setup_teardown(partial_evaluations_are_dropped_before_whole_ones, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(no_evaluation_yet_is_null, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_log_keeps_the_newest_lines, set_up, tear_down),
    cmocka_unit_test_setup_teardown(alarms_stay_until_acknowledged, set_up, tear_down),
    cmocka_unit_test_setup_teardown(epochs_are_kept_in_order, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_eta_waits_until_it_means_something, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_steady_pace_gives_the_eta_early, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_copy_stays_as_it_was, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_step_limit_shortens_the_plan, set_up, tear_down),
};
TEST_MAIN(tests)
