#include "kernel/list.h"

enum { MIN_CELLS = 16384 };

struct averaging {
    const struct kernels *kernels;
    const struct pooling *shape;
    size_t units; /* rows of output forward, images backward */
    const float *from;
    float *to;
};

static void run(struct pool *pool, pool_task *task, struct averaging *averaging, int n) {
    const struct pooling *s = averaging->shape;
    size_t cells = (size_t)n * (size_t)s->in_height * (size_t)s->in_width * (size_t)s->channels;
    averaging->kernels = kernels_chosen();
    pool_run(pool, pool_parts(pool, cells, MIN_CELLS), task, averaging);
}

static void forward_part(void *context, int part, int parts) {
    const struct averaging *a = context;
    size_t begin, end;
    pool_share(a->units, 1, part, parts, &begin, &end);
    a->kernels->average_pool_forward(a->shape, begin, end, a->from, a->to);
}

void average_pool_forward(struct pool *pool, const struct pooling *shape, int n, const float *x,
                          float *y) {
    struct averaging averaging = {
        .shape = shape, .from = x, .to = y, .units = (size_t)n * (size_t)shape->out_height};
    run(pool, forward_part, &averaging, n);
}

static void backward_part(void *context, int part, int parts) {
    const struct averaging *a = context;
    size_t begin, end;
    pool_share(a->units, 1, part, parts, &begin, &end);
    a->kernels->average_pool_backward(a->shape, begin, end, a->from, a->to);
}

void average_pool_backward(struct pool *pool, const struct pooling *shape, int n, const float *dy,
                           float *dx) {
    struct averaging averaging = {.shape = shape, .from = dy, .to = dx, .units = (size_t)n};
    run(pool, backward_part, &averaging, n);
}
