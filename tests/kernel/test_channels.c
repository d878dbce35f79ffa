#include <math.h>

#include "checks.h"
#include "kernel/kernel.h"
#include "kernel/reference.h"

struct channelled {
    size_t rows, channels;
    struct tensor x, dy, mean, factor, shift, dy_mean, dy_slope;
};

static void check_sums(struct pool *pool, const struct channelled *c) {
    struct tensor got = tensor_new(c->channels, true), want = tensor_new(c->channels, true);
    struct tensor products = tensor_new(c->channels, true);
    struct tensor want_products = tensor_new(c->channels, true);
    for (int terms = 0; terms < 3; terms++) {
        struct channel_sums sums = {.rows = c->rows,
                                    .channels = c->channels,
                                    .x = c->x.at,
                                    .mean = terms ? c->mean.at : NULL,
                                    .dy = terms == 2 ? c->dy.at : NULL,
                                    .sums = want.at,
                                    .products = want_products.at};
        reference_channel_sums(&sums);
        sums.sums = got.at;
        sums.products = products.at;
        tensor_poison(&got);
        tensor_poison(&products);
        channel_sums(pool, &sums);
        assert_same(&got, &want, "channel_sums %d of %zu rows", terms, c->rows);
        if (terms == 2) assert_same(&products, &want_products, "products of %zu rows", c->rows);
    }
    reference_channel_sums(&(struct channel_sums){
        .rows = c->rows, .channels = c->channels, .x = c->dy.at, .sums = want.at});
    assert_same(&got, &want, "sums of dy, %zu rows", c->rows);
    tensor_free(&got), tensor_free(&want), tensor_free(&products), tensor_free(&want_products);
}

static struct channel_normalize normalize_of(const struct channelled *c, float *y) {
    return (struct channel_normalize){.rows = c->rows,
                                      .channels = c->channels,
                                      .x = c->x.at,
                                      .mean = c->mean.at,
                                      .factor = c->factor.at,
                                      .shift = c->shift.at,
                                      .y = y};
}

/* Against the three kernels that it combines. */
static void check_normalize_clip(struct pool *pool, const struct channelled *c) {
    struct tensor got = tensor_new(c->x.count, true), want = tensor_new(c->x.count, true);
    const float limits[] = {INFINITY, 0.75f};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct channel_normalize plain = normalize_of(c, want.at), clipped = plain;
        float range[2], least, most;
        tensor_poison(&got);
        reference_channel_normalize(&plain);
        reference_clip_forward(want.count, want.at, limits[i], want.at);
        reference_min_max(want.count, want.at, &least, &most);
        clipped.clips = true;
        clipped.limit = limits[i];
        clipped.y = got.at;
        clipped.range = range;
        channel_normalize(pool, &clipped);
        assert_same(&got, &want, "channel_normalize that clips");
        assert_true(isnan(least) ? isnan(range[0]) && isnan(range[1])
                                 : range[0] == least && range[1] == most);
        reference_channel_normalize(&clipped);
        assert_same(&got, &want, "reference_channel_normalize that clips");
        assert_true(isnan(least) ? isnan(range[0]) && isnan(range[1])
                                 : range[0] == least && range[1] == most);
    }
    tensor_free(&got), tensor_free(&want);
}

/* Some at a time, as the observer takes them. */
static void check_magnitudes(struct pool *pool, const struct channelled *c) {
    struct tensor got = tensor_new(c->channels, true), want = tensor_new(c->channels, true);
    tensor_poison(&got);
    reference_channel_magnitudes(c->rows, c->channels, c->x.at, want.at);
    for (size_t first = 0, some; first < c->channels; first += some) {
        some = c->channels - first < MAX_MAGNITUDES ? c->channels - first : MAX_MAGNITUDES;
        channel_magnitudes(pool, c->rows, c->channels, some, c->x.at + first, got.at + first);
    }
    assert_same(&got, &want, "channel_magnitudes of %zu rows", c->rows);
    tensor_free(&got), tensor_free(&want);
}

static void check_channelled(struct pool *pool, void *context) {
    const struct channelled *c = context;
    check_sums(pool, c);
    check_magnitudes(pool, c);
    check_normalize_clip(pool, c);
    struct tensor got = tensor_new(c->x.count, true), want = tensor_new(c->x.count, true);
    tensor_poison(&got);
    struct channel_normalize normalize = normalize_of(c, want.at);
    reference_channel_normalize(&normalize);
    normalize.y = got.at;
    channel_normalize(pool, &normalize);
    assert_same(&got, &want, "channel_normalize");
    tensor_poison(&got);
    struct channel_normalize_backward backward = {.rows = c->rows,
                                                  .channels = c->channels,
                                                  .x = c->x.at,
                                                  .mean = c->mean.at,
                                                  .factor = c->factor.at,
                                                  .dy_mean = c->dy_mean.at,
                                                  .dy_slope = c->dy_slope.at,
                                                  .dy = c->dy.at,
                                                  .dx = want.at};
    reference_channel_normalize_backward(&backward);
    backward.dx = got.at;
    channel_normalize_backward(pool, &backward);
    assert_same(&got, &want, "channel_normalize_backward");
    tensor_free(&got), tensor_free(&want);
}

