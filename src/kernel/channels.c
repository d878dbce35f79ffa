/* Per-channel statistics and the normalization of BatchNormalization. */
#include "base/attr.h"
#include "kernel/list.h"

enum { MIN_ELEMENTS = 8192, MAX_PARTS = 16 };

struct channels_pass {
    const struct kernels *kernels;
    const struct channel_sums *sums;
    const struct channel_normalize *normalize;
    const struct channel_normalize_backward *backward;
    struct extremes *extremes; /* one per part, or NULL */
};

/* Returns the number of parts. */
static int run(struct pool *pool, pool_task *task, struct channels_pass *pass, size_t elements) {
    int parts = pool_parts(pool, elements, MIN_ELEMENTS);
    if (parts > MAX_PARTS) parts = MAX_PARTS;
    pass->kernels = kernels_chosen();
    pool_run(pool, parts, task, pass);
    return parts;
}

/* Channels, not rows, are divided among the threads: a sum has one order. */
static void sums_part(void *context, int part, int parts) {
    const struct channels_pass *p = context;
    size_t begin, end;
    pool_share(p->sums->channels, (size_t)p->kernels->lanes, part, parts, &begin, &end);
    p->kernels->channel_sums(p->sums, begin, end);
}

void channel_sums(struct pool *pool, const struct channel_sums *s) {
    run(pool, sums_part, &(struct channels_pass){.sums = s}, s->rows * s->channels);
}

void channel_moments(struct pool *pool, size_t rows, size_t channels, const float *x, float *mean,
                     float *variance) {
    struct channel_sums sums = {.rows = rows, .channels = channels, .x = x, .sums = mean};
    channel_sums(pool, &sums);
    for (size_t c = 0; c < channels; c++) mean[c] /= (float)rows;
    sums.mean = mean;
    sums.sums = variance;
    channel_sums(pool, &sums);
    for (size_t c = 0; c < channels; c++) variance[c] /= (float)rows;
}

static void normalize_part(void *context, int part, int parts) {
    const struct channels_pass *p = context;
    struct channel_normalize rows = *p->normalize;
    struct extremes *extremes = p->extremes ? &p->extremes[part] : NULL;
    size_t begin, end;
    pool_share(rows.rows, 1, part, parts, &begin, &end);
    rows.rows = end - begin;
    rows.x += begin * rows.channels;
    rows.y += begin * rows.channels;
    if (extremes) extremes_clear(extremes);
    p->kernels->channel_normalize(&rows, extremes);
}

void channel_normalize(struct pool *pool, const struct channel_normalize *n) {
    struct extremes extremes[MAX_PARTS];
    struct channels_pass p = {.normalize = n, .extremes = n->clips ? extremes : NULL};
    int parts = run(pool, normalize_part, &p, n->rows * n->channels);
    if (n->clips) extremes_range(extremes, parts, n->range);
}

static void normalize_backward_part(void *context, int part, int parts) {
    const struct channels_pass *p = context;
    struct channel_normalize_backward rows = *p->backward;
    size_t begin, end;
    pool_share(rows.rows, 1, part, parts, &begin, &end);
    rows.rows = end - begin;
    rows.x += begin * rows.channels;
    rows.dy += begin * rows.channels;
    rows.dx += begin * rows.channels;
    p->kernels->channel_normalize_backward(&rows);
}

void channel_normalize_backward(struct pool *pool, const struct channel_normalize_backward *b) {
    run(pool, normalize_backward_part, &(struct channels_pass){.backward = b},
        b->rows * b->channels);
}

/* Rows are divided among the threads as the optimizer, which has usually just written the weights,
 * divided them: each thread finds its own in its cache. */
struct magnitudes {
    const struct kernels *kernels;
    size_t rows, row, channels;
    const float *x;
    float largest[MAX_PARTS][MAX_MAGNITUDES];
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
    qt_assert(channels <= MAX_MAGNITUDES);
    m.kernels = kernels_chosen();
    m.rows = rows;
    m.row = row;
    m.channels = channels;
    m.x = x;
    int parts = pool_parts(pool, rows * channels, MIN_ELEMENTS);
    if (parts > MAX_PARTS) parts = MAX_PARTS;
    pool_run(pool, parts, magnitudes_part, &m);
    for (size_t c = 0; c < channels; c++) {
        largest[c] = 0;
        for (int part = 0; part < parts; part++)
            if (m.largest[part][c] > largest[c]) largest[c] = m.largest[part][c];
    }
}
