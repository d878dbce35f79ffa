#include "kernel/kernel.h"

#include <string.h>

#include "checks.h"
#include "kernel/conv2d_sparse.h"
#include "kernel/reference.h"

struct convolution {
    struct conv2d shape;
    int n;
    bool bias, relu, sparse;
    struct tensor x, kernel, biases, dy;
    struct tensor y, dx, dkernel; /* as the reference computes them */
    float range[2];
};

/* The kernels' arguments; where the results go is up to the caller. */
static struct conv2d_forward forward_of(const struct convolution *c) {
    return (struct conv2d_forward){.shape = &c->shape,
                                   .n = c->n,
                                   .x = c->x.at,
                                   .kernel = c->kernel.at,
                                   .bias = c->bias ? c->biases.at : NULL,
                                   .relu = c->relu};
}

static struct conv2d_backward backward_of(const struct convolution *c) {
    return (struct conv2d_backward){
        .shape = &c->shape, .n = c->n, .x = c->x.at, .kernel = c->kernel.at, .dy = c->dy.at};
}

static size_t product_of(int a, int b, int c, int d) {
    return (size_t)a * (size_t)b * (size_t)c * (size_t)d;
}

/* One in `zeros` + 1 stays. */
static void thin_out(struct tensor *tensor, unsigned zeros) {
    for (size_t i = 0; i < tensor->count; i++)
        if (checks_random(zeros + 1)) tensor->at[i] = checks_random(2) ? 0.0f : -0.0f;
}

static struct convolution convolution_new(struct conv2d s, int n, bool bias, bool relu, bool wild,
                                          unsigned zeros) {
    size_t in = product_of(n, s.in_height, s.in_width, s.in_channels);
    size_t out = product_of(n, s.out_height, s.out_width, s.out_channels);
    size_t taps = product_of(s.kernel_height, s.kernel_width, s.in_channels, s.out_channels);
    struct convolution c = {.shape = s,
                            .n = n,
                            .bias = bias,
                            .relu = relu,
                            .x = tensor_new(in, true),
                            .kernel = tensor_new(taps, true),
                            .biases = tensor_new((size_t)s.out_channels, true),
                            .dy = tensor_new(out, true),
                            .y = tensor_new(out, false),
                            .dx = tensor_new(in, false),
                            .dkernel = tensor_new(taps, false)};
    void (*fill)(struct tensor *) = wild ? tensor_fill_wild : tensor_fill;
    fill(&c.x);
    fill(&c.kernel);
    fill(&c.biases);
    fill(&c.dy);
    thin_out(&c.dy, zeros);
    struct conv2d_forward forward = forward_of(&c);
    struct conv2d_backward backward = backward_of(&c);
    forward.y = c.y.at;
    backward.dx = c.dx.at;
    backward.dkernel = c.dkernel.at;
    reference_conv2d_forward(&forward);
    reference_conv2d_backward_input(&backward);
    reference_conv2d_backward_kernel(&backward);
    if (out) reference_min_max(out, c.y.at, &c.range[0], &c.range[1]);
    return c;
}

/* A sum that rounded to -0 becomes 0 when 0 is added. */
static void drop_signs_of_zeros(struct tensor *tensor) {
    for (size_t i = 0; i < tensor->count; i++) tensor->at[i] += 0.0f;
}

static void convolution_free(struct convolution *c) {
    struct tensor *all[] = {&c->x, &c->kernel, &c->biases, &c->dy, &c->y, &c->dx, &c->dkernel};
    for (size_t i = 0; i < COUNT_OF(all); i++) tensor_free(all[i]);
}

static void assert_same_as(const struct tensor *got, const struct tensor *want,
                           const struct convolution *c, const char *what) {
    const struct conv2d *s = &c->shape;
    assert_same(got, want,
                "%s n %d in %dx%dx%d out %dx%dx%d kernel %dx%d stride %d,%d dilation %d,%d pad "
                "%d,%d",
                what, c->n, s->in_height, s->in_width, s->in_channels, s->out_height, s->out_width,
                s->out_channels, s->kernel_height, s->kernel_width, s->stride_y, s->stride_x,
                s->dilation_y, s->dilation_x, s->pad_top, s->pad_left);
}

