#include "test.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "ui/history.h"

/* The linker sends this program's calls of malloc, calloc, realloc and free to the counting ones
 * below (-Wl,--wrap). */
static size_t bytes_held;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
    void *memory = __real_malloc(size);
    bytes_held += malloc_usable_size(memory);
    return memory;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) {
    void *memory = __real_calloc(count, size);
    bytes_held += malloc_usable_size(memory);
    return memory;
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size) {
    bytes_held -= malloc_usable_size(old);
    void *memory = __real_realloc(old, size);
    bytes_held += malloc_usable_size(memory);
    return memory;
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory) {
    bytes_held -= malloc_usable_size(memory);
    __real_free(memory);
}

static uint32_t word(uint32_t i) {
    uint32_t out[4];
    random_philox(42, RANDOM_TEST, 0, i, out);
    return out[0];
}

/* A series with gaps in the steps, sharp spikes, and now and then something that is no number. */
struct series {
    size_t count;
    uint64_t *steps;
    float *values;
};

static struct series series_new(size_t count, uint32_t salt) {
    struct series series = {count, calloc(count, sizeof(uint64_t)), calloc(count, sizeof(float))};
    assert_non_null(series.steps);
    assert_non_null(series.values);
    uint64_t step = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = word(salt * 1000003u + (uint32_t)i);
        step += 1 + bits % 3;
        series.steps[i] = step;
        series.values[i] = random_unit(bits * 2654435761u);
        if (bits % 997 == 5) series.values[i] = 1000.0f + (float)i;
        if (bits % 991 == 7) series.values[i] = -1000.0f - (float)i;
        if (bits % 613 == 11) series.values[i] = bits & 4096 ? NAN : INFINITY;
    }
    return series;
}

static void series_free(struct series *series) {
    free(series->steps);
    free(series->values);
}

static struct history *filled(const struct series *series, size_t raw_cap) {
    struct history *history = history_create(raw_cap);
    assert_non_null(history);
    for (size_t i = 0; i < series->count; i++)
        assert_true(history_add(history, series->steps[i], series->values[i]));
    return history;
}

/* The definition: walk everything. */
static struct bucket slow_range(const struct series *series, uint64_t first, uint64_t last) {
    struct bucket all = {0};
    bool is_first = true;
    for (size_t i = 0; i < series->count; i++) {
        if (series->steps[i] < first || series->steps[i] > last) continue;
        if (is_first) all.first_step = series->steps[i];
        is_first = false;
        all.last_step = series->steps[i];
        float x = series->values[i];
        if (!isfinite(x)) {
            all.not_finite++;
            all.infinite += isinf(x) ? 1 : 0;
            continue;
        }
        if (all.count == 0 || x < all.min) all.min = x;
        if (all.count == 0 || x > all.max) all.max = x;
        all.last = x;
        all.sum += (double)x;
        all.count++;
    }
    return all;
}

static void assert_same(const struct bucket *got, const struct bucket *want) {
    assert_int_equal(got->count, want->count);
    assert_int_equal(got->not_finite, want->not_finite);
    assert_int_equal(got->infinite, want->infinite);
    if (want->count + want->not_finite > 0) {
        assert_int_equal(got->first_step, want->first_step);
        assert_int_equal(got->last_step, want->last_step);
    }
    if (want->count == 0) {
        assert_true(isnan(got->min) && isnan(got->max) && isnan(got->last));
        return;
    }
    assert_near(got->min, want->min, 0);
    assert_near(got->max, want->max, 0);
    assert_near(got->last, want->last, 0);
    assert_near(got->sum, want->sum, 1e-6 * (1 + fabs(want->sum)));
}

static void range_equals_a_walk_over_everything(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 15, 16, 17, 31, 32, 33, 100, 511, 512, 513, 3000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct series series = series_new(counts[c], (uint32_t)c);
        struct history *history = filled(&series, 1 << 14);
        uint64_t end = series.steps[series.count - 1] + 3;
        for (uint32_t trial = 0; trial < 300; trial++) {
            uint64_t first = word(trial * 2) % end, last = word(trial * 2 + 1) % end;
            struct bucket got = history_range(history, first, last);
            struct bucket want = slow_range(&series, first, last);
            assert_same(&got, &want);
        }
        struct bucket got = history_range(history, 0, UINT64_MAX);
        struct bucket want = slow_range(&series, 0, UINT64_MAX);
        assert_same(&got, &want);
        assert_int_equal(history_count(history), series.count);
        assert_int_equal(got.first_step, series.steps[0]);
        assert_int_equal(got.last_step, series.steps[series.count - 1]);
        history_destroy(history);
        series_free(&series);
    }
}

/* Cut the steps into any number of columns: the columns together hold every value once, so the
 * extreme of a single batch is in one of them, long after its raw record was dropped. */
