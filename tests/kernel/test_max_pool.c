#include "kernel/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "checks.h"
#include "kernel/reference.h"

struct pooled {
    struct pooling shape;
    int n;
    struct fake_quant by;
    bool relu;
    struct tensor x, dy;
};

static size_t inputs_of(const struct pooled *p) {
    return (size_t)p->n * (size_t)p->shape.in_height * (size_t)p->shape.in_width *
           (size_t)p->shape.channels;
}

static size_t outputs_of(const struct pooled *p) {
    return (size_t)p->n * (size_t)p->shape.out_height * (size_t)p->shape.out_width *
           (size_t)p->shape.channels;
}

/* Bytes with a guard after them. */
enum { GUARD = 64 };

static unsigned char *bytes_new(size_t count) {
    unsigned char *bytes = array_new(count + GUARD, 1);
    assert_non_null(bytes);
    memset(bytes, 0xee, count + GUARD);
    return bytes;
}

static void assert_same_bytes(const struct pooled *p, const unsigned char *got,
                              const unsigned char *want, size_t count) {
    for (size_t i = 0; i < count + GUARD; i++)
        if (got[i] != want[i])
            fail_msg("where[%zu] of %zu is %d, want %d (%s; in %dx%dx%d, window %dx%d)", i, count,
                     got[i], want[i], checks_place(), p->shape.in_height, p->shape.in_width,
                     p->shape.channels, p->shape.window_height, p->shape.window_width);
}

static struct max_pool_forward forward_of(const struct pooled *p, const float *x) {
    return (struct max_pool_forward){.shape = &p->shape, .n = p->n, .x = x};
}

static void check_plain(struct pool *pool, const struct pooled *p) {
    size_t in = inputs_of(p), out = outputs_of(p);
    struct tensor y = tensor_new(out, true), want_y = tensor_new(out, true);
    struct tensor dx = tensor_new(in, true), want_dx = tensor_new(in, true);
    unsigned char *where = bytes_new(out), *want_where = bytes_new(out);
    struct max_pool_forward forward = forward_of(p, p->x.at);
    struct max_pool_backward backward = {
        .shape = &p->shape, .n = p->n, .dy = p->dy.at, .where = want_where, .dx = want_dx.at};
    forward.y = want_y.at;
    forward.where = want_where;
    reference_max_pool_forward(&forward);
    reference_max_pool_backward(&backward);
    tensor_poison(&y);
    forward.y = y.at;
    forward.where = where;
    max_pool_forward(pool, &forward);
    assert_same(&y, &want_y, "max_pool_forward");
    assert_same_bytes(p, where, want_where, out);
    tensor_poison(&y);
    forward.where = NULL;
    max_pool_forward(pool, &forward);
    assert_same(&y, &want_y, "max_pool_forward without where");
    tensor_poison(&dx);
    backward.where = where;
    backward.dx = dx.at;
    max_pool_backward(pool, &backward);
    assert_same(&dx, &want_dx, "max_pool_backward");
    tensor_free(&y), tensor_free(&want_y), tensor_free(&dx), tensor_free(&want_dx);
    array_free(where), array_free(want_where);
}

typedef void forward_function(struct pool *pool, const struct max_pool_forward *f);
typedef void backward_function(struct pool *pool, const struct max_pool_backward *b);

static void reference_forward(struct pool *pool, const struct max_pool_forward *f) {
    (void)pool;
    reference_max_pool_forward(f);
}

static void reference_backward(struct pool *pool, const struct max_pool_backward *b) {
    (void)pool;
    reference_max_pool_backward(b);
}

/* Against fake quantization and pooling one after the other. */
static void check_fused(struct pool *pool, const struct pooled *p, forward_function *forward,
                        backward_function *backward) {
    size_t in = inputs_of(p), out = outputs_of(p);
    struct tensor q = tensor_new(in, true), y = tensor_new(out, true);
    struct tensor want_y = tensor_new(out, true), dx = tensor_new(in, true);
    struct tensor want_dx = tensor_new(in, true);
    unsigned char *where = bytes_new(out), *want_where = bytes_new(out);
    struct max_pool_forward f = forward_of(p, q.at);
    struct max_pool_backward b = {
        .shape = &p->shape, .n = p->n, .dy = p->dy.at, .where = want_where, .dx = q.at};
    f.y = want_y.at;
    f.where = want_where;
    reference_fake_quant_tensor(in, p->x.at, &p->by, q.at);
    reference_max_pool_forward(&f);
    reference_max_pool_backward(&b);
    reference_fake_quant_tensor_backward(in, p->x.at, &p->by, p->relu, q.at, want_dx.at);
    tensor_poison(&y);
    f = (struct max_pool_forward){&p->shape, p->n, p->x.at, &p->by, y.at, where};
    forward(pool, &f);
    assert_same(&y, &want_y, "max_pool_forward with fake quantization");
    assert_same_bytes(p, where, want_where, out);
    tensor_poison(&dx);
    b.x = p->x.at;
    b.fake_quant = &p->by;
    b.relu = p->relu;
    b.where = where;
    b.dx = dx.at;
    backward(pool, &b);
    assert_same(&dx, &want_dx, "max_pool_backward with fake quantization");
    tensor_free(&q), tensor_free(&y), tensor_free(&want_y), tensor_free(&dx);
    tensor_free(&want_dx);
    array_free(where), array_free(want_where);
}