static void check_convolution(struct pool *pool, void *context) {
    const struct convolution *c = context;
    size_t floats = conv2d_scratch_size(&c->shape, pool_threads(pool));
    struct tensor scratch = tensor_new(floats, false);
    struct tensor y = tensor_new(c->y.count, true), dx = tensor_new(c->dx.count, true),
                  dkernel = tensor_new(c->dkernel.count, true), range = tensor_new(2, true);
    const struct tensor want_range = {.at = (float[]){c->range[0], c->range[1]}, .count = 2};
    struct conv2d_forward forward = forward_of(c);
    struct conv2d_backward backward = backward_of(c);
    forward.y = y.at;
    backward.dx = dx.at;
    backward.dkernel = dkernel.at;
    forward.scratch = backward.scratch = scratch.at;

    tensor_poison(&scratch);
    tensor_poison(&y);
    conv2d_forward(pool, &forward);
    assert_same_as(&y, &c->y, c, "forward");

    tensor_poison(&scratch);
    tensor_poison(&y);
    forward.range = range.at;
    conv2d_forward(pool, &forward);
    assert_same_as(&y, &c->y, c, "forward with range");
    assert_same_as(&range, &want_range, c, "range");

    tensor_poison(&scratch);
    tensor_poison(&dx);
    conv2d_backward_input(pool, &backward);
    if (c->sparse) drop_signs_of_zeros(&dx);
    assert_same_as(&dx, &c->dx, c, "gradient with respect to the input");

    tensor_poison(&scratch);
    tensor_poison(&dkernel);
    conv2d_backward_kernel(pool, &backward);
    if (c->sparse) drop_signs_of_zeros(&dkernel);
    assert_same_as(&dkernel, &c->dkernel, c, "gradient with respect to the kernel");

    struct tensor *all[] = {&scratch, &y, &dx, &dkernel, &range};
    for (size_t i = 0; i < COUNT_OF(all); i++) tensor_free(all[i]);
}

static void check_shape(struct conv2d s, int n, unsigned how) {
    struct convolution c = convolution_new(s, n, how & 1, how & 2, (how & 28) == 28, 0);
    checks_everywhere(check_convolution, &c);
    convolution_free(&c);
}

static void check_sparse_shape(struct conv2d s, int n, unsigned zeros) {
    struct convolution c = convolution_new(s, n, false, false, false, zeros);
    c.sparse = true;
    drop_signs_of_zeros(&c.dx);
    drop_signs_of_zeros(&c.dkernel);
    checks_everywhere(check_convolution, &c);
    convolution_free(&c);
}

static struct conv2d square(int size, int in, int out, int kernel, int stride, int dilation,
                            bool same) {
    struct conv2d s = {.in_height = size,
                       .in_width = size,
                       .in_channels = in,
                       .out_channels = out,
                       .kernel_height = kernel,
                       .kernel_width = kernel,
                       .stride_y = stride,
                       .stride_x = stride,
                       .dilation_y = dilation,
                       .dilation_x = dilation};
    conv2d_geometry(&s, same);
    return s;
}

static void convolutions_equal_the_chain_of_fmas_on_odd_channels(void **state) {
    (void)state;
    for (size_t i = 0; i < odd_size_count; i++) {
        size_t j = checks_random((unsigned)odd_size_count);
        int in = (int)odd_sizes[i], out = (int)odd_sizes[j];
        check_shape(square(6, in, out, 3, 1, 1, false), 2, checks_random(32));
        check_shape(square(6, out, in, 3, 1, 1, true), 1, checks_random(32));
    }
}

static void convolutions_equal_the_chain_of_fmas_in_every_geometry(void **state) {
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct conv2d s = {.in_height = 1 + (int)checks_random(17),
                           .in_width = 1 + (int)checks_random(17),
                           .in_channels = 1 + (int)checks_random(4),
                           .out_channels = 1 + (int)checks_random(20),
                           .kernel_height = 1 + (int)checks_random(4),
                           .kernel_width = 1 + (int)checks_random(4),
                           .stride_y = 1 + (int)checks_random(3),
                           .stride_x = 1 + (int)checks_random(3),
                           .dilation_y = 1 + (int)checks_random(3),
                           .dilation_x = 1 + (int)checks_random(3)};
        conv2d_geometry(&s, checks_random(2));
        if (s.out_height < 1 || s.out_width < 1) continue;
        check_shape(s, 1 + (int)checks_random(5), checks_random(32));
    }
}

static void convolutions_equal_the_chain_of_fmas_where_padding_exceeds_the_kernel(void **state) {
    (void)state;
    struct conv2d s = square(4, 2, 3, 2, 1, 1, true);
    s.pad_top = s.pad_left = 4;
    s.out_height = s.out_width = 11;
    check_shape(s, 2, 1);
}

