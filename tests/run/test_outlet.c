#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "test.h"
#include "run/outlet.h"

static struct event batch_event(uint64_t step, float loss) {
    bool is_finite = isfinite(loss);
    return (struct event){
        .kind = EVENT_BATCH,
        .folded = 1,
        .step = step,
        .time = (double)step,
        .batch = {.first_step = step,
                  .batch = (int)step,
                  .batches = 1000,
                  .loss_min = loss,
                  .loss_max = loss,
                  .loss_last = loss,
                  .loss_sum = is_finite ? (double)loss : 0,
                  .finite = is_finite,
                  .not_finite = !is_finite,
                  .count = 32,
                  .correct = 16},
    };
}

static struct event log_event(uint64_t step, const char *text) {
    struct event event = {.kind = EVENT_LOG, .folded = 1, .step = step, .log.level = LOG_INFO};
    snprintf(event.log.text, sizeof event.log.text, "%s", text);
    return event;
}

static void publish_batch(struct outlet *outlet, uint64_t step, float loss) {
    struct event event = batch_event(step, loss);
    outlet_publish(outlet, &event);
}

static struct event take(struct outlet *outlet) {
    struct event event;
    assert_true(outlet_take(outlet, &event));
    return event;
}

static void assert_empty(struct outlet *outlet) {
    struct event event;
    assert_true(outlet_flush(outlet));
    assert_false(outlet_take(outlet, &event));
}

static void events_arrive_one_by_one_while_there_is_room(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(8, 1, 0);
    for (uint64_t step = 1; step <= 8; step++) publish_batch(outlet, step, (float)step);
    for (uint64_t step = 1; step <= 8; step++) {
        struct event event = take(outlet);
        assert_int_equal(event.step, step);
        assert_int_equal(event.folded, 1);
    }
    assert_empty(outlet);
    struct outlet_pressure pressure = outlet_pressure(outlet);
    assert_int_equal(pressure.folded, 0);
    assert_int_equal(pressure.high_water, 8);
    assert_int_equal(pressure.capacity, 8);
    outlet_destroy(outlet);
}

static void a_spike_of_one_batch_survives_folding(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(2, 1, 0);
    for (uint64_t step = 1; step <= 1000; step++)
        publish_batch(outlet, step, step == 500 ? 99.0f : step == 700 ? -1.0f : 0.5f);
    assert_int_equal(take(outlet).step, 1);
    assert_int_equal(take(outlet).step, 2);
    assert_true(outlet_flush(outlet));
    struct event event = take(outlet);
    assert_int_equal(event.kind, EVENT_BATCH);
    assert_int_equal(event.folded, 998);
    assert_int_equal(event.batch.first_step, 3);
    assert_int_equal(event.step, 1000);
    assert_near(event.batch.loss_max, 99, 0);
    assert_near(event.batch.loss_min, -1, 0);
    assert_near(event.batch.loss_last, 0.5, 0);
    assert_near(event.batch.loss_sum, 996 * 0.5 + 99 - 1, 1e-9);
    assert_int_equal(event.batch.finite, 998);
    assert_int_equal(event.batch.not_finite, 0);
    assert_int_equal(event.batch.count, 998 * 32);
    assert_int_equal(event.batch.correct, 998 * 16);
    assert_int_equal(outlet_pressure(outlet).folded, 997);
    assert_empty(outlet);
    outlet_destroy(outlet);
}

static void a_loss_that_is_not_finite_stays_visible_in_what_is_folded(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(1, 1, 0);
    publish_batch(outlet, 1, 1);
    /* The first one kept, so that the extremes must come from a later, finite one. */
    publish_batch(outlet, 2, NAN);
    publish_batch(outlet, 3, 4);
    publish_batch(outlet, 4, INFINITY);
    publish_batch(outlet, 5, 2);
    assert_int_equal(take(outlet).step, 1);
    assert_true(outlet_flush(outlet));
    struct event event = take(outlet);
    assert_int_equal(event.batch.not_finite, 2);
    assert_int_equal(event.batch.finite, 2);
    assert_near(event.batch.loss_min, 2, 0);
    assert_near(event.batch.loss_max, 4, 0);
    assert_near(event.batch.loss_sum, 6, 0);
    outlet_destroy(outlet);
}

