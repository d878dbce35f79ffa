#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "test.h"
#include "data/image.h"
#include "run/mailbox.h"
#include "run/shadow.h"
#include "train/trainer.h"

#define DIGITS 4000 /* so many that the share would be felt */
/* Long enough for a sanitizer's build on a busy machine; no test waits for it to pass. */
#define DEADLINE 120.0

struct setup {
    struct dataset dataset;
    struct model *model;
    struct quant_plan *plan;
    struct pool *pool;
    struct trainer *trainer;
    struct mailbox *mailbox;
    struct shadow *shadow;
};

static void setup_begin(struct setup *setup, const char *architecture) {
    struct error error;
    memset(setup, 0, sizeof *setup);
    struct samples *sets[] = {&setup->dataset.train, &setup->dataset.test};
    for (int i = 0; i < 2; i++) {
        *sets[i] = test_digits(calloc(DIGITS, DIGIT_PIXELS),
                               calloc(DIGITS, sizeof *sets[i]->labels), DIGITS);
        assert_true(sets[i]->bytes && sets[i]->labels);
        for (size_t p = 0; p < DIGITS * DIGIT_PIXELS; p++)
            sets[i]->bytes[p] = (unsigned char)(p * 37);
    }
    assert_ok(model_build(architecture, 1, &setup->model, &error), &error);
    assert_ok(quant_plan_create(&setup->plan, setup->model, scheme_find("qatop"), &error), &error);
    assert_ok(pool_create(&setup->pool, 1, &error), &error);
    struct training training = {.epochs = 1, .batch = 32, .learning_rate = 0.001f};
    assert_ok(trainer_create(&setup->trainer, setup->model, setup->plan, &setup->dataset, &training,
                             setup->pool, &error),
              &error);
    trainer_calibrate(setup->trainer);
    struct step_result result;
    trainer_step(setup->trainer, &result); /* ranges are known from the first batch on */
    setup->mailbox = mailbox_create();
    assert_non_null(setup->mailbox);
    struct shadow_options options = {
        .samples = &setup->dataset.test, .export_path = "x", .mailbox = setup->mailbox};
    assert_ok(shadow_create(&setup->shadow, &options, &error), &error);
}

static void setup_end(struct setup *setup) {
    shadow_destroy(setup->shadow);
    mailbox_destroy(setup->mailbox);
    trainer_destroy(setup->trainer);
    pool_destroy(setup->pool);
    quant_plan_free(setup->plan);
    model_free(setup->model);
    dataset_free(&setup->dataset);
}

/* Evaluate so many digits; the event is the caller's to release. */
static struct shadow_result evaluated(struct setup *setup, size_t count,
                                      struct predictions validated) {
    struct shadow_job job = {.task = SHADOW_EVALUATE, .count = count, .validated = validated};
    job.snapshot = trainer_snapshot(setup->trainer);
    assert_non_null(job.snapshot);
    assert_true(shadow_submit(setup->shadow, &job));
    struct shadow_result result;
    double deadline = clock_seconds() + DEADLINE;
    while (!shadow_take(setup->shadow, &result)) {
        assert_true(clock_seconds() < deadline);
        mailbox_wait(setup->mailbox, 0.05);
    }
    assert_ok(result.error.status, &result.error);
    assert_true(result.has_event);
    assert_int_equal(result.event.evaluation->count, count);
    assert_int_equal(result.event.evaluation->is_whole, count == DIGITS);
    return result;
}

/* Evaluate so many digits; the seconds it took, at least. */
static double evaluate(struct setup *setup, size_t count) {
    struct shadow_result result = evaluated(setup, count, (struct predictions){0});
    /* The network is float on one side, of 8 bits on the other: a row for each layer with weights,
     * input, poolings and probabilities; one of them costs most. */
    const struct comparison *layers = result.event.evaluation->layers;
    assert_non_null(layers);
    assert_int_equal(layers->count, EVALUATION_COMPARED);
    assert_int_equal(layers->row_count, 7);
    assert_true(layers->costliest > 0);
    for (int i = 0; i < layers->row_count; i++) assert_true(layers->rows[i].sqnr > 10);
    double seconds = result.event.evaluation->seconds;
    event_release(&result.event);
    return seconds;
}

#define SHARE 0.1

static void an_evaluation_of_all_digits_does_not_put_off_the_next_glance(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "cnn");
    evaluate(&setup, DIGITS);
    double now = clock_seconds();
    assert_false(shadow_is_due(setup.shadow, now - 1, SHARE));
    assert_true(shadow_is_due(setup.shadow, now + SHADOW_ROLLING_SECONDS, SHARE));
    setup_end(&setup);
}

