#include "kernel/kernel.h"

#include <math.h>
#include <string.h>

#include "checks.h"
#include "kernel/reference.h"

/* Small ones, and two that several threads share. */
static size_t size_at(size_t i) {
    static const size_t large[] = {20000, 33333};
    return i < odd_size_count ? odd_sizes[i] : large[i - odd_size_count];
}

static size_t size_count(void) {
    return odd_size_count + 2;
}

static void check_min_max(struct pool *pool, void *context) {
    const struct tensor *x = context;
    float got[2], want[2];
    min_max(pool, x->count, x->at, &got[0], &got[1]);
    reference_min_max(x->count, x->at, &want[0], &want[1]);
    struct tensor got_range = {.at = got, .count = 2}, want_range = {.at = want, .count = 2};
    assert_same(&got_range, &want_range, "min_max of %zu", x->count);
}

static void min_max_finds_the_extremes_wherever_they_are(void **state) {
    (void)state;
    for (size_t i = 0; i < size_count(); i++) {
        struct tensor x = tensor_new(size_at(i), true);
        tensor_fill(&x);
        checks_everywhere(check_min_max, &x);
        x.at[checks_random((unsigned)x.count)] = 1e30f;
        x.at[checks_random((unsigned)x.count)] = -INFINITY;
        checks_everywhere(check_min_max, &x);
        for (size_t j = 0; j < x.count; j++) x.at[j] = -0.0f;
        checks_everywhere(check_min_max, &x);
        tensor_free(&x);
    }
}

static void min_max_reports_a_single_nan_at_any_place(void **state) {
    (void)state;
    struct tensor x = tensor_new(147, true);
    for (size_t i = 0; i < x.count; i++) {
        tensor_fill(&x);
        x.at[i] = i % 2 ? NAN : -NAN;
        checks_everywhere(check_min_max, &x);
        float min, max;
        min_max(NULL, x.count, x.at, &min, &max);
        assert_true(isnan(min) && isnan(max));
    }
    tensor_free(&x);
}

/* Parameters as quant/qparams.h derives them, in plain float32. */
static struct fake_quant quantizer_of(float min, float max, float levels) {
    float scale = (max - min) / levels, inverse = levels / (max - min);
    float zero = floorf(-min / scale + 0.5f);
    zero = zero < 0 ? 0 : zero > levels ? levels : zero;
    struct fake_quant q = {.nudged_min = -zero * scale,
                           .nudged_max = (levels - zero) * scale,
                           .scale = scale,
                           .inv_scale = inverse};
    q.quant_zero = floorf(-q.nudged_min * inverse + 0.5f);
    return q;
}

static struct fake_quant quantizer(float min, float max) {
    return quantizer_of(min, max, 255);
}

/* Ordinary ranges, one-sided ones, tiny and huge scales, 3 levels and 65535, and the range (0, 0).
 */
static struct fake_quant quantizer_at(unsigned i) {
    switch (i % 10) {
    case 0:
        return quantizer(-1, 1);
    case 1:
        return quantizer(0, 0.7321f);
    case 2:
        return quantizer(-0.31f, 0.9f);
    case 3:
        return quantizer(-6, 6);
    case 4:
        return quantizer(-1e-35f, 1e-35f);
    case 5:
        return quantizer(-1e33f, 1e33f);
    case 6:
        return (struct fake_quant){.is_zero = true};
    case 7:
        return quantizer_of(-1, 1, 3);
    case 8:
        return quantizer_of(-1e-3f * (float)checks_random(999), 0.9f, 65535);
    default:
        return quantizer(-0.9f, 0);
    }
}

struct quantization {
    struct fake_quant by;
    bool relu;
    struct tensor x, dy;
};

/* Half of the values lie on or beside a rounding boundary, where shortcuts would show. */
static struct quantization quantization_new(size_t count, unsigned i, bool wild) {
    struct quantization c = {.by = quantizer_at(i),
                             .relu = checks_random(2),
                             .x = tensor_new(count, true),
                             .dy = tensor_new(count, true)};
    if (wild)
        tensor_fill_wild(&c.x);
    else
        tensor_fill(&c.x);
    tensor_fill_wild(&c.dy);
    for (size_t j = 0; j < count; j++) {
        if (checks_random(2)) continue;
        float top = c.by.scale > 0 ? (c.by.nudged_max - c.by.nudged_min) / c.by.scale : 0;
        float level = (float)checks_random((unsigned)top + 2) - 0.5f;
        float x = level * c.by.scale + c.by.nudged_min;
        int steps = (int)checks_random(5) - 2;
        for (; steps > 0; steps--) x = nextafterf(x, INFINITY);
        for (; steps < 0; steps++) x = nextafterf(x, -INFINITY);
        c.x.at[j] = x;
    }
    return c;
}