static void check_pooling(struct pool *pool, void *context) {
    const struct pooled *p = context;
    check_plain(pool, p);
    check_fused(pool, p, max_pool_forward, max_pool_backward);
    check_fused(pool, p, reference_forward, reference_backward);
}

static void check_shape(struct pooling s, int n, unsigned how) {
    struct pooled p = {
        .shape = s, .n = n, .relu = how & 1, .by = {-0.5f, 0.5f, 1.0f / 8, 8, 4, (how & 6) == 6}};
    p.x = tensor_new(inputs_of(&p), true);
    p.dy = tensor_new(outputs_of(&p), true);
    if (how & 8)
        tensor_fill_wild(&p.x);
    else
        tensor_fill(&p.x);
    tensor_fill(&p.dy);
    checks_everywhere(check_pooling, &p);
    tensor_free(&p.x);
    tensor_free(&p.dy);
}

static void max_pool_equals_the_reference_on_odd_channels(void **state) {
    (void)state;
    for (size_t i = 0; i < odd_size_count; i++) {
        for (int size = 5; size < 7; size++) {
            struct pooling s = {.in_height = size,
                                .in_width = size,
                                .channels = (int)odd_sizes[i],
                                .window_height = 2,
                                .window_width = 2,
                                .stride_y = 2,
                                .stride_x = 2};
            pooling_geometry(&s, i % 2);
            check_shape(s, 3, checks_random(16));
        }
    }
}

static void max_pool_equals_the_reference_in_every_geometry(void **state) {
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct pooling s = {.in_height = 1 + (int)checks_random(14),
                            .in_width = 1 + (int)checks_random(14),
                            .channels = 1 + (int)checks_random(20),
                            .window_height = 1 + (int)checks_random(4),
                            .window_width = 1 + (int)checks_random(4),
                            .stride_y = 1 + (int)checks_random(4),
                            .stride_x = 1 + (int)checks_random(4)};
        pooling_geometry(&s, checks_random(2));
        if (s.out_height < 1 || s.out_width < 1) continue;
        check_shape(s, 1 + (int)checks_random(4), checks_random(16));
    }
}

static void max_pool_equals_the_reference_on_the_shapes_of_the_model(void **state) {
    (void)state;
    struct pooling s = {.in_height = 26,
                        .in_width = 26,
                        .channels = 32,
                        .window_height = 2,
                        .window_width = 2,
                        .stride_y = 2,
                        .stride_x = 2};
    pooling_geometry(&s, false);
    assert_int_equal(s.out_height, 13);
    check_shape(s, 4, 1);
    s.in_height = s.in_width = 11;
    pooling_geometry(&s, false);
    assert_int_equal(s.out_height, 5);
    check_shape(s, 4, 1);
}

static void max_pool_takes_the_first_maximum_and_any_nan(void **state) {
    (void)state;
    struct pooling s = {.in_height = 2,
                        .in_width = 2,
                        .channels = 1,
                        .window_height = 2,
                        .window_width = 2,
                        .stride_y = 2,
                        .stride_x = 2};
    pooling_geometry(&s, false);
    const struct {
        float x[4], y;
        int where;
    } cases[] = {
        {{1, 3, 3, 2}, 3, 1},     {{-1, -3, -3, -2}, -1, 0}, {{0, -0.0f, 0, 0}, 0, 0},
        {{1, NAN, 3, 2}, NAN, 1}, {{NAN, 1, 2, 3}, NAN, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        float x[4 + 16], y;
        unsigned char where;
        memcpy(x, cases[i].x, sizeof cases[i].x);
        max_pool_forward(NULL, &(struct max_pool_forward){
                                   .shape = &s, .n = 1, .x = x, .y = &y, .where = &where});
        assert_true(isnan(cases[i].y) ? isnan(y) : y == cases[i].y);
        assert_int_equal(where, cases[i].where);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(max_pool_equals_the_reference_on_odd_channels),
    cmocka_unit_test(max_pool_equals_the_reference_in_every_geometry),
    cmocka_unit_test(max_pool_equals_the_reference_on_the_shapes_of_the_model),
    cmocka_unit_test(max_pool_takes_the_first_maximum_and_any_nan),
};
TEST_MAIN(tests)
