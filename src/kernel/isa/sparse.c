#include "kernel/isa/level.h"

void ISA(terms_collect)(size_t count, const float *x, struct nonzeros *terms) {
    for (size_t first = 0; first < count; first += 64) {
        size_t end = count - first < 64 ? count - first : 64;
        uint64_t others = 0;
        for (size_t i = 0; i < end; i += V_LANES)
            others |= (uint64_t)v_nonzero_bits(load_count(x + first + i, end - i)) << i;
        for (; others; others &= others - 1) {
            int at = (int)first + __builtin_ctzll(others);
            *terms->value++ = x[at];
            *terms->at++ = at;
        }
    }
}

/* The sums that one source pixel takes part in stay in registers while the window moves to the
 * left. */
ALWAYS_INLINE void row(const struct sparse_row *r, const int window, const int vectors) {
    const ptrdiff_t width = vectors * V_LANES;
    vfloat sum[SPARSE_WINDOW][SPARSE_VECTORS];
    int pixel = r->pixels - 1;
    float *c = r->sums + pixel * width;
    UNROLL
    for (int i = 0; i < window; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++) sum[i][j] = v_load(c + i * width + j * V_LANES);
    }
    for (;;) {
        for (int k = r->start[pixel]; k < r->start[pixel + 1]; k++) {
            const float *b = r->b + r->terms.at[k] * (ptrdiff_t)window * width;
            vfloat left = v_set(r->terms.value[k]);
            UNROLL
            for (int i = 0; i < window; i++) {
                UNROLL
                for (int j = 0; j < vectors; j++)
                    sum[i][j] = v_fma(left, v_load(b + i * width + j * V_LANES), sum[i][j]);
            }
        }
        UNROLL
        for (int j = 0; j < vectors; j++)
            v_store(c + (window - 1) * width + j * V_LANES, sum[window - 1][j]);
        if (pixel-- == 0) break;
        c -= width;
        UNROLL
        for (int i = window - 1; i > 0; i--) {
            UNROLL
            for (int j = 0; j < vectors; j++) sum[i][j] = sum[i - 1][j];
        }
        UNROLL
        for (int j = 0; j < vectors; j++) sum[0][j] = v_load(c + j * V_LANES);
    }
    UNROLL
    for (int i = 0; i < window - 1; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++) v_store(c + i * width + j * V_LANES, sum[i][j]);
    }
}

#define ROW(window, vectors)                                                                       \
    static void row_##window##_##vectors(const struct sparse_row *r) {                             \
        row(r, window, vectors);                                                                   \
    }
ROW(3, 1)
ROW(3, 2)
ROW(3, 4)
ROW(5, 1)
ROW(5, 2)

void ISA(sparse_row)(const struct sparse_row *r) {
    if (r->window == 3)
        (r->width == V_LANES ? row_3_1 : r->width == 2 * V_LANES ? row_3_2 : row_3_4)(r);
    else
        (r->width == V_LANES ? row_5_1 : row_5_2)(r);
}

ALWAYS_INLINE void sums(const struct sparse_sums *s, size_t first, const int vectors) {
    vfloat sum[SPARSE_ACCUMULATORS];
    float *c = s->sums + first;
    const float *a = s->a + first;
    UNROLL
    for (int j = 0; j < vectors; j++) sum[j] = v_load(c + j * V_LANES);
    for (int k = 0; k < s->count; k++) {
        const float *from = a + s->terms.at[k];
        vfloat left = v_set(s->terms.value[k]);
        UNROLL
        for (int j = 0; j < vectors; j++) sum[j] = v_fma(left, v_load(from + j * V_LANES), sum[j]);
    }
    UNROLL
    for (int j = 0; j < vectors; j++) v_store(c + j * V_LANES, sum[j]);
}

void ISA(sparse_sums)(const struct sparse_sums *s) {
    size_t at = 0;
    for (; at + 12 * V_LANES <= s->width; at += 12 * V_LANES) sums(s, at, 12);
    for (; at + 6 * V_LANES <= s->width; at += 6 * V_LANES) sums(s, at, 6);
    for (; at + 3 * V_LANES <= s->width; at += 3 * V_LANES) sums(s, at, 3);
    for (; at < s->width; at += V_LANES) sums(s, at, 1);
}