static void quantization_free(struct quantization *c) {
    tensor_free(&c->x);
    tensor_free(&c->dy);
}

static void check_fake_quant(struct pool *pool, void *context) {
    const struct quantization *c = context;
    size_t count = c->x.count;
    struct tensor got = tensor_new(count, true), want = tensor_new(count, true);
    tensor_poison(&got);
    fake_quant_tensor(pool, count, c->x.at, &c->by, got.at);
    reference_fake_quant_tensor(count, c->x.at, &c->by, want.at);
    assert_same(&got, &want, "fake_quant_tensor of %zu by scale %g", count, (double)c->by.scale);

    tensor_poison(&got);
    fake_quant_tensor_backward(pool, count, c->x.at, &c->by, c->relu, c->dy.at, got.at);
    reference_fake_quant_tensor_backward(count, c->x.at, &c->by, c->relu, c->dy.at, want.at);
    assert_same(&got, &want, "fake_quant_tensor_backward of %zu", count);

    memcpy(got.at, c->dy.at, count * sizeof(float));
    fake_quant_tensor_backward(pool, count, c->x.at, &c->by, c->relu, got.at, got.at);
    assert_same(&got, &want, "fake_quant_tensor_backward in place of %zu", count);
    tensor_free(&got);
    tensor_free(&want);
}

static void fake_quant_equals_the_reference_in_every_lane(void **state) {
    (void)state;
    for (size_t i = 0; i < size_count(); i++) {
        for (unsigned j = 0; j < (i < odd_size_count ? 30 : 10); j++) {
            struct quantization c = quantization_new(size_at(i), j, j & 16);
            checks_everywhere(check_fake_quant, &c);
            quantization_free(&c);
        }
    }
}

/* Every float near every boundary of many scales: the shortcut must never show. */
static void fake_quant_rounds_as_division_does_beside_every_boundary(void **state) {
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct quantization c = quantization_new(257 * 9, 6, false);
        float min = -(float)checks_random(100000) * 1e-4f,
              max = (float)(1 + checks_random(100000)) * 1e-4f;
        c.by = quantizer(min, max);
        for (size_t level = 0; level < 257; level++) {
            float x = ((float)level - 0.5f) * c.by.scale + c.by.nudged_min;
            for (int step = 0; step < 4; step++) x = nextafterf(x, -INFINITY);
            for (size_t step = 0; step < 9; step++, x = nextafterf(x, INFINITY))
                c.x.at[level * 9 + step] = x;
        }
        check_fake_quant(NULL, &c);
        quantization_free(&c);
    }
}

struct channels {
    size_t rows, channels;
    struct fake_quant by[65];
    struct tensor x, dy;
};

static void check_channels(struct pool *pool, void *context) {
    const struct channels *c = context;
    struct tensor got = tensor_new(c->x.count, true), want = tensor_new(c->x.count, true);
    tensor_poison(&got);
    fake_quant_channels(pool, c->rows, c->channels, c->x.at, c->by, got.at);
    reference_fake_quant_channels(c->rows, c->channels, c->x.at, c->by, want.at);
    assert_same(&got, &want, "fake_quant_channels %zux%zu", c->rows, c->channels);
    tensor_poison(&got);
    fake_quant_channels_backward(pool, c->rows, c->channels, c->x.at, c->by, c->dy.at, got.at);
    reference_fake_quant_channels_backward(c->rows, c->channels, c->x.at, c->by, c->dy.at, want.at);
    assert_same(&got, &want, "fake_quant_channels_backward %zux%zu", c->rows, c->channels);
    tensor_free(&got);
    tensor_free(&want);
}

static void fake_quant_by_channel_equals_the_reference_in_every_lane(void **state) {
    (void)state;
    for (size_t i = 0; i < odd_size_count; i++) {
        struct channels c = {.channels = odd_sizes[i]};
        c.rows = i % 3 ? odd_sizes[checks_random((unsigned)odd_size_count)] : 700;
        c.x = tensor_new(c.rows * c.channels, true);
        c.dy = tensor_new(c.rows * c.channels, true);
        tensor_fill_wild(&c.x);
        tensor_fill_wild(&c.dy);
        for (size_t j = 0; j < c.channels; j++) c.by[j] = quantizer_at(checks_random(10));
        checks_everywhere(check_channels, &c);
        tensor_free(&c.x);
        tensor_free(&c.dy);
    }
}