static void check_size(size_t rows, size_t channels, bool wild) {
    struct channelled c = {.rows = rows, .channels = channels};
    struct tensor *large[] = {&c.x, &c.dy};
    struct tensor *small[] = {&c.mean, &c.factor, &c.shift, &c.dy_mean, &c.dy_slope};
    for (size_t i = 0; i < COUNT_OF(large); i++) {
        *large[i] = tensor_new(rows * channels, true);
        if (wild)
            tensor_fill_wild(large[i]);
        else
            tensor_fill(large[i]);
    }
    for (size_t i = 0; i < COUNT_OF(small); i++) {
        *small[i] = tensor_new(channels, true);
        tensor_fill(small[i]);
    }
    checks_everywhere(check_channelled, &c);
    for (size_t i = 0; i < COUNT_OF(large); i++) tensor_free(large[i]);
    for (size_t i = 0; i < COUNT_OF(small); i++) tensor_free(small[i]);
}

static void channels_equal_the_reference_at_every_size(void **state) {
    (void)state;
    static const size_t rows[] = {1, 127, 128, 129, 300};
    for (size_t i = 0; i < odd_size_count; i++)
        check_size(rows[i % COUNT_OF(rows)], odd_sizes[i], i % 3 == 0);
    check_size(7 * 7 * 32, 32, false);
}

/* Against sums in double. */
static void moments_are_mean_and_biased_variance(void **state) {
    (void)state;
    enum { ROWS = 5000, CHANNELS = 3 };
    struct tensor x = tensor_new(ROWS * CHANNELS, false);
    float mean[CHANNELS], variance[CHANNELS];
    for (size_t i = 0; i < x.count; i++)
        x.at[i] = 10 * (float)(i % CHANNELS) + (float)checks_random(1000) / 1000;
    channel_moments(NULL, ROWS, CHANNELS, x.at, mean, variance);
    for (size_t c = 0; c < CHANNELS; c++) {
        double sum = 0, squares = 0;
        for (size_t r = 0; r < ROWS; r++) sum += (double)x.at[r * CHANNELS + c];
        sum /= ROWS;
        for (size_t r = 0; r < ROWS; r++) squares += pow((double)x.at[r * CHANNELS + c] - sum, 2);
        assert_near(mean[c], sum, 1e-6 * (1 + sum));
        assert_near(variance[c], squares / ROWS, 1e-6);
    }
    tensor_free(&x);
}

static void check_clip(struct pool *pool, void *context) {
    const struct tensor *x = context;
    struct tensor y = tensor_new(x->count, true), want = tensor_new(x->count, true);
    tensor_poison(&y);
    reference_clip_forward(x->count, x->at, 0.5f, want.at);
    clip_forward(pool, x->count, x->at, 0.5f, y.at);
    assert_same(&y, &want, "clip_forward");
    tensor_poison(&y);
    reference_clip_backward(x->count, x->at, 0.5f, x->at, want.at);
    clip_backward(pool, x->count, x->at, 0.5f, x->at, y.at);
    assert_same(&y, &want, "clip_backward");
    tensor_free(&y), tensor_free(&want);
}

static void clipping_equals_the_reference_at_every_size(void **state) {
    (void)state;
    for (size_t i = 0; i <= odd_size_count; i++) {
        struct tensor x = tensor_new(i < odd_size_count ? odd_sizes[i] : 20000, true);
        tensor_fill_wild(&x);
        checks_everywhere(check_clip, &x);
        tensor_free(&x);
    }
}

static void clipping_lets_nan_through_and_no_gradient_at_its_ends(void **state) {
    (void)state;
    const float x[] = {-1, 0, 3, 6, 7, NAN}, ones[] = {1, 1, 1, 1, 1, 1};
    float y[6], dx[6];
    clip_forward(NULL, 6, x, 6, y);
    clip_backward(NULL, 6, x, 6, ones, dx);
    static const float want[] = {0, 0, 3, 6, 6}, want_dx[] = {0, 0, 1, 0, 0, 1};
    assert_memory_equal(y, want, sizeof want);
    assert_true(isnan(y[5]));
    assert_memory_equal(dx, want_dx, sizeof want_dx);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(channels_equal_the_reference_at_every_size),
    cmocka_unit_test(moments_are_mean_and_biased_variance),
    cmocka_unit_test(clipping_equals_the_reference_at_every_size),
    cmocka_unit_test(clipping_lets_nan_through_and_no_gradient_at_its_ends),
};
TEST_MAIN(tests)
