#include "kernel/curve.h"

#include "kernel/internal.h"

enum { GRAIN = 64, LEAST_FORWARD = 1024, LEAST_BACKWARD = 8192 };

struct curve {
    size_t count;
    const float *x, *dy;
    float *y;
    float slope; /* of leaky_... only */
    void (*forward)(size_t count, const float *x, float *y);
    void (*backward)(size_t count, const float *y, const float *dy, float *dx);
};

static void curve_part(void *context, int part, int parts) {
    const struct curve *c = context;
    size_t begin, end;
    pool_share(c->count, GRAIN, part, parts, &begin, &end);
    if (c->forward)
        c->forward(end - begin, c->x + begin, c->y + begin);
    else
        c->backward(end - begin, c->x + begin, c->dy + begin, c->y + begin);
}

static void run(struct pool *pool, const struct curve *curve) {
    struct curve c = *curve;
    size_t least = c.forward ? LEAST_FORWARD : LEAST_BACKWARD;
    pool_run(pool, parts_for(pool, c.count, least), curve_part, &c);
}

static void leaky_part(void *context, int part, int parts) {
    const struct curve *c = context;
    const struct kernels *kernels = kernels_chosen();
    size_t begin, end;
    pool_share(c->count, GRAIN, part, parts, &begin, &end);
    if (c->dy)
        kernels->leaky_backward(end - begin, c->x + begin, c->slope, c->dy + begin, c->y + begin);
    else
        kernels->leaky_forward(end - begin, c->x + begin, c->slope, c->y + begin);
}

void leaky_forward(struct pool *pool, size_t count, const float *x, float slope, float *y) {
    struct curve c = {.count = count, .x = x, .y = y, .slope = slope};
    pool_run(pool, parts_for(pool, count, LEAST_BACKWARD), leaky_part, &c);
}

void leaky_backward(struct pool *pool, size_t count, const float *x, float slope, const float *dy,
                    float *dx) {
    struct curve c = {.count = count, .x = x, .dy = dy, .y = dx, .slope = slope};
    pool_run(pool, parts_for(pool, count, LEAST_BACKWARD), leaky_part, &c);
}

void sigmoid_forward(struct pool *pool, size_t count, const float *x, float *y) {
    run(pool, &(struct curve){
                  .count = count, .x = x, .y = y, .forward = kernels_chosen()->sigmoid_forward});
}

void tanh_forward(struct pool *pool, size_t count, const float *x, float *y) {
    run(pool,
        &(struct curve){.count = count, .x = x, .y = y, .forward = kernels_chosen()->tanh_forward});
}

void sigmoid_backward(struct pool *pool, size_t count, const float *y, const float *dy, float *dx) {
    run(pool, &(struct curve){.count = count,
                              .x = y,
                              .dy = dy,
                              .y = dx,
                              .backward = kernels_chosen()->sigmoid_backward});
}

void tanh_backward(struct pool *pool, size_t count, const float *y, const float *dy, float *dx) {
    run(pool, &(struct curve){.count = count,
                              .x = y,
                              .dy = dy,
                              .y = dx,
                              .backward = kernels_chosen()->tanh_backward});
}
