#include "test.h"
#include "run/pacer.h"
#include "run/run.h"

/* Seconds that `batches` take when each computes for `step` seconds. */
static double play(struct pacer *pacer, int batches, double step) {
    double now = 100;
    for (int i = 0; i < batches; i++) {
        now += pacer_delay(pacer, now);
        now += step;
        pacer_count(pacer, now);
    }
    return now - 100;
}

static void a_short_run_is_stretched_to_twenty_seconds(void **state) {
    (void)state;
    struct pacer pacer;
    pacer_set(&pacer, PACE_AUTO, 375, 100);
    assert_near(play(&pacer, 375, 0.001), 20, 0.1);
}

static void a_long_run_is_not_held_back(void **state) {
    (void)state;
    struct pacer pacer;
    pacer_set(&pacer, PACE_AUTO, 5625, 100);
    assert_near(play(&pacer, 5625, 0.010), 56.25, 1e-6);
}

static void a_pace_in_batches_a_second_is_kept(void **state) {
    (void)state;
    struct pacer pacer;
    pacer_set(&pacer, 50, 1000, 100);
    /* The first is due at once, so 100 batches span 99 intervals and one step. */
    assert_near(play(&pacer, 100, 0.001), 99 / 50.0 + 0.001, 1e-9);
}

static void max_never_waits(void **state) {
    (void)state;
    struct pacer pacer;
    pacer_set(&pacer, PACE_MAX, 1000, 100);
    assert_near(play(&pacer, 1000, 0.0001), 0.1, 1e-9);
}

static void after_a_hiccup_it_hurries_only_a_little(void **state) {
    (void)state;
    struct pacer pacer;
    pacer_set(&pacer, 10, 1000, 100);
    pacer_count(&pacer, 160); /* one batch took a minute */
    int hurried = 0;
    double now = 160;
    while (pacer_delay(&pacer, now) == 0) {
        pacer_count(&pacer, now);
        hurried++;
    }
    assert_in_range(hurried, 2, 4); /* a quarter of a second's worth */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_short_run_is_stretched_to_twenty_seconds),
    cmocka_unit_test(a_long_run_is_not_held_back),
    cmocka_unit_test(a_pace_in_batches_a_second_is_kept),
    cmocka_unit_test(max_never_waits),
    cmocka_unit_test(after_a_hiccup_it_hurries_only_a_little),
};

TEST_MAIN(tests)