static void convolutions_equal_the_chain_of_fmas_on_the_shapes_of_the_model(void **state) {
    (void)state;
    check_shape(square(28, 1, 32, 3, 1, 1, false), 3, 3);
    check_shape(square(13, 32, 64, 3, 1, 1, false), 2, 3);
}

static void zeros_left_out_of_the_gradients_change_no_bit(void **state) {
    (void)state;
    int left_out[2] = {0};
    for (int i = 0; i < 60; i++) {
        struct conv2d s =
            square(8 + (int)checks_random(9), 7 + (int)checks_random(64),
                   16 + (int)checks_random(60), checks_random(2) ? 3 : 5, 1, 1, checks_random(2));
        if (checks_random(4) == 0) {
            s.stride_x = 1 + (int)checks_random(2);
            s.dilation_y = 1 + (int)checks_random(2);
            s.kernel_height = 1 + (int)checks_random(4);
            conv2d_geometry(&s, checks_random(2));
        }
        check_sparse_shape(s, 1 + (int)checks_random(4), 4 + checks_random(30));
        size_t count = product_of(s.out_height, s.out_width, s.out_channels, 1);
        struct tensor zeros = tensor_new(count, false);
        memset(zeros.at, 0, count * sizeof *zeros.at);
        left_out[0] += conv2d_sparse_input_suits(&s, 1, zeros.at);
        left_out[1] += conv2d_sparse_kernel_suits(&s, 1, zeros.at);
        tensor_free(&zeros);
    }
    assert_in_range(left_out[0], 20, 60);
    assert_in_range(left_out[1], 20, 60);
    check_sparse_shape(square(13, 32, 64, 3, 1, 1, false), 3, 30);
    check_sparse_shape(square(13, 32, 64, 3, 1, 1, true), 2, 1000000);
}

static void a_dense_gradient_is_not_taken_for_a_sparse_one(void **state) {
    (void)state;
    struct conv2d s = square(13, 32, 64, 3, 1, 1, false);
    struct tensor dy = tensor_new(product_of(11, 11, 64, 1), false);
    for (size_t i = 0; i < dy.count; i++) dy.at[i] = i % 2 ? 0 : 1;
    assert_false(conv2d_sparse_input_suits(&s, 1, dy.at));
    assert_false(conv2d_sparse_kernel_suits(&s, 1, dy.at));
    dy.at[0] = 0;
    assert_true(conv2d_sparse_input_suits(&s, 1, dy.at));
    assert_true(conv2d_sparse_kernel_suits(&s, 1, dy.at));
    tensor_free(&dy);
}

static void geometry_is_that_of_keras(void **state) {
    (void)state;
    /* in, kernel, stride, dilation, same -> out, pad before: from tf.nn.convolution's rules by
     * hand */
    static const struct {
        int in, kernel, stride, dilation, same, out, pad;
    } cases[] = {
        {28, 3, 1, 1, 0, 26, 0}, {28, 3, 1, 1, 1, 28, 1}, {28, 3, 2, 1, 1, 14, 0},
        {27, 3, 2, 1, 1, 14, 1}, {13, 3, 1, 2, 0, 9, 0},  {13, 3, 1, 2, 1, 13, 2},
        {5, 2, 1, 1, 1, 5, 0},   {5, 7, 1, 1, 0, 0, 0},   {5, 1, 3, 1, 1, 2, 0},
        {7, 4, 3, 1, 0, 2, 0},   {7, 4, 3, 1, 1, 3, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct conv2d s = square(cases[i].in, 1, 1, cases[i].kernel, cases[i].stride,
                                 cases[i].dilation, cases[i].same);
        assert_int_equal(s.out_height, cases[i].out);
        assert_int_equal(s.out_width, cases[i].out);
        assert_int_equal(s.pad_top, cases[i].pad);
        assert_int_equal(s.pad_left, cases[i].pad);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(convolutions_equal_the_chain_of_fmas_on_odd_channels),
    cmocka_unit_test(convolutions_equal_the_chain_of_fmas_in_every_geometry),
    cmocka_unit_test(convolutions_equal_the_chain_of_fmas_where_padding_exceeds_the_kernel),
    cmocka_unit_test(convolutions_equal_the_chain_of_fmas_on_the_shapes_of_the_model),
    cmocka_unit_test(zeros_left_out_of_the_gradients_change_no_bit),
    cmocka_unit_test(a_dense_gradient_is_not_taken_for_a_sparse_one),
    cmocka_unit_test(geometry_is_that_of_keras),
};
TEST_MAIN(tests)