struct pair {
    struct tensor x, dy;
};

static void check_add(struct pool *pool, void *context) {
    const struct pair *p = context;
    size_t count = p->x.count;
    float range[2], want_range[2];
    struct tensor got = tensor_new(count, true), want = tensor_new(count, true);
    struct tensor got_ends = {.at = range, .count = 2}, want_ends = {.at = want_range, .count = 2};
    reference_add_tensors(count, p->x.at, p->dy.at, want.at);
    reference_min_max(count, want.at, &want_range[0], &want_range[1]);
    tensor_poison(&got);
    add_tensors(pool, count, p->x.at, p->dy.at, got.at, range);
    assert_same(&got, &want, "add of %zu", count);
    assert_same(&got_ends, &want_ends, "range of add of %zu", count);
    memcpy(got.at, p->dy.at, count * sizeof(float));
    add_tensors(pool, count, p->x.at, got.at, got.at, NULL);
    assert_same(&got, &want, "add in place of %zu", count);
    tensor_free(&got);
    tensor_free(&want);
}

static void add_and_its_range_equal_the_reference_in_every_lane(void **state) {
    (void)state;
    for (size_t i = 0; i < size_count(); i++) {
        struct pair p = {tensor_new(size_at(i), true), tensor_new(size_at(i), true)};
        tensor_fill(&p.x);
        tensor_fill(&p.dy);
        checks_everywhere(check_add, &p);
        tensor_fill_wild(&p.x);
        tensor_fill_wild(&p.dy);
        checks_everywhere(check_add, &p);
        tensor_free(&p.x);
        tensor_free(&p.dy);
    }
}

static void check_relu(struct pool *pool, void *context) {
    const struct pair *p = context;
    size_t count = p->x.count;
    struct tensor got = tensor_new(count, true), want = tensor_new(count, true);
    tensor_poison(&got);
    relu_forward(pool, count, p->x.at, got.at);
    reference_relu_forward(count, p->x.at, want.at);
    assert_same(&got, &want, "relu_forward of %zu", count);
    tensor_poison(&got);
    relu_backward(pool, count, p->x.at, p->dy.at, got.at);
    reference_relu_backward(count, p->x.at, p->dy.at, want.at);
    assert_same(&got, &want, "relu_backward of %zu", count);
    tensor_free(&got);
    tensor_free(&want);
}

static void relu_equals_the_reference_in_every_lane(void **state) {
    (void)state;
    for (size_t i = 0; i < size_count(); i++) {
        struct pair p = {tensor_new(size_at(i), true), tensor_new(size_at(i), true)};
        tensor_fill_wild(&p.x);
        tensor_fill_wild(&p.dy);
        checks_everywhere(check_relu, &p);
        tensor_free(&p.x);
        tensor_free(&p.dy);
    }
}

static void relu_lets_nan_and_minus_zero_through(void **state) {
    (void)state;
    float x[4] = {NAN, -0.0f, -1, 2}, y[4];
    relu_forward(NULL, 4, x, y);
    assert_true(isnan(y[0]));
    assert_true(y[1] == 0 && signbit(y[1]));
    assert_true(y[2] == 0 && y[3] == 2);
}

