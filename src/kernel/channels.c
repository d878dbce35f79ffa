/* Per-channel statistics and what BatchNormalization makes of them. */
#include "base/attr.h"
#include "kernel/internal.h"

enum { LEAST_ELEMENTS = 8192, MOST_PARTS = 16 };

struct channels_pass {
    const struct kernels *kernels;
    size_t rows, channels;
    const float *x, *mean, *factor, *shift, *by_mean, *by_x, *dy;
    float limit;
    struct extremes *extremes; /* one a part, or NULL */
    float *to, *dy_sums;
};

/* Returns into how many parts the work was cut. */
static int run(struct pool *pool, pool_task *task, struct channels_pass *pass) {
    int parts = parts_for(pool, pass->rows * pass->channels, LEAST_ELEMENTS);
    if (parts > MOST_PARTS) parts = MOST_PARTS;
    pass->kernels = kernels_chosen();
    pool_run(pool, parts, task, pass);
    return parts;
}

/* Channels, not rows, are shared out: a sum has one order. */
static void sums_part(void *context, int part, int parts) {
    const struct channels_pass *p = context;
    size_t begin, end;
    pool_share(p->channels, (size_t)p->kernels->lanes, part, parts, &begin, &end);
    p->kernels->channel_sums(p->rows, p->channels, begin, end, p->x, p->mean, p->dy, p->to,
                             p->dy_sums);
}

void channel_sums(struct pool *pool, size_t rows, size_t channels, const float *x,
                  const float *mean, const float *dy, float *sums) {
    struct channels_pass p = {
        .rows = rows, .channels = channels, .x = x, .mean = mean, .dy = dy, .to = sums};
    run(pool, sums_part, &p);
}

void channel_gradient_sums(struct pool *pool, size_t rows, size_t channels, const float *x,
                           const float *mean, const float *dy, float *sums, float *products) {
    struct channels_pass p = {.rows = rows,
                              .channels = channels,
                              .x = x,
                              .mean = mean,
                              .dy = dy,
                              .to = products,
                              .dy_sums = sums};
    run(pool, sums_part, &p);
}

void channel_moments(struct pool *pool, size_t rows, size_t channels, const float *x, float *mean,
                     float *variance) {
    channel_sums(pool, rows, channels, x, NULL, NULL, mean);
    for (size_t c = 0; c < channels; c++) mean[c] /= (float)rows;
    channel_sums(pool, rows, channels, x, mean, NULL, variance);
    for (size_t c = 0; c < channels; c++) variance[c] /= (float)rows;
}

static void normalize_part(void *context, int part, int parts) {
    struct channels_pass *p = context;
    size_t begin, end;
    pool_share(p->rows, 1, part, parts, &begin, &end);
    size_t at = begin * p->channels;
    struct extremes *extremes = p->extremes ? &p->extremes[part] : NULL;
    if (extremes) extremes_clear(extremes);
    p->kernels->channel_normalize(&(struct normalizing){.rows = end - begin,
                                                        .channels = p->channels,
                                                        .x = p->x + at,
                                                        .mean = p->mean,
                                                        .factor = p->factor,
                                                        .shift = p->shift,
                                                        .clips = extremes != NULL,
                                                        .limit = p->limit,
                                                        .y = p->to + at},
                                  extremes);
}

void channel_normalize(struct pool *pool, size_t rows, size_t channels, const float *x,
                       const float *mean, const float *factor, const float *shift, float *y) {
    struct channels_pass p = {.rows = rows,
                              .channels = channels,
                              .x = x,
                              .mean = mean,
                              .factor = factor,
                              .shift = shift,
                              .to = y};
    run(pool, normalize_part, &p);
}

void channel_normalize_clip(struct pool *pool, size_t rows, size_t channels, const float *x,
                            const float *mean, const float *factor, const float *shift, float limit,
                            float *y, float range[2]) {
    struct extremes extremes[MOST_PARTS];
    struct channels_pass p = {.rows = rows,
                              .channels = channels,
                              .x = x,
                              .mean = mean,
                              .factor = factor,
                              .shift = shift,
                              .limit = limit,
                              .extremes = extremes,
                              .to = y};
    extremes_range(extremes, run(pool, normalize_part, &p), range);
}

static void normalize_backward_part(void *context, int part, int parts) {
    const struct channels_pass *p = context;
    size_t begin, end;
    pool_share(p->rows, 1, part, parts, &begin, &end);
    size_t at = begin * p->channels;
    p->kernels->channel_normalize_backward(end - begin, p->channels, p->x + at, p->mean, p->factor,
                                           p->by_mean, p->by_x, p->dy + at, p->to + at);
}

void channel_normalize_backward(struct pool *pool, size_t rows, size_t channels, const float *x,
                                const float *mean, const float *factor, const float *by_mean,
                                const float *by_x, const float *dy, float *dx) {
    struct channels_pass p = {.rows = rows,
                              .channels = channels,
                              .x = x,
                              .mean = mean,
                              .factor = factor,
                              .by_mean = by_mean,
                              .by_x = by_x,
                              .dy = dy,
                              .to = dx};
    run(pool, normalize_backward_part, &p);
}

/* Rows are shared out as the optimizer, which has mostly just written them, shared out the weights:
 * each thread finds its own in its cache. */
struct magnitudes {
    const struct kernels *kernels;
    size_t rows, row, channels;
    const float *x;
    float largest[MOST_PARTS][MOST_MAGNITUDES];
};

static void magnitudes_part(void *context, int part, int parts) {
    struct magnitudes *m = context;
    size_t begin, end;
    pool_share(m->rows, 1, part, parts, &begin, &end);
    m->kernels->channel_magnitudes(end - begin, m->row, m->channels, m->x + begin * m->row,
                                   m->largest[part]);
}

void channel_magnitudes(struct pool *pool, size_t rows, size_t row, size_t channels, const float *x,
                        float *largest) {
    struct magnitudes m;
    qt_assert(channels <= MOST_MAGNITUDES);
    m.kernels = kernels_chosen();
    m.rows = rows;
    m.row = row;
    m.channels = channels;
    m.x = x;
    int parts = parts_for(pool, rows * channels, LEAST_ELEMENTS);
    if (parts > MOST_PARTS) parts = MOST_PARTS;
    pool_run(pool, parts, magnitudes_part, &m);
    for (size_t c = 0; c < channels; c++) {
        largest[c] = 0;
        for (int part = 0; part < parts; part++)
            if (m.largest[part][c] > largest[c]) largest[c] = m.largest[part][c];
    }
}
