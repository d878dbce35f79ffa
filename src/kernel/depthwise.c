#include "kernel/list.h"
#include "kernel/reference.h"

enum { MIN_PRODUCTS = 32768 };

struct depthwise_pass {
    const struct kernels *kernels;
    const struct conv2d_forward *f;
    const struct conv2d_backward *b;
    size_t units; /* rows of output, rows of input, taps */
};

/* Several filters per channel are rare, so the plain definition computes them. */
static bool has_one_filter(const struct conv2d *s) {
    return s->out_channels == s->in_channels;
}

static void run(struct pool *pool, pool_task *task, struct depthwise_pass *pass) {
    const struct conv2d *s = pass->f ? pass->f->shape : pass->b->shape;
    size_t n = (size_t)(pass->f ? pass->f->n : pass->b->n);
    size_t products = n * (size_t)s->out_height * (size_t)s->out_width * (size_t)s->out_channels *
                      (size_t)s->kernel_height * (size_t)s->kernel_width;
    pass->kernels = kernels_chosen();
    pool_run(pool, pool_parts(pool, products, MIN_PRODUCTS), task, pass);
}

static void forward_part(void *context, int part, int parts) {
    const struct depthwise_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->depthwise_forward(p->f, begin, end);
}

void depthwise_forward(struct pool *pool, const struct conv2d_forward *f) {
    struct depthwise_pass p = {.f = f, .units = (size_t)f->n * (size_t)f->shape->out_height};
    if (has_one_filter(f->shape))
        run(pool, forward_part, &p);
    else
        reference_depthwise_forward(f);
}

static void backward_input_part(void *context, int part, int parts) {
    const struct depthwise_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->depthwise_backward_input(p->b, begin, end);
}

void depthwise_backward_input(struct pool *pool, const struct conv2d_backward *b) {
    struct depthwise_pass p = {.b = b, .units = (size_t)b->n * (size_t)b->shape->in_height};
    if (has_one_filter(b->shape))
        run(pool, backward_input_part, &p);
    else
        reference_depthwise_backward_input(b);
}

static void backward_kernel_part(void *context, int part, int parts) {
    const struct depthwise_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->depthwise_backward_kernel(p->b, begin, end);
}

void depthwise_backward_kernel(struct pool *pool, const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    struct depthwise_pass p = {.b = b, .units = (size_t)s->kernel_height * (size_t)s->kernel_width};
    if (has_one_filter(s))
        run(pool, backward_kernel_part, &p);
    else
        reference_depthwise_backward_kernel(b);
}
