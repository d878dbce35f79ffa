#include "kernel/internal.h"

enum { LEAST_ELEMENTS = 8192 };

struct pooling_pass {
    const struct kernels *kernels;
    const struct pooling *shape;
    size_t units; /* rows of output forward, images backward */
    const float *x, *dy;
    const struct fake_quant *by;
    bool relu;
    float *y;
    unsigned char *where;
    const unsigned char *from;
};

static size_t output_size(const struct pooling *s, int n) {
    return (size_t)n * (size_t)s->out_height * (size_t)s->out_width * (size_t)s->channels;
}

static void forward_part(void *context, int part, int parts) {
    const struct pooling_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->max_pool_forward(p->shape, begin, end, p->x, p->by, p->y, p->where);
}

static void backward_part(void *context, int part, int parts) {
    const struct pooling_pass *p = context;
    size_t begin, end;
    pool_share(p->units, 1, part, parts, &begin, &end);
    p->kernels->max_pool_backward(p->shape, (int)begin, (int)end, p->x, p->by, p->relu, p->dy,
                                  p->from, p->y);
}

void fake_quant_max_pool_forward(struct pool *pool, const struct pooling *shape, int n,
                                 const float *x, const struct fake_quant *by, float *y,
                                 unsigned char *where) {
    struct pooling_pass p = {.kernels = kernels_chosen(),
                             .shape = shape,
                             .units = (size_t)n * (size_t)shape->out_height,
                             .x = x,
                             .by = by,
                             .y = y,
                             .where = where};
    pool_run(pool, parts_for(pool, output_size(shape, n), LEAST_ELEMENTS), forward_part, &p);
}

void max_pool_forward(struct pool *pool, const struct pooling *shape, int n, const float *x,
                      float *y, unsigned char *where) {
    fake_quant_max_pool_forward(pool, shape, n, x, NULL, y, where);
}

void fake_quant_max_pool_backward(struct pool *pool, const struct pooling *shape, int n,
                                  const float *x, const struct fake_quant *by, bool relu,
                                  const float *dy, const unsigned char *where, float *dx) {
    struct pooling_pass p = {.kernels = kernels_chosen(),
                             .shape = shape,
                             .units = (size_t)n,
                             .x = x,
                             .by = by,
                             .relu = relu,
                             .dy = dy,
                             .from = where,
                             .y = dx};
    pool_run(pool, parts_for(pool, output_size(shape, n), LEAST_ELEMENTS), backward_part, &p);
}

void max_pool_backward(struct pool *pool, const struct pooling *shape, int n, const float *dy,
                       const unsigned char *where, float *dx) {
    fake_quant_max_pool_backward(pool, shape, n, NULL, NULL, false, dy, where, dx);
}