static void check_activations(struct pool *pool, void *context) {
    const struct pair *p = context;
    size_t count = p->x.count;
    struct tensor got = tensor_new(count, true), want = tensor_new(count, true);
    tensor_poison(&got);
    sigmoid_forward(pool, count, p->x.at, got.at);
    reference_sigmoid_forward(count, p->x.at, want.at);
    assert_same(&got, &want, "sigmoid_forward of %zu", count);
    tensor_poison(&got);
    sigmoid_backward(pool, count, p->x.at, p->dy.at, got.at);
    reference_sigmoid_backward(count, p->x.at, p->dy.at, want.at);
    assert_same(&got, &want, "sigmoid_backward of %zu", count);
    tensor_poison(&got);
    leaky_forward(pool, count, p->x.at, 0.3f, got.at);
    reference_leaky_forward(count, p->x.at, 0.3f, want.at);
    assert_same(&got, &want, "leaky_forward of %zu", count);
    tensor_poison(&got);
    leaky_backward(pool, count, p->x.at, 0.3f, p->dy.at, got.at);
    reference_leaky_backward(count, p->x.at, 0.3f, p->dy.at, want.at);
    assert_same(&got, &want, "leaky_backward of %zu", count);
    tensor_poison(&got);
    tanh_forward(pool, count, p->x.at, got.at);
    reference_tanh_forward(count, p->x.at, want.at);
    assert_same(&got, &want, "tanh_forward of %zu", count);
    tensor_poison(&got);
    tanh_backward(pool, count, p->x.at, p->dy.at, got.at);
    reference_tanh_backward(count, p->x.at, p->dy.at, want.at);
    assert_same(&got, &want, "tanh_backward of %zu", count);
    tensor_free(&got);
    tensor_free(&want);
}

static void sigmoid_tanh_and_leaky_relu_equal_the_reference_in_every_lane(void **state) {
    (void)state;
    for (size_t i = 0; i < size_count(); i++) {
        struct pair p = {tensor_new(size_at(i), true), tensor_new(size_at(i), true)};
        tensor_fill_wild(&p.x);
        tensor_fill_wild(&p.dy);
        checks_everywhere(check_activations, &p);
        tensor_free(&p.x);
        tensor_free(&p.dy);
    }
}

/* Half a unit in the last place, and what the double computation is off. */
static void assert_rounded(float got, double want) {
    float size = fabsf((float)want);
    double ulp = (double)(nextafterf(size, INFINITY) - size);
    assert_near((double)got, want, 0.501 * ulp);
}

static void sigmoid_and_tanh_are_rounded_correctly(void **state) {
    (void)state;
    for (float x = 1e-38f; x < 200; x *= 1.0009f) {
        for (int sign = -1; sign <= 1; sign += 2) {
            float at = (float)sign * x, y;
            sigmoid_forward(NULL, 1, &at, &y);
            assert_rounded(y, 1 / (1 + exp(-(double)at)));
            tanh_forward(NULL, 1, &at, &y);
            assert_rounded(y, tanh((double)at));
        }
    }
    static const float edges[] = {0, -0.0f, INFINITY, -INFINITY};
    static const float sigmoids[] = {0.5f, 0.5f, 1, 0}, tanhs[] = {0, 0, 1, -1};
    for (int i = 0; i < 4; i++) {
        float y;
        sigmoid_forward(NULL, 1, &edges[i], &y);
        assert_true(y == sigmoids[i]);
        tanh_forward(NULL, 1, &edges[i], &y);
        assert_true(y == tanhs[i]);
    }
}

static void check_dropout(struct pool *pool, void *context) {
    size_t count = *(size_t *)context;
    struct tensor x = tensor_new(count, true), got = tensor_new(count, true);
    struct tensor want = tensor_new(count, true), back = tensor_new(count, true);
    struct tensor factors = tensor_new((count + 63) / 64 * 64, false), by = tensor_new(count, true);
    const float rates[] = {0.5f, 0.1f, 0.999f, 0x1p-24f};
    tensor_fill_wild(&x);
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        const struct dropout dropout = {0x123456789abcdef0u + i, 7 | (uint64_t)3 << 48, rates[i]};
        dropout_forward(pool, count, &dropout, x.at, factors.at, got.at);
        reference_dropout_factors(count, &dropout, by.at);
        reference_dropout_multiply(count, x.at, by.at, want.at);
        assert_same(&got, &want, "dropout of %zu, rate %g", count, (double)rates[i]);
        memcpy(back.at, x.at, count * sizeof *back.at);
        dropout_multiply(pool, count, back.at, factors.at, back.at);
        assert_same(&back, &want, "dropout_multiply of %zu", count);
    }
    struct tensor *all[] = {&x, &got, &want, &back, &factors, &by};
    for (size_t i = 0; i < COUNT_OF(all); i++) tensor_free(all[i]);
}

static void dropout_draws_the_numbers_of_the_reference(void **state) {
    (void)state;
    for (size_t i = 0; i < size_count(); i++) {
        size_t count = size_at(i);
        checks_everywhere(check_dropout, &count);
    }
}