static void order_is_kept_between_batches_and_rare_events(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(1, 1, 0);
    struct event log = log_event(4, "between");
    for (uint64_t step = 1; step <= 4; step++) publish_batch(outlet, step, 1);
    outlet_publish(outlet, &log);
    for (uint64_t step = 5; step <= 7; step++) publish_batch(outlet, step, 1);
    assert_int_equal(take(outlet).step, 1);
    assert_false(outlet_flush(outlet));
    struct event event = take(outlet);
    assert_int_equal(event.batch.first_step, 2);
    assert_int_equal(event.step, 4);
    assert_false(outlet_flush(outlet));
    assert_int_equal(take(outlet).kind, EVENT_LOG);
    assert_true(outlet_flush(outlet));
    event = take(outlet);
    assert_int_equal(event.batch.first_step, 5);
    assert_int_equal(event.step, 7);
    assert_empty(outlet);
    outlet_destroy(outlet);
}

static void of_each_tensor_the_newest_stays(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(1, 3, 0);
    publish_batch(outlet, 1, 1);
    for (uint64_t step = 2; step <= 10; step++) {
        for (int tensor = 0; tensor < 3; tensor += 2) {
            struct event event = {.kind = EVENT_TENSOR,
                                  .folded = 1,
                                  .step = step,
                                  .tensor = {.tensor = tensor, .max = (float)step}};
            outlet_publish(outlet, &event);
        }
    }
    (void)take(outlet);
    for (int tensor = 0; tensor < 3; tensor += 2) {
        (void)outlet_flush(outlet);
        struct event event = take(outlet);
        assert_int_equal(event.kind, EVENT_TENSOR);
        assert_int_equal(event.tensor.tensor, tensor);
        assert_near(event.tensor.max, 10, 0);
        assert_int_equal(event.folded, 9);
    }
    assert_empty(outlet);
    outlet_destroy(outlet);
}

static void rare_events_are_never_lost_while_the_pending_list_holds(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(2, 1, 0);
    /* 2 in the ring, OUTLET_PENDING in the list, batches in between fold where they must. */
    for (uint32_t i = 0; i < 2 + OUTLET_PENDING; i++) {
        struct event event = {.kind = EVENT_ACKNOWLEDGE, .folded = 1, .acknowledge.command = i};
        outlet_publish(outlet, &event);
    }
    for (uint32_t i = 0; i < 2 + OUTLET_PENDING; i++) {
        struct event event = take(outlet);
        assert_int_equal(event.kind, EVENT_ACKNOWLEDGE);
        assert_int_equal(event.acknowledge.command, i);
        (void)outlet_flush(outlet);
    }
    assert_empty(outlet);
    outlet_destroy(outlet);
}

static void past_the_pending_list_log_lines_go_first_and_the_loss_is_told(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(2, 1, 0);
    struct event log = log_event(0, "chatter");
    struct event rare = {.kind = EVENT_EPOCH, .folded = 1};
    int epochs = 100, logs = OUTLET_PENDING;
    for (int i = 0; i < epochs; i++) {
        rare.epoch.epoch = i + 1;
        outlet_publish(outlet, &rare);
    }
    for (int i = 0; i < logs; i++) outlet_publish(outlet, &log);
    int epoch = 0, lines = 0, told = 0;
    struct event event;
    do {
        while (outlet_take(outlet, &event)) {
            if (event.kind == EVENT_EPOCH) assert_int_equal(event.epoch.epoch, ++epoch);
            if (event.kind != EVENT_LOG) continue;
            int lost;
            if (sscanf(event.log.text, "%d events were lost", &lost) == 1) {
                told = lost;
                assert_int_equal(event.log.level, LOG_WARNING);
            } else {
                lines++;
            }
        }
    } while (!outlet_flush(outlet) || outlet_take(outlet, &event));
    if (told == 0) assert_int_equal(sscanf(event.log.text, "%d events were lost", &told), 1);
    assert_int_equal(epoch, epochs);
    assert_int_equal(told, epochs + logs - 2 - OUTLET_PENDING);
    assert_int_equal(lines, logs - told);
    outlet_destroy(outlet);
}

