#include "kernel/activation.h"

#include "kernel/list.h"

enum { GRAIN = 64, MIN_ELEMENTS = 8192, MIN_EXPONENTIALS = 1024 };

struct activation_pass {
    size_t count;
    const float *x, *dy;
    float *y;
    float slope; /* of leaky_... only */
    void (*forward)(size_t count, const float *x, float *y);
    void (*backward)(size_t count, const float *y, const float *dy, float *dx);
};

static void activation_part(void *context, int part, int parts) {
    const struct activation_pass *p = context;
    size_t begin, end;
    pool_share(p->count, GRAIN, part, parts, &begin, &end);
    if (p->forward)
        p->forward(end - begin, p->x + begin, p->y + begin);
    else
        p->backward(end - begin, p->x + begin, p->dy + begin, p->y + begin);
}

static void run(struct pool *pool, struct activation_pass pass) {
    size_t least = pass.forward ? MIN_EXPONENTIALS : MIN_ELEMENTS;
    pool_run(pool, pool_parts(pool, pass.count, least), activation_part, &pass);
}

static void leaky_part(void *context, int part, int parts) {
    const struct activation_pass *p = context;
    const struct kernels *kernels = kernels_chosen();
    size_t begin, end;
    pool_share(p->count, GRAIN, part, parts, &begin, &end);
    if (p->dy)
        kernels->leaky_backward(end - begin, p->x + begin, p->slope, p->dy + begin, p->y + begin);
    else
        kernels->leaky_forward(end - begin, p->x + begin, p->slope, p->y + begin);
}

void leaky_forward(struct pool *pool, size_t count, const float *x, float slope, float *y) {
    struct activation_pass p = {.count = count, .x = x, .y = y, .slope = slope};
    pool_run(pool, pool_parts(pool, count, MIN_ELEMENTS), leaky_part, &p);
}

void leaky_backward(struct pool *pool, size_t count, const float *x, float slope, const float *dy,
                    float *dx) {
    struct activation_pass p = {.count = count, .x = x, .dy = dy, .y = dx, .slope = slope};
    pool_run(pool, pool_parts(pool, count, MIN_ELEMENTS), leaky_part, &p);
}

void sigmoid_forward(struct pool *pool, size_t count, const float *x, float *y) {
    run(pool, (struct activation_pass){
                  .count = count, .x = x, .y = y, .forward = kernels_chosen()->sigmoid_forward});
}

void tanh_forward(struct pool *pool, size_t count, const float *x, float *y) {
    run(pool, (struct activation_pass){
                  .count = count, .x = x, .y = y, .forward = kernels_chosen()->tanh_forward});
}

void sigmoid_backward(struct pool *pool, size_t count, const float *y, const float *dy, float *dx) {
    run(pool, (struct activation_pass){.count = count,
                                       .x = y,
                                       .dy = dy,
                                       .y = dx,
                                       .backward = kernels_chosen()->sigmoid_backward});
}

void tanh_backward(struct pool *pool, size_t count, const float *y, const float *dy, float *dx) {
    run(pool, (struct activation_pass){.count = count,
                                       .x = y,
                                       .dy = dy,
                                       .y = dx,
                                       .backward = kernels_chosen()->tanh_backward});
}