static void extreme_of_one_batch_is_seen_at_every_zoom(void **state) {
    (void)state;
    struct series series = series_new(20000, 77);
    series.values[123] = 1e6f;
    series.values[19990] = -1e6f;
    struct history *history = filled(&series, 256);
    uint64_t end = series.steps[series.count - 1] + 1;
    struct bucket want = slow_range(&series, 0, end);
    for (uint64_t columns = 1; columns < 400; columns = columns * 3 / 2 + 1) {
        struct bucket all = {0};
        float max = -INFINITY, min = INFINITY;
        for (uint64_t c = 0; c < columns; c++) {
            uint64_t first = end * c / columns, last = end * (c + 1) / columns;
            if (last == first) continue;
            struct bucket part = history_range(history, first, last - 1);
            all.count += part.count;
            all.not_finite += part.not_finite;
            all.sum += part.count ? part.sum : 0;
            if (part.max > max) max = part.max;
            if (part.min < min) min = part.min;
        }
        assert_int_equal(all.count, want.count);
        assert_int_equal(all.not_finite, want.not_finite);
        assert_near(all.sum, want.sum, 1e-6 * fabs(want.sum));
        assert_near(max, 1e6, 0);
        assert_near(min, -1e6, 0);
    }
    history_destroy(history);
    series_free(&series);
}

/* Where raw records remain, a range is exact also in a history that has dropped others. */
static void newest_records_stay_exact_when_old_ones_are_dropped(void **state) {
    (void)state;
    struct series series = series_new(5000, 5);
    struct history *history = filled(&series, 512);
    for (size_t i = series.count - 256; i < series.count; i++) {
        struct bucket got = history_range(history, series.steps[i], series.steps[i]);
        struct bucket want = slow_range(&series, series.steps[i], series.steps[i]);
        assert_same(&got, &want);
        got = history_range(history, series.steps[i], UINT64_MAX);
        want = slow_range(&series, series.steps[i], UINT64_MAX);
        assert_same(&got, &want);
    }
    history_destroy(history);
    series_free(&series);
}

static void memory_stays_bounded(void **state) {
    (void)state;
    size_t before = bytes_held;
    struct history *history = history_create(1024);
    assert_non_null(history);
    assert_true(bytes_held > before);
    for (uint64_t i = 0; i < 300000; i++) assert_true(history_add(history, i, (float)(i % 97)));
    assert_true(bytes_held - before < 1024 * 200);
    struct bucket all = history_range(history, 0, UINT64_MAX);
    assert_int_equal(all.count, 300000);
    history_destroy(history);
    assert_int_equal(bytes_held, before);
}

static void not_finite_values_are_counted_and_never_mixed_in(void **state) {
    (void)state;
    struct history *history = history_create(0);
    assert_non_null(history);
    const float values[] = {NAN, 2.0f, INFINITY, 4.0f, -INFINITY, NAN};
    for (uint64_t i = 0; i < 6; i++) assert_true(history_add(history, i + 1, values[i]));
    struct bucket all = history_range(history, 1, 6);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.not_finite, 4);
    assert_near(all.min, 2, 0);
    assert_near(all.max, 4, 0);
    assert_near(all.last, 4, 0);
    assert_near(all.sum, 6, 0);
    struct bucket one = history_range(history, 3, 3);
    assert_int_equal(one.count, 0);
    assert_int_equal(one.not_finite, 1);
    const uint64_t steps[] = {1, 2, 3, 4, 6};
    float smooth[5];
    history_smooth(history, .5, 5, steps, smooth);
    assert_true(isnan(smooth[0]));
    assert_near(smooth[1], 2, 1e-6);
    assert_near(smooth[2], 2, 1e-6);
    assert_near(smooth[3], (.5 * .5 * 2 + .5 * 4) / .75, 1e-6);
    assert_near(smooth[4], (.5 * .5 * 2 + .5 * 4) / .75, 1e-6);
    history_destroy(history);
}

static void empty_history_has_nothing(void **state) {
    (void)state;
    struct history *history = history_create(100);
    assert_non_null(history);
    struct bucket all = history_range(history, 0, UINT64_MAX);
    assert_int_equal(all.count, 0);
    assert_int_equal(all.not_finite, 0);
    const uint64_t step = UINT64_MAX;
    float smooth = 0;
    history_smooth(history, .9, 1, &step, &smooth);
    assert_true(isnan(smooth));
    assert_int_equal(history_count(history), 0);
    history_destroy(history);
    history_destroy(NULL);
}

static void smoothing_is_the_debiased_average_of_raw_values(void **state) {
    (void)state;
    struct series series = series_new(2000, 9);
    struct history *history = filled(&series, 1 << 12);
    uint64_t *steps = calloc(series.count, sizeof *steps);
    float *got = calloc(series.count, sizeof *got);
    assert_true(steps && got);
    for (size_t i = 0; i < series.count; i++) steps[i] = series.steps[i];
    static const double levels[] = {0, .5, .6, .8, .9, .95, .98, .99, .999};
    for (int l = 0; l < SMOOTH_LEVELS; l++) {
        double w = levels[l];
        assert_near(smooth_levels[l], w, 0);
        history_smooth(history, w, series.count, steps, got);
        double m = 0, keep = 1;
        for (size_t i = 0; i < series.count; i++) {
            if (isfinite(series.values[i])) {
                m = w * m + (1 - w) * (double)series.values[i];
                keep *= w;
            }
            if (keep > .99999999)
                assert_true(isnan(got[i]));
            else
                assert_near(got[i], m / (1 - keep), 1e-6 * (1 + fabs(m / (1 - keep))));
        }
    }
    free(steps);
    free(got);
    history_destroy(history);
    series_free(&series);
}