static struct evaluation *new_evaluation(bool is_whole) {
    struct evaluation *evaluation = calloc(1, sizeof *evaluation);
    assert_non_null(evaluation);
    atomic_init(&evaluation->references, 1);
    evaluation->is_whole = is_whole;
    return evaluation;
}

static void publish_evaluation(struct outlet *outlet, uint64_t step, bool is_whole) {
    struct event event = {.kind = EVENT_EVALUATION,
                          .folded = 1,
                          .step = step,
                          .evaluation = new_evaluation(is_whole)};
    outlet_publish(outlet, &event);
    event_release(&event);
}

/* Five events that differ in worth, and so many commands that `lost` events have to go; which of
 * the five arrive, by step. */
static void check_lost(int lost, int count, const uint64_t *steps) {
    struct outlet *outlet = outlet_create(1, 1, 0);
    struct event events[] = {log_event(2, "alarm"), log_event(4, "line"), log_event(6, "line")};
    events[0].log.level = LOG_CRITICAL;
    publish_batch(outlet, 1, 1); /* fills the ring */
    outlet_publish(outlet, &events[0]);
    publish_evaluation(outlet, 3, true);
    outlet_publish(outlet, &events[1]);
    publish_evaluation(outlet, 5, true);
    outlet_publish(outlet, &events[2]);
    for (int i = 0; i < OUTLET_PENDING - 5 + lost; i++) {
        struct event event = {.kind = EVENT_ACKNOWLEDGE, .folded = 1, .step = (uint64_t)(7 + i)};
        outlet_publish(outlet, &event);
    }
    assert_int_equal(take(outlet).step, 1);
    for (int i = 0; i < OUTLET_PENDING; i++) {
        (void)outlet_flush(outlet);
        struct event event = take(outlet);
        assert_int_equal(event.step, i < count ? steps[i] : (uint64_t)(7 + i - count));
        event_release(&event);
    }
    (void)outlet_flush(outlet);
    int told = 0;
    assert_int_equal(sscanf(take(outlet).log.text, "%d events were lost", &told), 1);
    assert_int_equal(told, lost);
    assert_empty(outlet);
    outlet_destroy(outlet);
}

static void the_oldest_lines_go_first_then_the_oldest_evaluations(void **state) {
    (void)state;
    check_lost(1, 4, (const uint64_t[]){2, 3, 5, 6});
    check_lost(2, 3, (const uint64_t[]){2, 3, 5});
    check_lost(3, 2, (const uint64_t[]){2, 5});
    check_lost(4, 1, (const uint64_t[]){2}); /* an alarm is more than a line */
    check_lost(5, 0, NULL);                  /* of what is worth the same the oldest */
}

/* Leaks and double frees show in the address sanitizer's build. */
static void of_partial_evaluations_the_newest_stays_and_whole_ones_all(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(1, 1, 0);
    publish_batch(outlet, 1, 1);
    publish_evaluation(outlet, 2, false);
    publish_evaluation(outlet, 3, true);
    publish_evaluation(outlet, 4, false);
    publish_evaluation(outlet, 5, true);
    publish_evaluation(outlet, 6, false);
    static const uint64_t want[] = {3, 5, 6};
    (void)take(outlet);
    for (int i = 0; i < 3; i++) {
        (void)outlet_flush(outlet);
        struct event event = take(outlet);
        assert_int_equal(event.kind, EVENT_EVALUATION);
        assert_int_equal(event.step, want[i]);
        assert_int_equal(event.folded, i == 2 ? 3 : 1);
        event_release(&event);
        assert_null(event.evaluation);
    }
    assert_empty(outlet);
    outlet_destroy(outlet);
}

static void what_was_not_taken_is_given_back(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(1, 1, 0);
    struct evaluation *evaluation = new_evaluation(true);
    for (int i = 0; i < 3; i++) {
        struct event event = {.kind = EVENT_EVALUATION, .folded = 1, .evaluation = evaluation};
        outlet_publish(outlet, &event);
    }
    assert_int_equal(atomic_load(&evaluation->references), 4);
    outlet_destroy(outlet);
    assert_int_equal(atomic_load(&evaluation->references), 1);
    evaluation_release(evaluation);
}

