#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "kernel/kernel.h"

#include <math.h>

#include "kernel/list.h"

const struct kernels *kernels_chosen(void) {
    static const struct kernels *const levels[ISA_LEVELS] = {
        [ISA_BASELINE] = &kernels_baseline,
#ifdef HAVE_AVX2
        [ISA_AVX2] = &kernels_avx2,
#endif
#ifdef HAVE_AVX512
        [ISA_AVX512] = &kernels_avx512,
#endif
    };
    return levels[cpu_isa()];
}

void extremes_clear(struct extremes *e) {
    for (int i = 0; i < MAX_LANES; i++) {
        e->min[i] = INFINITY;
        e->max[i] = -INFINITY;
        e->nan[i] = 0;
    }
}

/* Adding 0 turns -0 into 0. */
void extremes_range(const struct extremes *e, int count, float range[2]) {
    float min = INFINITY, max = -INFINITY;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < MAX_LANES; j++) {
            if (isnan(e[i].nan[j])) {
                range[0] = range[1] = e[i].nan[j];
                return;
            }
            if (e[i].min[j] < min) min = e[i].min[j];
            if (e[i].max[j] > max) max = e[i].max[j];
        }
    }
    range[0] = min + 0.0f;
    range[1] = max + 0.0f;
}

/* Elementwise work is cut into pieces of whole cache lines; below this many elements a second
 * thread costs more than it saves. */
enum { GRAIN = 64, MIN_ELEMENTS = 8192, MAX_RANGES = 16, PIECE = 2048 };

/* Arguments of an elementwise kernel; each uses its own subset. */
struct elementwise {
    size_t count, channels;
    const float *x, *dy;
    const struct fake_quant *by;
    const struct adam *adam;
    const struct dropout *dropout;
    bool relu;
    float limit;
    float *y, *m, *v;
    bool wants_range;
    struct extremes extremes[MAX_RANGES];
};

/* Offsets, not pointers: NULL plus an offset would be undefined. */
static void share_of(const struct elementwise *e, int part, int parts, size_t *begin,
                     size_t *count) {
    size_t end;
    pool_share(e->count, GRAIN, part, parts, begin, &end);
    *count = end - *begin;
}

static void run_elementwise(struct pool *pool, pool_task *task, struct elementwise *e) {
    size_t elements = e->count * (e->channels ? e->channels : 1);
    pool_run(pool, pool_parts(pool, elements, MIN_ELEMENTS), task, e);
}

static void extremes_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    extremes_clear(&e->extremes[part]);
    kernels_chosen()->extremes(count, e->x + begin, &e->extremes[part]);
}

/* At most as many parts as there are extremes. */
static int range_parts(const struct pool *pool, size_t count) {
    int parts = pool_parts(pool, count, MIN_ELEMENTS);
    return parts < MAX_RANGES ? parts : MAX_RANGES;
}

void min_max(struct pool *pool, size_t count, const float *x, float *min, float *max) {
    struct elementwise e = {.count = count, .x = x};
    int parts = range_parts(pool, count);
    pool_run(pool, parts, extremes_part, &e);
    float range[2];
    extremes_range(e.extremes, parts, range);
    *min = range[0];
    *max = range[1];
}

static void fake_quant_tensor_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->fake_quant_tensor(count, e->x + begin, e->by, e->y + begin);
}

void fake_quant_tensor(struct pool *pool, size_t count, const float *x, const struct fake_quant *by,
                       float *y) {
    struct elementwise e = {.count = count, .x = x, .by = by, .y = y};
    run_elementwise(pool, fake_quant_tensor_part, &e);
}

static void fake_quant_tensor_backward_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->fake_quant_tensor_backward(count, e->x + begin, e->by, e->relu, e->dy + begin,
                                                 e->y + begin);
}

void fake_quant_tensor_backward(struct pool *pool, size_t count, const float *x,
                                const struct fake_quant *by, bool relu, const float *dy,
                                float *dx) {
    struct elementwise e = {.count = count, .x = x, .by = by, .relu = relu, .dy = dy, .y = dx};
    run_elementwise(pool, fake_quant_tensor_backward_part, &e);
}

/* Here `count` counts rows. */
static void fake_quant_channels_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, end;
    pool_share(e->count, 1, part, parts, &begin, &end);
    size_t at = begin * e->channels;
    kernels_chosen()->fake_quant_channels(end - begin, e->channels, e->x + at, e->by, e->y + at);
}

void fake_quant_channels(struct pool *pool, size_t rows, size_t channels, const float *x,
                         const struct fake_quant *by, float *y) {
    struct elementwise e = {.count = rows, .channels = channels, .x = x, .by = by, .y = y};
    run_elementwise(pool, fake_quant_channels_part, &e);
}

static void fake_quant_channels_backward_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, end;
    pool_share(e->count, 1, part, parts, &begin, &end);
    size_t at = begin * e->channels;
    kernels_chosen()->fake_quant_channels_backward(end - begin, e->channels, e->x + at, e->by,
                                                   e->dy + at, e->y + at);
}