/* Adding after a weight was chosen gives the same as choosing it afterwards. */
static void smoothing_goes_on_as_values_arrive(void **state) {
    (void)state;
    struct series series = series_new(3000, 3);
    struct history *late = filled(&series, 1 << 12), *live = history_create(1 << 12);
    assert_non_null(live);
    for (size_t i = 0; i < series.count; i++) {
        assert_true(history_add(live, series.steps[i], series.values[i]));
        if (i % 100 != 3) continue;
        float smooth = 0;
        history_smooth(live, .98, 1, &series.steps[i], &smooth);
    }
    for (size_t i = 0; i < series.count; i++) {
        float a = 0, b = 0;
        history_smooth(late, .98, 1, &series.steps[i], &a);
        history_smooth(live, .98, 1, &series.steps[i], &b);
        if (isnan(a))
            assert_true(isnan(b));
        else
            assert_near(a, b, 1e-6 * (1 + fabs((double)a)));
    }
    history_destroy(late);
    history_destroy(live);
    series_free(&series);
}

static void constant_series_is_left_untouched(void **state) {
    (void)state;
    struct history *history = history_create(0);
    assert_non_null(history);
    for (uint64_t i = 1; i <= 5000; i++) assert_true(history_add(history, i, 0.25f));
    for (int l = 0; l < SMOOTH_LEVELS; l++) {
        const uint64_t steps[] = {1, 2, 17, 600, 5000};
        float smooth[5];
        history_smooth(history, smooth_levels[l], 5, steps, smooth);
        for (int i = 0; i < 5; i++) assert_near(smooth[i], 0.25, 1e-7);
    }
    history_destroy(history);
}

static void folded_records_keep_their_extremes(void **state) {
    (void)state;
    struct history *history = history_create(256);
    assert_non_null(history);
    uint64_t step = 1;
    double sum = 0;
    for (int i = 0; i < 4000; i++) {
        if (i % 3 == 0) {
            struct bucket fold = {.count = 4,
                                  .not_finite = 1,
                                  .min = -2.0f - (float)i,
                                  .max = 5.0f + (float)i,
                                  .last = 1.0f,
                                  .sum = 6.0,
                                  .first_step = step,
                                  .last_step = step + 4};
            assert_true(history_add_bucket(history, &fold));
            step += 5;
            sum += 6;
        } else {
            assert_true(history_add(history, step++, 0.5f));
            sum += .5;
        }
    }
    struct bucket all = history_range(history, 0, UINT64_MAX);
    assert_int_equal(all.count, 1334 * 4 + 2666);
    assert_int_equal(all.not_finite, 1334);
    assert_near(all.min, -2 - 3999, 0);
    assert_near(all.max, 5 + 3999, 0);
    assert_near(all.sum, sum, 1e-6);
    assert_int_equal(all.last_step, step - 1);
    /* the newest but one: steps of its fold belong together */
    struct bucket fold = history_range(history, step - 5, step - 5);
    assert_int_equal(fold.count, 4);
    assert_near(fold.max, 5 + 3999, 0);
    struct bucket none = history_range(history, step - 4, step - 1);
    assert_int_equal(none.count, 0);
    history_destroy(history);
}

static void steps_that_go_back_are_taken_for_the_newest(void **state) {
    (void)state;
    struct history *history = history_create(0);
    assert_non_null(history);
    assert_true(history_add(history, 10, 1.0f));
    assert_true(history_add(history, 7, 2.0f));
    assert_true(history_add(history, 11, 3.0f));
    struct bucket ten = history_range(history, 10, 10);
    assert_int_equal(ten.count, 2);
    assert_near(ten.max, 2, 0);
    assert_int_equal(history_range(history, 0, UINT64_MAX).last_step, 11);
    history_destroy(history);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(range_equals_a_walk_over_everything),
    cmocka_unit_test(extreme_of_one_batch_is_seen_at_every_zoom),
    cmocka_unit_test(newest_records_stay_exact_when_old_ones_are_dropped),
    cmocka_unit_test(memory_stays_bounded),
    cmocka_unit_test(not_finite_values_are_counted_and_never_mixed_in),
    cmocka_unit_test(empty_history_has_nothing),
    cmocka_unit_test(smoothing_is_the_debiased_average_of_raw_values),
    cmocka_unit_test(smoothing_goes_on_as_values_arrive),
    cmocka_unit_test(constant_series_is_left_untouched),
    cmocka_unit_test(folded_records_keep_their_extremes),
    cmocka_unit_test(steps_that_go_back_are_taken_for_the_newest),
};
TEST_MAIN(tests)
