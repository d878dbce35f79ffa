#include "checks.h"
#include "kernel/kernel.h"
#include "kernel/reference.h"

struct filtered {
    struct conv2d shape;
    int n;
    bool has_bias, relu;
    struct tensor x, kernel, bias, dy;
};

static size_t count_of(int n, int height, int width, int channels) {
    return (size_t)n * (size_t)height * (size_t)width * (size_t)channels;
}

static void check_filtered(struct pool *pool, void *context) {
    const struct filtered *f = context;
    const struct conv2d *s = &f->shape;
    struct tensor y = tensor_new(f->dy.count, true), want_y = tensor_new(f->dy.count, true);
    struct tensor dx = tensor_new(f->x.count, true), want_dx = tensor_new(f->x.count, true);
    struct tensor dk = tensor_new(f->kernel.count, true);
    struct tensor want_dk = tensor_new(f->kernel.count, true);
    struct conv2d_forward forward = {.shape = s,
                                     .n = f->n,
                                     .x = f->x.at,
                                     .kernel = f->kernel.at,
                                     .bias = f->has_bias ? f->bias.at : NULL,
                                     .relu = f->relu,
                                     .y = want_y.at};
    struct conv2d_backward backward = {.shape = s,
                                       .n = f->n,
                                       .x = f->x.at,
                                       .kernel = f->kernel.at,
                                       .dy = f->dy.at,
                                       .dx = want_dx.at,
                                       .dkernel = want_dk.at};
    tensor_poison(&y), tensor_poison(&dx), tensor_poison(&dk);
    reference_depthwise_forward(&forward);
    reference_depthwise_backward_input(&backward);
    reference_depthwise_backward_kernel(&backward);
    forward.y = y.at;
    backward.dx = dx.at;
    backward.dkernel = dk.at;
    depthwise_forward(pool, &forward);
    assert_same(&y, &want_y, "depthwise_forward, %d channels to %d", s->in_channels,
                s->out_channels);
    depthwise_backward_input(pool, &backward);
    assert_same(&dx, &want_dx, "depthwise_backward_input, %d channels", s->in_channels);
    depthwise_backward_kernel(pool, &backward);
    assert_same(&dk, &want_dk, "depthwise_backward_kernel, %d channels", s->in_channels);
    tensor_free(&y), tensor_free(&want_y), tensor_free(&dx), tensor_free(&want_dx);
    tensor_free(&dk), tensor_free(&want_dk);
}

static void check_shape(struct conv2d s, int n) {
    struct filtered f = {
        .shape = s, .n = n, .has_bias = checks_random(2), .relu = checks_random(2)};
    f.x = tensor_new(count_of(n, s.in_height, s.in_width, s.in_channels), true);
    f.dy = tensor_new(count_of(n, s.out_height, s.out_width, s.out_channels), true);
    f.kernel = tensor_new(count_of(s.kernel_height, s.kernel_width, s.out_channels, 1), true);
    f.bias = tensor_new((size_t)s.out_channels, true);
    struct tensor *all[] = {&f.x, &f.dy, &f.kernel, &f.bias};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (checks_random(4))
            tensor_fill(all[i]);
        else
            tensor_fill_wild(all[i]);
    }
    checks_everywhere(check_filtered, &f);
    for (size_t i = 0; i < COUNT_OF(all); i++) tensor_free(all[i]);
}

static void depthwise_equals_the_reference_in_every_geometry(void **state) {
    (void)state;
    for (int i = 0; i < 120; i++) {
        struct conv2d s = {.in_height = 1 + (int)checks_random(9),
                           .in_width = 1 + (int)checks_random(9),
                           .in_channels = 1 + (int)checks_random(40),
                           .kernel_height = 1 + (int)checks_random(4),
                           .kernel_width = 1 + (int)checks_random(4),
                           .stride_y = 1 + (int)checks_random(3),
                           .stride_x = 1 + (int)checks_random(3),
                           .dilation_y = 1 + (int)checks_random(2),
                           .dilation_x = 1 + (int)checks_random(2)};
        s.out_channels = s.in_channels * (i % 4 ? 1 : 1 + (int)checks_random(3));
        conv2d_geometry(&s, checks_random(2));
        if (s.out_height < 1 || s.out_width < 1) continue;
        check_shape(s, 1 + (int)checks_random(3));
    }
}

static void depthwise_equals_the_reference_on_the_shape_of_a_model(void **state) {
    (void)state;
    struct conv2d s = {.in_height = 14,
                       .in_width = 14,
                       .in_channels = 16,
                       .out_channels = 16,
                       .kernel_height = 3,
                       .kernel_width = 3,
                       .stride_y = 1,
                       .stride_x = 1,
                       .dilation_y = 1,
                       .dilation_x = 1};
    conv2d_geometry(&s, true);
    check_shape(s, 8);
}

/* Two channels of two filters each, 1x2 taps, by hand. */
static void filters_of_a_channel_are_neighbours_in_the_output(void **state) {
    (void)state;
    struct conv2d s = {.in_height = 1,
                       .in_width = 2,
                       .in_channels = 2,
                       .out_channels = 4,
                       .kernel_height = 1,
                       .kernel_width = 2,
                       .stride_y = 1,
                       .stride_x = 1,
                       .dilation_y = 1,
                       .dilation_x = 1};
    conv2d_geometry(&s, false);
    const float x[] = {1, 10, 2, 20}, kernel[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const float want[] = {1 + 2 * 5, 2 + 2 * 6, 10 * 3 + 20 * 7, 10 * 4 + 20 * 8};
    float y[4];
    depthwise_forward(
        NULL, &(struct conv2d_forward){.shape = &s, .n = 1, .x = x, .kernel = kernel, .y = y});
    assert_memory_equal(y, want, sizeof want);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(depthwise_equals_the_reference_in_every_geometry),
    cmocka_unit_test(depthwise_equals_the_reference_on_the_shape_of_a_model),
    cmocka_unit_test(filters_of_a_channel_are_neighbours_in_the_output),
};
TEST_MAIN(tests)
