#include "checks.h"
#include "kernel/kernel.h"
#include "kernel/reference.h"

struct averaged {
    struct pooling shape;
    int n;
    struct tensor x, dy;
};

static void check_averaged(struct pool *pool, void *context) {
    const struct averaged *a = context;
    struct tensor y = tensor_new(a->dy.count, true), want_y = tensor_new(a->dy.count, true);
    struct tensor dx = tensor_new(a->x.count, true), want_dx = tensor_new(a->x.count, true);
    tensor_poison(&y), tensor_poison(&dx);
    reference_average_pool_forward(&a->shape, a->n, a->x.at, want_y.at);
    average_pool_forward(pool, &a->shape, a->n, a->x.at, y.at);
    assert_same(&y, &want_y, "average_pool_forward");
    reference_average_pool_backward(&a->shape, a->n, a->dy.at, want_dx.at);
    average_pool_backward(pool, &a->shape, a->n, a->dy.at, dx.at);
    assert_same(&dx, &want_dx, "average_pool_backward");
    tensor_free(&y), tensor_free(&want_y), tensor_free(&dx), tensor_free(&want_dx);
}

static void check_shape(struct pooling s, int n, bool wild) {
    size_t images = (size_t)n * (size_t)s.channels;
    struct averaged a = {.shape = s, .n = n};
    a.x = tensor_new(images * (size_t)s.in_height * (size_t)s.in_width, true);
    a.dy = tensor_new(images * (size_t)s.out_height * (size_t)s.out_width, true);
    if (wild)
        tensor_fill_wild(&a.x), tensor_fill_wild(&a.dy);
    else
        tensor_fill(&a.x), tensor_fill(&a.dy);
    checks_everywhere(check_averaged, &a);
    tensor_free(&a.x), tensor_free(&a.dy);
}

static void average_pool_equals_the_reference_in_every_geometry(void **state) {
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct pooling s = {.in_height = 1 + (int)checks_random(14),
                            .in_width = 1 + (int)checks_random(14),
                            .channels = 1 + (int)checks_random(40),
                            .window_height = 1 + (int)checks_random(4),
                            .window_width = 1 + (int)checks_random(4),
                            .stride_y = 1 + (int)checks_random(4),
                            .stride_x = 1 + (int)checks_random(4)};
        pooling_geometry(&s, checks_random(2));
        if (s.out_height < 1 || s.out_width < 1) continue;
        check_shape(s, 1 + (int)checks_random(4), i % 4 == 0);
    }
}

static void one_window_may_be_the_whole_image(void **state) {
    (void)state;
    struct pooling s = {.in_height = 28,
                        .in_width = 28,
                        .channels = 32,
                        .window_height = 28,
                        .window_width = 28,
                        .stride_y = 28,
                        .stride_x = 28};
    pooling_geometry(&s, false);
    assert_int_equal(s.out_height, 1);
    check_shape(s, 4, false);
}

/* 3x3 in windows of 2x2 at distance 2, 'same': the odd cells are after the image. */
static void cells_outside_the_image_do_not_count(void **state) {
    (void)state;
    struct pooling s = {.in_height = 3,
                        .in_width = 3,
                        .channels = 1,
                        .window_height = 2,
                        .window_width = 2,
                        .stride_y = 2,
                        .stride_x = 2};
    pooling_geometry(&s, true);
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, want[] = {3, 4.5f, 7.5f, 9};
    const float dy[] = {4, 2, 6, 5}, want_dx[] = {1, 1, 1, 1, 1, 1, 3, 3, 5};
    float y[4], dx[9];
    average_pool_forward(NULL, &s, 1, x, y);
    average_pool_backward(NULL, &s, 1, dy, dx);
    assert_memory_equal(y, want, sizeof want);
    assert_memory_equal(dx, want_dx, sizeof want_dx);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(average_pool_equals_the_reference_in_every_geometry),
    cmocka_unit_test(one_window_may_be_the_whole_image),
    cmocka_unit_test(cells_outside_the_image_do_not_count),
};
TEST_MAIN(tests)