void fake_quant_channels_backward(struct pool *pool, size_t rows, size_t channels, const float *x,
                                  const struct fake_quant *by, const float *dy, float *dx) {
    struct elementwise e = {
        .count = rows, .channels = channels, .x = x, .by = by, .dy = dy, .y = dx};
    run_elementwise(pool, fake_quant_channels_backward_part, &e);
}

/* In pieces, so that the sums are still in the first-level cache when their range is taken. */
static void add_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    const struct kernels *kernels = kernels_chosen();
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    if (e->wants_range) extremes_clear(&e->extremes[part]);
    for (size_t end = begin + count; begin < end; begin += count) {
        count = end - begin < PIECE ? end - begin : PIECE;
        kernels->add_tensors(count, e->x + begin, e->dy + begin, e->y + begin);
        if (e->wants_range) kernels->extremes(count, e->y + begin, &e->extremes[part]);
    }
}

void add_tensors(struct pool *pool, size_t count, const float *a, const float *b, float *y,
                 float range[2]) {
    struct elementwise e = {.count = count, .x = a, .dy = b, .y = y, .wants_range = range != NULL};
    int parts = range_parts(pool, count);
    pool_run(pool, parts, add_part, &e);
    if (range) extremes_range(e.extremes, parts, range);
}

static void relu_forward_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->relu_forward(count, e->x + begin, e->y + begin);
}

void relu_forward(struct pool *pool, size_t count, const float *x, float *y) {
    struct elementwise e = {.count = count, .x = x, .y = y};
    run_elementwise(pool, relu_forward_part, &e);
}

static void relu_backward_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->relu_backward(count, e->x + begin, e->dy + begin, e->y + begin);
}

void relu_backward(struct pool *pool, size_t count, const float *x, const float *dy, float *dx) {
    struct elementwise e = {.count = count, .x = x, .dy = dy, .y = dx};
    run_elementwise(pool, relu_backward_part, &e);
}

static void clip_forward_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->clip_forward(count, e->x + begin, e->limit, e->y + begin);
}

void clip_forward(struct pool *pool, size_t count, const float *x, float limit, float *y) {
    struct elementwise e = {.count = count, .x = x, .limit = limit, .y = y};
    run_elementwise(pool, clip_forward_part, &e);
}

static void clip_backward_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->clip_backward(count, e->x + begin, e->limit, e->dy + begin, e->y + begin);
}

void clip_backward(struct pool *pool, size_t count, const float *x, float limit, const float *dy,
                   float *dx) {
    struct elementwise e = {.count = count, .x = x, .limit = limit, .dy = dy, .y = dx};
    run_elementwise(pool, clip_backward_part, &e);
}

static void adam_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->adam_update(count, e->adam, e->x + begin, e->m + begin, e->v + begin,
                                  e->y + begin);
}

void adam_update(struct pool *pool, size_t count, const struct adam *by, const float *gradient,
                 float *m, float *v, float *weights) {
    struct elementwise e = {
        .count = count, .x = gradient, .adam = by, .m = m, .v = v, .y = weights};
    run_elementwise(pool, adam_part, &e);
}

static void dropout_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->dropout_factors(e->dropout, begin, begin + count, e->m);
    kernels_chosen()->dropout_multiply(count, e->x + begin, e->m + begin, e->y + begin);
}

void dropout_forward(struct pool *pool, size_t count, const struct dropout *by, const float *x,
                     float *factors, float *y) {
    struct elementwise e = {.count = count, .x = x, .dropout = by, .m = factors, .y = y};
    run_elementwise(pool, dropout_part, &e);
}

static void dropout_multiply_part(void *context, int part, int parts) {
    struct elementwise *e = context;
    size_t begin, count;
    share_of(e, part, parts, &begin, &count);
    kernels_chosen()->dropout_multiply(count, e->x + begin, e->dy + begin, e->y + begin);
}

void dropout_multiply(struct pool *pool, size_t count, const float *x, const float *by, float *y) {
    struct elementwise e = {.count = count, .x = x, .dy = by, .y = y};
    run_elementwise(pool, dropout_multiply_part, &e);
}

void pixels_to_float(size_t count, const unsigned char *pixels, float *x) {
    kernels_chosen()->pixels_to_float(count, pixels, x);
}

/* Columns, not rows, are divided among the threads: a sum is one chain. */
static void column_sums_part(void *context, int part, int parts) {
    const struct elementwise *e = context;
    size_t begin, end;
    pool_share(e->channels, (size_t)kernels_chosen()->lanes, part, parts, &begin, &end);
    if (begin < end) kernels_chosen()->column_sums(e->count, e->channels, begin, end, e->dy, e->y);
}

void column_sums(struct pool *pool, size_t rows, size_t columns, const float *dy, float *dbias) {
    struct elementwise e = {.count = rows, .channels = columns, .dy = dy, .y = dbias};
    run_elementwise(pool, column_sums_part, &e);
}