static void check_adam(struct pool *pool, void *context) {
    size_t count = *(size_t *)context;
    struct tensor g = tensor_new(count, true), start[3], got[3], want[3];
    const struct adam by = {.alpha = 1e-3f,
                            .one_minus_beta1 = 1 - 0.9f,
                            .one_minus_beta2 = 1 - 0.999f,
                            .epsilon = 1e-7f};
    tensor_fill_wild(&g);
    for (int i = 0; i < 3; i++) {
        start[i] = tensor_new(count, false);
        got[i] = tensor_new(count, true);
        want[i] = tensor_new(count, true);
        tensor_fill(&start[i]);
        for (size_t j = 0; i == 1 && j < count; j++) start[i].at[j] = fabsf(start[i].at[j]);
        memcpy(got[i].at, start[i].at, count * sizeof(float));
        memcpy(want[i].at, start[i].at, count * sizeof(float));
    }
    for (int step = 0; step < 2; step++) {
        adam_update(pool, count, &by, g.at, got[0].at, got[1].at, got[2].at);
        reference_adam_update(count, &by, g.at, want[0].at, want[1].at, want[2].at);
    }
    for (int i = 0; i < 3; i++) {
        assert_same(&got[i], &want[i], "adam_update of %zu, output %d", count, i);
        tensor_free(&start[i]);
        tensor_free(&got[i]);
        tensor_free(&want[i]);
    }
    tensor_free(&g);
}

static void adam_equals_the_reference_in_every_lane(void **state) {
    (void)state;
    for (size_t i = 0; i < size_count(); i++) {
        size_t count = size_at(i);
        checks_everywhere(check_adam, &count);
    }
}

static void check_column_sums(struct pool *pool, void *context) {
    const struct channels *c = context;
    struct tensor got = tensor_new(c->channels, true), want = tensor_new(c->channels, true);
    tensor_poison(&got);
    column_sums(pool, c->rows, c->channels, c->x.at, got.at);
    reference_column_sums(c->rows, c->channels, c->x.at, want.at);
    assert_same(&got, &want, "column_sums of %zux%zu", c->rows, c->channels);
    tensor_free(&got);
    tensor_free(&want);
}

static void column_sums_add_in_order(void **state) {
    (void)state;
    for (size_t i = 0; i < odd_size_count; i++) {
        for (size_t rows = 1; rows < 2000; rows = rows * 5 + 2) {
            struct channels c = {.rows = rows, .channels = odd_sizes[i]};
            c.x = tensor_new(rows * c.channels, true);
            tensor_fill(&c.x);
            checks_everywhere(check_column_sums, &c);
            tensor_free(&c.x);
        }
    }
}

static void check_pixels(struct pool *pool, void *context) {
    (void)pool, (void)context;
    unsigned char pixels[256 + 64];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)i;
    for (size_t count = 1; count <= 256; count++) {
        struct tensor got = tensor_new(count, true), want = tensor_new(count, true);
        pixels_to_float(count, pixels + 256 - count, got.at);
        for (size_t i = 0; i < count; i++) want.at[i] = (float)(256 - count + i) / 255.0f;
        assert_same(&got, &want, "pixels_to_float of %zu", count);
        tensor_free(&got);
        tensor_free(&want);
    }
}

static void pixels_become_their_value_over_255(void **state) {
    (void)state;
    checks_everywhere(check_pixels, NULL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(min_max_finds_the_extremes_wherever_they_are),
    cmocka_unit_test(min_max_reports_a_single_nan_at_any_place),
    cmocka_unit_test(fake_quant_equals_the_reference_in_every_lane),
    cmocka_unit_test(fake_quant_rounds_as_division_does_beside_every_boundary),
    cmocka_unit_test(fake_quant_by_channel_equals_the_reference_in_every_lane),
    cmocka_unit_test(add_and_its_range_equal_the_reference_in_every_lane),
    cmocka_unit_test(relu_equals_the_reference_in_every_lane),
    cmocka_unit_test(relu_lets_nan_and_minus_zero_through),
    cmocka_unit_test(sigmoid_tanh_and_leaky_relu_equal_the_reference_in_every_lane),
    cmocka_unit_test(sigmoid_and_tanh_are_rounded_correctly),
    cmocka_unit_test(adam_equals_the_reference_in_every_lane),
    cmocka_unit_test(dropout_draws_the_numbers_of_the_reference),
    cmocka_unit_test(column_sums_add_in_order),
    cmocka_unit_test(pixels_become_their_value_over_255),
};
TEST_MAIN(tests)
