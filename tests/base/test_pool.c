#include "base/pool.h"

#ifdef __linux__
#include <sched.h>
#endif
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "test.h"

enum { MAX_PARTS = 100 };

/* Counts how often each part ran; plain integers, so ThreadSanitizer sees a part that two threads
 * run at once or a result that is read too early. */
struct counts {
    int parts, wrong;
    int ran[MAX_PARTS];
};

static void count_part(void *context, int part, int parts) {
    struct counts *c = context;
    c->ran[part] += parts == c->parts ? 1 : 1000;
}

static void check_rounds(struct pool *pool, int parts, int rounds) {
    struct counts c = {.parts = parts};
    for (int i = 0; i < rounds; i++) pool_run(pool, parts, count_part, &c);
    for (int i = 0; i < MAX_PARTS; i++) assert_int_equal(c.ran[i], i < parts ? rounds : 0);
}

static struct pool *pool_of(int threads) {
    struct pool *pool;
    struct error error;
    assert_ok(pool_create(&pool, threads, &error), &error);
    assert_int_equal(pool_threads(pool), threads);
    return pool;
}

static void every_part_runs_once_with_any_number_of_threads_and_parts(void **state) {
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        struct pool *pool = pool_of(threads);
        for (int parts = 0; parts <= 12; parts++) check_rounds(pool, parts, 20);
        check_rounds(pool, MAX_PARTS, 20);
        pool_destroy(pool);
    }
}

static void no_pool_runs_the_parts_in_order(void **state) {
    (void)state;
    check_rounds(NULL, 7, 3);
    assert_int_equal(pool_threads(NULL), 1);
    pool_destroy(NULL);
}

static void many_short_rounds_lose_none(void **state) {
    (void)state;
    struct pool *pool = pool_of(3);
    check_rounds(pool, 3, 20000);
    pool_destroy(pool);
}

/* A round's results are complete when pool_run returns, and the next round sees them. */
struct sums {
    long shares[4], total;
};

static void add_share(void *context, int part, int parts) {
    struct sums *s = context;
    (void)parts;
    s->shares[part] = s->total + part;
}

static void each_round_sees_the_results_of_the_last(void **state) {
    (void)state;
    struct pool *pool = pool_of(4);
    struct sums s = {.total = 0};
    long want = 0;
    for (int i = 0; i < 3000; i++) {
        pool_run(pool, 4, add_share, &s);
        s.total = (s.shares[0] + s.shares[1] + s.shares[2] + s.shares[3]) % 1000;
        want = (4 * want + 6) % 1000;
        assert_int_equal(s.total, want);
    }
    pool_destroy(pool);
}

/* Helpers spin for less than 0.1 ms, so after 5 ms they are asleep, or will find work anyway: both
 * must do. */
static void sleeping_helpers_wake_for_a_round(void **state) {
    (void)state;
    struct pool *pool = pool_of(3);
    for (int i = 0; i < 10; i++) {
        clock_sleep(5e-3);
        check_rounds(pool, 3, 2);
    }
    pool_destroy(pool);
}

static void a_pool_can_be_destroyed_asleep_awake_and_unused(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct pool *pool = pool_of(1 + i % 4);
        if (i % 3 == 1) clock_sleep(2e-3);
        if (i % 3 == 2) check_rounds(pool, 4, 1);
        pool_destroy(pool);
    }
}

static void a_senseless_number_of_threads_is_refused(void **state) {
    (void)state;
    struct pool *pool;
    struct error error;
    assert_int_equal(pool_create(&pool, -1, &error), STATUS_USAGE);
    assert_null(pool);
    assert_int_equal(pool_create(&pool, 100000, &error), STATUS_USAGE);
    assert_non_null(strstr(error.text, "100000"));
}

static void zero_threads_means_one_per_core(void **state) {
    (void)state;
    struct pool *pool;
    struct error error;
    assert_ok(pool_create(&pool, 0, &error), &error);
    assert_in_range(pool_threads(pool), 1, 64);
    check_rounds(pool, 5, 5);
    pool_destroy(pool);
}

static void shares_cover_everything_once_in_whole_grains(void **state) {
    (void)state;
    for (size_t count = 0; count < 70; count++) {
        for (size_t grain = 1; grain < 20; grain += 3) {
            for (int parts = 1; parts < 9; parts++) {
                size_t next = 0, least = SIZE_MAX, most = 0;
                for (int part = 0; part < parts; part++) {
                    size_t begin, end;
                    pool_share(count, grain, part, parts, &begin, &end);
                    assert_int_equal(begin, next);
                    assert_true(end >= begin && end <= count);
                    assert_true(end == count || end % grain == 0);
                    next = end;
                    size_t units = (end - begin + grain - 1) / grain;
                    if (units < least) least = units;
                    if (units > most) most = units;
                }
                assert_int_equal(next, count);
                assert_true(most - least <= 1);
            }
        }
    }
}

#ifdef __linux__
struct places {
    cpu_set_t before;
    bool differs[MAX_PARTS];
};

static void note_place(void *context, int part, int parts) {
    (void)parts;
    struct places *places = context;
    cpu_set_t now;
    double until = clock_seconds() + 200e-6; /* so that who is done first falls asleep */
    while (part && clock_seconds() < until) continue;
    if (sched_getaffinity(0, sizeof now, &now) || !CPU_EQUAL(&now, &places->before))
        places->differs[part] = true;
}
#endif

static void threads_that_sleep_and_wake_keep_the_processors_they_were_allowed(void **state) {
    (void)state;
#ifdef __linux__
    struct places places = {0};
    assert_int_equal(sched_getaffinity(0, sizeof places.before, &places.before), 0);
    struct pool *pool = pool_of(2);
    for (int i = 0; i < 200; i++) {
        pool_run(pool, pool_threads(pool), note_place, &places);
        if (i % 4 == 0) clock_sleep(1e-3);
    }
    note_place(&places, 0, 1); /* the owner, after the last round */
    for (int i = 0; i < MAX_PARTS; i++) assert_false(places.differs[i]);
    pool_destroy(pool);
#else
    skip();
#endif
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_part_runs_once_with_any_number_of_threads_and_parts),
    cmocka_unit_test(no_pool_runs_the_parts_in_order),
    cmocka_unit_test(many_short_rounds_lose_none),
    cmocka_unit_test(each_round_sees_the_results_of_the_last),
    cmocka_unit_test(sleeping_helpers_wake_for_a_round),
    cmocka_unit_test(threads_that_sleep_and_wake_keep_the_processors_they_were_allowed),
    cmocka_unit_test(a_pool_can_be_destroyed_asleep_awake_and_unused),
    cmocka_unit_test(a_senseless_number_of_threads_is_refused),
    cmocka_unit_test(zero_threads_means_one_per_core),
    cmocka_unit_test(shares_cover_everything_once_in_whole_grains),
};
TEST_MAIN(tests)
