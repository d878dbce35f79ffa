#include "kernel/list.h"

enum { MIN_ELEMENTS = 8192 };

struct pooling_pass {
    const struct kernels *kernels;
    const struct max_pool_forward *f;
    const struct max_pool_backward *b;
    size_t units; /* rows of output forward, images backward */
};

static int pooling_parts(const struct pool *pool, const struct pooling *s, int n) {
    size_t outputs = (size_t)n * (size_t)s->out_height * (size_t)s->out_width * (size_t)s->channels;
    return pool_parts(pool, outputs, MIN_ELEMENTS);
}

static void forward_part(void *context, int part, int parts) {
    const struct pooling_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->max_pool_forward(p->f, begin, end);
}

void max_pool_forward(struct pool *pool, const struct max_pool_forward *f) {
    struct pooling_pass p = {
        .kernels = kernels_chosen(), .f = f, .units = (size_t)f->n * (size_t)f->shape->out_height};
    pool_run(pool, pooling_parts(pool, f->shape, f->n), forward_part, &p);
}

static void backward_part(void *context, int part, int parts) {
    const struct pooling_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->max_pool_backward(p->b, begin, end);
}

void max_pool_backward(struct pool *pool, const struct max_pool_backward *b) {
    struct pooling_pass p = {.kernels = kernels_chosen(), .b = b, .units = (size_t)b->n};
    pool_run(pool, pooling_parts(pool, b->shape, b->n), backward_part, &p);
}
