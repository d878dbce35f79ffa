#include "kernel/isa/level.h"

/* What is summed: x, (x - mean)^2, or dy and (x - mean) * dy. */
enum terms { TERMS_VALUES, TERMS_SQUARES, TERMS_PRODUCTS };

/* Adjacent vectors of channels, so that whole cache lines are read once; several blocks of rows at
 * a time, so that one chain fills the latency of another. */
enum { VECTORS = 2, BLOCKS = 2 };

/* Vectors of `count` channels each, and the sums of a block or two; dy only of TERMS_PRODUCTS. */
struct block_sums {
    size_t count;
    vfloat mean[VECTORS];
    vfloat sum[BLOCKS][VECTORS], dy[BLOCKS][VECTORS];
};

/* `rows` rows from `row` on and, with two blocks, as many from row + CHANNEL_BLOCK on. */
ALWAYS_INLINE void sum_block(const struct channel_sums *s, size_t row, size_t rows,
                             const int blocks, const int vectors, const enum terms terms,
                             struct block_sums *b) {
    vfloat sum[BLOCKS][VECTORS], sum_dy[BLOCKS][VECTORS];
    UNROLL
    for (int k = 0; k < blocks; k++) {
        UNROLL
        for (int j = 0; j < vectors; j++) sum[k][j] = sum_dy[k][j] = v_set(0);
    }
    for (size_t r = 0, i = row * s->channels; r < rows; r++, i += s->channels) {
        UNROLL
        for (int k = 0; k < blocks; k++) {
            UNROLL
            for (int j = 0; j < vectors; j++) {
                size_t at = i + (size_t)k * CHANNEL_BLOCK * s->channels + (size_t)j * V_LANES;
                vfloat v = load_count(s->x + at, b->count);
                if (terms == TERMS_VALUES) {
                    sum[k][j] += v;
                    continue;
                }
                v -= b->mean[j];
                vfloat factor = terms == TERMS_SQUARES ? v : load_count(s->dy + at, b->count);
                sum[k][j] = v_fma(v, factor, sum[k][j]);
                if (terms == TERMS_PRODUCTS) sum_dy[k][j] += factor;
            }
        }
    }
    UNROLL
    for (int k = 0; k < blocks; k++) {
        UNROLL
        for (int j = 0; j < vectors; j++) {
            b->sum[k][j] = sum[k][j];
            b->dy[k][j] = sum_dy[k][j];
        }
    }
}

ALWAYS_INLINE void sum_vectors(const struct channel_sums *s, const int vectors, size_t count,
                               const enum terms terms) {
    vfloat sum[VECTORS], dy[VECTORS];
    struct block_sums b = {.count = count};
    UNROLL
    for (int j = 0; j < vectors; j++) {
        b.mean[j] = s->mean ? load_count(s->mean + j * V_LANES, count) : v_set(0);
        sum[j] = dy[j] = v_set(0);
    }
    for (size_t row = 0; row < s->rows;) {
        size_t rest = s->rows - row;
        int blocks = rest >= BLOCKS * CHANNEL_BLOCK ? BLOCKS : 1;
        size_t rows = rest < CHANNEL_BLOCK ? rest : CHANNEL_BLOCK;
        if (blocks == BLOCKS)
            sum_block(s, row, CHANNEL_BLOCK, BLOCKS, vectors, terms, &b);
        else
            sum_block(s, row, rows, 1, vectors, terms, &b);
        for (int k = 0; k < blocks; k++) {
            UNROLL
            for (int j = 0; j < vectors; j++) {
                sum[j] += b.sum[k][j];
                dy[j] += b.dy[k][j];
            }
        }
        row += (size_t)blocks * rows;
    }
    UNROLL
    for (int j = 0; j < vectors; j++) {
        store_count(s->sums + j * V_LANES, terms == TERMS_PRODUCTS ? dy[j] : sum[j], count);
        if (terms == TERMS_PRODUCTS) store_count(s->products + j * V_LANES, sum[j], count);
    }
}

ALWAYS_INLINE void sum_channels(const struct channel_sums *all, size_t begin, size_t end,
                                const enum terms terms) {
    for (size_t c = begin; c < end;) {
        const struct channel_sums s = {
            .rows = all->rows,
            .channels = all->channels,
            .x = all->x + c,
            .mean = all->mean ? all->mean + c : NULL,
            .dy = all->dy ? all->dy + c : NULL,
            .sums = all->sums + c,
            .products = all->products ? all->products + c : NULL,
        };
        size_t rest = end - c;
        if (rest >= (size_t)VECTORS * V_LANES) {
            sum_vectors(&s, VECTORS, V_LANES, terms);
            c += (size_t)VECTORS * V_LANES;
        } else {
            sum_vectors(&s, 1, rest < V_LANES ? rest : V_LANES, terms);
            c += V_LANES;
        }
    }
}

void ISA(channel_sums)(const struct channel_sums *s, size_t begin, size_t end) {
    if (!s->mean)
        sum_channels(s, begin, end, TERMS_VALUES);
    else if (!s->dy)
        sum_channels(s, begin, end, TERMS_SQUARES);
    else
        sum_channels(s, begin, end, TERMS_PRODUCTS);
}

/* Running extremes of one vector, and where a NaN was seen. */
struct noted {
    vfloat min, max;
    vmask nan;
};

