#include "kernel/internal.h"
#include "kernel/reference.h"

enum { LEAST_PRODUCTS = 32768 };

struct depthwise_pass {
    const struct kernels *kernels;
    const struct conv2d *shape;
    int n;
    size_t units; /* rows of output, rows of input, taps */
    const float *x, *dy, *kernel, *bias;
    bool relu;
    float *to;
};

static void run(struct pool *pool, pool_task *task, struct depthwise_pass *pass) {
    const struct conv2d *s = pass->shape;
    size_t products = (size_t)pass->n * (size_t)s->out_height * (size_t)s->out_width *
                      (size_t)s->out_channels * (size_t)s->kernel_height * (size_t)s->kernel_width;
    pass->kernels = kernels_chosen();
    pool_run(pool, parts_for(pool, products, LEAST_PRODUCTS), task, pass);
}

static void forward_part(void *context, int part, int parts) {
    const struct depthwise_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->depthwise_forward(p->shape, begin, end, p->x, p->kernel, p->bias, p->relu, p->to);
}

/* Several filters a channel are rare: the plain definition computes them. */
static bool has_one_filter(const struct conv2d *s) {
    return s->out_channels == s->in_channels;
}

void depthwise_forward(struct pool *pool, const struct conv2d *shape, int n, const float *x,
                       const float *kernel, const float *bias, bool relu, float *y) {
    struct depthwise_pass p = {.shape = shape,
                               .n = n,
                               .x = x,
                               .kernel = kernel,
                               .bias = bias,
                               .relu = relu,
                               .to = y,
                               .units = (size_t)n * (size_t)shape->out_height};
    if (has_one_filter(shape))
        run(pool, forward_part, &p);
    else
        reference_depthwise_forward(shape, n, x, kernel, bias, relu, y);
}

static void backward_input_part(void *context, int part, int parts) {
    const struct depthwise_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->depthwise_backward_input(p->shape, begin, end, p->dy, p->kernel, p->to);
}

void depthwise_backward_input(struct pool *pool, const struct conv2d *shape, int n, const float *dy,
                              const float *kernel, float *dx) {
    struct depthwise_pass p = {.shape = shape,
                               .n = n,
                               .dy = dy,
                               .kernel = kernel,
                               .to = dx,
                               .units = (size_t)n * (size_t)shape->in_height};
    if (has_one_filter(shape))
        run(pool, backward_input_part, &p);
    else
        reference_depthwise_backward_input(shape, n, dy, kernel, dx);
}

static void backward_kernel_part(void *context, int part, int parts) {
    const struct depthwise_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->depthwise_backward_kernel(p->shape, p->n, begin, end, p->x, p->dy, p->to);
}

void depthwise_backward_kernel(struct pool *pool, const struct conv2d *shape, int n, const float *x,
                               const float *dy, float *dkernel) {
    struct depthwise_pass p = {.shape = shape,
                               .n = n,
                               .x = x,
                               .dy = dy,
                               .to = dkernel,
                               .units = (size_t)shape->kernel_height * (size_t)shape->kernel_width};
    if (has_one_filter(shape))
        run(pool, backward_kernel_part, &p);
    else
        reference_depthwise_backward_kernel(shape, n, x, dy, dkernel);
}