static void glances_keep_to_their_share_of_the_time(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "cnn");
    double begin = clock_seconds();
    double seconds = evaluate(&setup, SHADOW_ROLLING_SAMPLES);
    double end = clock_seconds(); /* a little after the shadow's own look at the clock */
    static const double shares[] = {0.1, 0.01, 0.001};
    for (int i = 0; i < 3; i++) {
        double rest = seconds / shares[i] - seconds, most = (end - begin) / shares[i];
        if (rest < SHADOW_ROLLING_SECONDS) rest = SHADOW_ROLLING_SECONDS;
        if (most < SHADOW_ROLLING_SECONDS) most = SHADOW_ROLLING_SECONDS;
        assert_false(shadow_is_due(setup.shadow, end - 1 + 0.5 * rest, shares[i]));
        assert_true(shadow_is_due(setup.shadow, end + most, shares[i]));
    }
    setup_end(&setup);
}

static void what_was_validated_is_taken_over_and_the_same_as_computed_anew(void **state) {
    (void)state;
    struct setup setup;
    struct predictions validated;
    struct error error;
    setup_begin(&setup, "fc");
    struct snapshot *snapshot = trainer_snapshot(setup.trainer);
    assert_non_null(snapshot);
    assert_ok(evaluate_fake_quant(snapshot, &setup.dataset.test, setup.pool, &validated, &error),
              &error);
    snapshot_release(snapshot);
    struct shadow_result with = evaluated(&setup, DIGITS, validated);
    struct shadow_result without = evaluated(&setup, DIGITS, (struct predictions){0});
    const struct evaluation *taken = with.event.evaluation, *made = without.event.evaluation;
    const struct predictions *a = &taken->results[PRECISION_QAT];
    const struct predictions *b = &made->results[PRECISION_QAT];
    assert_ptr_equal(a->labels, validated.labels);
    assert_int_equal(a->correct, b->correct);
    assert_memory_equal(&a->loss, &b->loss, sizeof a->loss);
    assert_memory_equal(a->labels, b->labels, DIGITS * sizeof *a->labels);
    assert_memory_equal(a->probabilities, b->probabilities,
                        DIGITS * DIGIT_CLASSES * sizeof *a->probabilities);
    assert_memory_equal(taken->confusion[PRECISION_QAT], made->confusion[PRECISION_QAT],
                        DIGIT_CLASSES * DIGIT_CLASSES * sizeof *taken->confusion[PRECISION_QAT]);
    event_release(&with.event);
    event_release(&without.event);
    setup_end(&setup);
}

/* The shadow stands still once so many results wait to be taken. */
#define MOST_RESULTS 32

static void submit(struct setup *setup, size_t count, uint32_t command, bool is_final) {
    struct shadow_job job = {.task = SHADOW_EVALUATE,
                             .snapshot = trainer_snapshot(setup->trainer),
                             .count = count,
                             .command = command,
                             .is_final = is_final};
    assert_non_null(job.snapshot);
    assert_true(shadow_submit(setup->shadow, &job));
}

static struct shadow_result take(struct setup *setup) {
    struct shadow_result result;
    double deadline = clock_seconds() + DEADLINE;
    while (!shadow_take(setup->shadow, &result)) {
        assert_true(clock_seconds() < deadline);
        mailbox_wait(setup->mailbox, 0.05);
    }
    return result;
}

/* Digits of an evaluation say which it is. */
static void of_evaluations_that_nobody_asked_for_the_newest_stay(void **state) {
    (void)state;
    enum { UNASKED = 60, KEPT = 4 };
    struct setup setup;
    setup_begin(&setup, "fc");
    for (int i = 0; i < MOST_RESULTS; i++) {
        double deadline = clock_seconds() + DEADLINE, later = deadline + 1e6;
        submit(&setup, 1, 0, false);
        while (!shadow_is_due(setup.shadow, later, 1) && clock_seconds() < deadline)
            mailbox_wait(setup.mailbox, 0.05);
        assert_true(shadow_is_due(setup.shadow, later, 1));
    }
    submit(&setup, 2, 0, true);
    submit(&setup, 3, 1, false);
    for (size_t i = 1; i <= UNASKED; i++) submit(&setup, 10 + i, 0, false);
    static const size_t want[] = {2, 3, 67, 68, 69, 70};
    for (int i = 0; i < MOST_RESULTS + 2 + KEPT; i++) {
        struct shadow_result result = take(&setup);
        assert_true(result.has_event);
        assert_int_equal(result.event.evaluation->count,
                         i < MOST_RESULTS ? 1 : want[i - MOST_RESULTS]);
        event_release(&result.event);
    }
    struct shadow_result none;
    assert_false(shadow_take(setup.shadow, &none));
    setup_end(&setup);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_evaluation_of_all_digits_does_not_put_off_the_next_glance),
    cmocka_unit_test(glances_keep_to_their_share_of_the_time),
    cmocka_unit_test(what_was_validated_is_taken_over_and_the_same_as_computed_anew),
    cmocka_unit_test(of_evaluations_that_nobody_asked_for_the_newest_stay),
};

TEST_MAIN(tests)