ALWAYS_INLINE void normalize(const struct channel_normalize *n, size_t c, const int vectors,
                             size_t count, const bool clips, struct noted *noted) {
    vfloat mean[VECTORS], factor[VECTORS], shift[VECTORS];
    const vfloat limit = v_set(n->limit);
    const vmask valid = v_less(lane_numbers(), v_set((float)count));
    struct noted seen = *noted;
    UNROLL
    for (int j = 0; j < vectors; j++) {
        mean[j] = load_count(n->mean + c + j * V_LANES, count);
        factor[j] = load_count(n->factor + c + j * V_LANES, count);
        shift[j] = load_count(n->shift + c + j * V_LANES, count);
    }
    for (size_t r = 0, i = c; r < n->rows; r++, i += n->channels) {
        UNROLL
        for (int j = 0; j < vectors; j++) {
            size_t at = i + (size_t)j * V_LANES;
            vfloat y = v_fma(load_count(n->x + at, count) - mean[j], factor[j], shift[j]);
            if (clips) {
                y = v_min(limit, v_max(v_set(0), y));
                /* The first lane stands in for lanes without a channel. */
                vfloat v = count < V_LANES ? v_select(valid, y, v_set(y[0])) : y;
                seen.min = v_min(v, seen.min);
                seen.max = v_max(v, seen.max);
                seen.nan = m_or(seen.nan, v_unordered(v, v));
            }
            store_count(n->y + at, y, count);
        }
    }
    *noted = seen;
}

ALWAYS_INLINE void normalize_all(const struct channel_normalize *n, const bool clips,
                                 struct noted *noted) {
    for (size_t c = 0; c < n->channels;) {
        size_t rest = n->channels - c;
        if (rest >= (size_t)VECTORS * V_LANES) {
            normalize(n, c, VECTORS, V_LANES, clips, noted);
            c += (size_t)VECTORS * V_LANES;
        } else {
            normalize(n, c, 1, rest < V_LANES ? rest : V_LANES, clips, noted);
            c += V_LANES;
        }
    }
}

void ISA(channel_normalize)(const struct channel_normalize *n, struct extremes *e) {
    struct noted noted = {v_set(INFINITY), v_set(-INFINITY), m_none()};
    if (!n->clips) {
        normalize_all(n, false, &noted);
        return;
    }
    normalize_all(n, true, &noted);
    v_store(e->min, v_min(noted.min, v_load(e->min)));
    v_store(e->max, v_max(noted.max, v_load(e->max)));
    if (m_any(noted.nan)) v_store(e->nan, v_set(NAN));
}

/* Some vectors of channels from c on, of `count` channels each. */
ALWAYS_INLINE void normalize_gradient(const struct channel_normalize_backward *g, size_t c,
                                      const int vectors, size_t count) {
    vfloat m[VECTORS], f[VECTORS], a[VECTORS], b[VECTORS];
    UNROLL
    for (int j = 0; j < vectors; j++) {
        m[j] = load_count(g->mean + c + j * V_LANES, count);
        f[j] = load_count(g->factor + c + j * V_LANES, count);
        a[j] = load_count(g->dy_mean + c + j * V_LANES, count);
        b[j] = load_count(g->dy_slope + c + j * V_LANES, count);
    }
    for (size_t r = 0, i = c; r < g->rows; r++, i += g->channels) {
        UNROLL
        for (int j = 0; j < vectors; j++) {
            size_t at = i + (size_t)j * V_LANES;
            vfloat v = m[j] - load_count(g->x + at, count), dy = load_count(g->dy + at, count);
            store_count(g->dx + at, v_fma(v, b[j], dy - a[j]) * f[j], count);
        }
    }
}

void ISA(channel_normalize_backward)(const struct channel_normalize_backward *b) {
    const struct channel_normalize_backward g = *b;
    for (size_t c = 0; c < g.channels;) {
        size_t rest = g.channels - c, count = rest < V_LANES ? rest : V_LANES;
        if (rest >= (size_t)VECTORS * V_LANES) {
            normalize_gradient(&g, c, VECTORS, V_LANES);
            c += (size_t)VECTORS * V_LANES;
        } else {
            normalize_gradient(&g, c, 1, count);
            c += V_LANES;
        }
    }
}

enum { MAXIMA = 4 };

ALWAYS_INLINE void magnitudes(size_t rows, size_t row, size_t count, const float *x, float *largest,
                              const int vectors) {
    vfloat found[MAXIMA];
    UNROLL
    for (int j = 0; j < vectors; j++) found[j] = v_set(0);
    for (size_t r = 0; r < rows; r++, x += row) {
        UNROLL
        for (int j = 0; j < vectors; j++)
            found[j] = v_max(v_abs(load_count(x + j * V_LANES, count)), found[j]);
    }
    UNROLL
    for (int j = 0; j < vectors; j++) store_count(largest + j * V_LANES, found[j], count);
}

void ISA(channel_magnitudes)(size_t rows, size_t row, size_t channels, const float *x,
                             float *largest) {
    size_t c = 0;
    for (; c + MAXIMA * V_LANES <= channels; c += MAXIMA * V_LANES)
        magnitudes(rows, row, V_LANES, x + c, largest + c, MAXIMA);
    for (; c < channels; c += V_LANES) magnitudes(rows, row, channels - c, x + c, largest + c, 1);
}