static void patience_waits_a_bounded_time_and_is_counted(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(1, 1, 0.05);
    publish_batch(outlet, 1, 1);
    double start = clock_seconds();
    publish_batch(outlet, 2, 1);
    assert_true(clock_seconds() - start >= 0.05);
    assert_int_equal(outlet_waits(outlet).count, 1);
    assert_true(outlet_waits(outlet).seconds >= 0.05);
    /* Now it folds, and does not wait once more for a reader that has not moved. */
    for (uint64_t step = 3; step <= 100; step++) publish_batch(outlet, step, 1);
    assert_int_equal(outlet_waits(outlet).count, 1);
    outlet_destroy(outlet);
}

#define STREAM 20000

static void *publish_stream(void *context) {
    struct outlet *outlet = context;
    for (uint64_t step = 1; step <= STREAM; step++)
        publish_batch(outlet, step, step == STREAM / 2 ? 1000.0f : 1.0f);
    while (!outlet_flush(outlet)) sched_yield();
    return NULL;
}

/* Both readers of a run at once: whatever was folded, every batch is accounted for. */
static void read_stream(double patience, bool must_be_complete) {
    struct outlet *outlet = outlet_create(16, 1, patience);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, publish_stream, outlet), 0);
    uint64_t batches = 0, last = 0, records = 0;
    float highest = 0;
    double deadline = clock_seconds() + 60;
    while (last < STREAM && clock_seconds() < deadline) {
        struct event event;
        if (!outlet_wait(outlet, &event, 1)) continue;
        assert_int_equal(event.batch.first_step, last + 1);
        batches += event.folded;
        last = event.step;
        records++;
        if (event.batch.loss_max > highest) highest = event.batch.loss_max;
    }
    pthread_join(thread, NULL);
    assert_int_equal(last, STREAM);
    assert_int_equal(batches, STREAM);
    assert_near(highest, 1000, 0);
    assert_int_equal(outlet_pressure(outlet).folded, STREAM - records);
    if (must_be_complete) assert_int_equal(records, STREAM);
    outlet_destroy(outlet);
}

static void a_reader_without_patience_gets_every_batch_folded_or_not(void **state) {
    (void)state;
    read_stream(0, false);
}

static void a_reader_with_patience_gets_every_record(void **state) {
    (void)state;
    read_stream(30, true);
}

static void waiting_for_an_event_ends_at_its_time(void **state) {
    (void)state;
    struct outlet *outlet = outlet_create(4, 1, 0);
    struct event event;
    double start = clock_seconds();
    assert_false(outlet_wait(outlet, &event, 0.02));
    assert_true(clock_seconds() - start >= 0.015);
    assert_false(outlet_wait(outlet, &event, 0));
    publish_batch(outlet, 1, 1);
    assert_true(outlet_wait(outlet, &event, 60));
    outlet_destroy(outlet);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(events_arrive_one_by_one_while_there_is_room),
    cmocka_unit_test(a_spike_of_one_batch_survives_folding),
    cmocka_unit_test(a_loss_that_is_not_finite_stays_visible_in_what_is_folded),
    cmocka_unit_test(order_is_kept_between_batches_and_rare_events),
    cmocka_unit_test(of_each_tensor_the_newest_stays),
    cmocka_unit_test(rare_events_are_never_lost_while_the_pending_list_holds),
    cmocka_unit_test(past_the_pending_list_log_lines_go_first_and_the_loss_is_told),
    cmocka_unit_test(the_oldest_lines_go_first_then_the_oldest_evaluations),
    cmocka_unit_test(of_partial_evaluations_the_newest_stays_and_whole_ones_all),
    cmocka_unit_test(what_was_not_taken_is_given_back),
    cmocka_unit_test(patience_waits_a_bounded_time_and_is_counted),
    cmocka_unit_test(a_reader_without_patience_gets_every_batch_folded_or_not),
    cmocka_unit_test(a_reader_with_patience_gets_every_record),
    cmocka_unit_test(waiting_for_an_event_ends_at_its_time),
};

TEST_MAIN(tests)
