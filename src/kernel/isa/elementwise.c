#include "kernel/isa/level.h"

void ISA(add_tensors)(size_t count, const float *a, const float *b, float *y) {
    size_t i = 0;
    for (; i + V_LANES <= count; i += V_LANES) v_store(y + i, v_load(a + i) + v_load(b + i));
    size_t rest = count - i;
    if (rest) v_store_part(y + i, v_load_part(a + i, rest) + v_load_part(b + i, rest), rest);
}

void ISA(relu_forward)(size_t count, const float *x, float *y) {
    size_t i = 0;
    for (; i + V_LANES <= count; i += V_LANES) v_store(y + i, v_max(v_set(0), v_load(x + i)));
    if (i < count) v_store_part(y + i, v_max(v_set(0), v_load_part(x + i, count - i)), count - i);
}

ALWAYS_INLINE vfloat relu_gradient(vfloat x, vfloat dy) {
    return v_select(v_less_equal(x, v_set(0)), v_set(0), dy);
}

void ISA(relu_backward)(size_t count, const float *x, const float *dy, float *dx) {
    size_t i = 0;
    for (; i + V_LANES <= count; i += V_LANES)
        v_store(dx + i, relu_gradient(v_load(x + i), v_load(dy + i)));
    size_t rest = count - i;
    if (rest)
        v_store_part(dx + i, relu_gradient(v_load_part(x + i, rest), v_load_part(dy + i, rest)),
                     rest);
}

/* NaN passes both comparisons. */
ALWAYS_INLINE vfloat clipped(vfloat x, vfloat limit) {
    return v_min(limit, v_max(v_set(0), x));
}

void ISA(clip_forward)(size_t count, const float *x, float limit, float *y) {
    for (size_t i = 0; i < count; i += V_LANES)
        store_count(y + i, clipped(load_count(x + i, count - i), v_set(limit)), count - i);
}

void ISA(clip_backward)(size_t count, const float *x, float limit, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i += V_LANES) {
        vfloat v = load_count(x + i, count - i), none = v_set(0);
        vmask cut = m_or(v_less_equal(v, none), v_less_equal(v_set(limit), v));
        store_count(dx + i, v_select(cut, none, load_count(dy + i, count - i)), count - i);
    }
}

struct adam_lanes {
    vfloat alpha, one_minus_beta1, one_minus_beta2, epsilon;
};

ALWAYS_INLINE void adam_lanes(const struct adam_lanes *by, vfloat g, vfloat *m, vfloat *v,
                              vfloat *w) {
    *m += (g - *m) * by->one_minus_beta1;
    *v += (g * g - *v) * by->one_minus_beta2;
    *w -= (*m * by->alpha) / (v_sqrt(*v) + by->epsilon);
}

void ISA(adam_update)(size_t count, const struct adam *by, const float *gradient, float *m,
                      float *v, float *weights) {
    const struct adam_lanes lanes = {v_set(by->alpha), v_set(by->one_minus_beta1),
                                     v_set(by->one_minus_beta2), v_set(by->epsilon)};
    size_t i = 0;
    for (; i + V_LANES <= count; i += V_LANES) {
        vfloat m_lanes = v_load(m + i), v_lanes = v_load(v + i), w_lanes = v_load(weights + i);
        adam_lanes(&lanes, v_load(gradient + i), &m_lanes, &v_lanes, &w_lanes);
        v_store(m + i, m_lanes);
        v_store(v + i, v_lanes);
        v_store(weights + i, w_lanes);
    }
    size_t rest = count - i;
    if (!rest) return;
    vfloat m_lanes = v_load_part(m + i, rest), v_lanes = v_load_part(v + i, rest);
    vfloat w_lanes = v_load_part(weights + i, rest);
    adam_lanes(&lanes, v_load_part(gradient + i, rest), &m_lanes, &v_lanes, &w_lanes);
    v_store_part(m + i, m_lanes, rest);
    v_store_part(v + i, v_lanes, rest);
    v_store_part(weights + i, w_lanes, rest);
}

void ISA(pixels_to_float)(size_t count, const unsigned char *pixels, float *x) {
    size_t i = 0;
    for (; i + V_LANES <= count; i += V_LANES)
        v_store(x + i, v_load_bytes(pixels + i) / v_set(255));
    for (; i < count; i++) x[i] = (float)pixels[i] / 255.0f;
}

/* Several sums at once, because each is a chain of dependent additions. */
enum { SUMS = 4 };

ALWAYS_INLINE void sum_columns(size_t rows, size_t columns, const float *dy, float *dbias,
                               const int vectors) {
    vfloat sum[SUMS];
    UNROLL
    for (int j = 0; j < vectors; j++) sum[j] = v_set(0);
    for (size_t r = 0; r < rows; r++, dy += columns) {
        UNROLL
        for (int j = 0; j < vectors; j++) sum[j] += v_load(dy + j * V_LANES);
    }
    UNROLL
    for (int j = 0; j < vectors; j++) v_store(dbias + j * V_LANES, sum[j]);
}

void ISA(column_sums)(size_t rows, size_t columns, size_t begin, size_t end, const float *dy,
                      float *dbias) {
    size_t c = begin;
    for (; c + SUMS * V_LANES <= end; c += SUMS * V_LANES)
        sum_columns(rows, columns, dy + c, dbias + c, SUMS);
    for (; c + 2 * V_LANES <= end; c += 2 * V_LANES)
        sum_columns(rows, columns, dy + c, dbias + c, 2);
    for (; c + V_LANES <= end; c += V_LANES) sum_columns(rows, columns, dy + c, dbias + c, 1);
    if (c == end) return;
    vfloat sum = v_set(0);
    for (size_t r = 0; r < rows; r++) sum += v_load_part(dy + r * columns + c, end - c);
    v_store_part(dbias + c, sum, end - c);
}

void ISA(extremes)(size_t count, const float *x, struct extremes *e) {
    vfloat min[SUMS], max[SUMS], nan = v_load(e->nan);
    const vfloat poison = v_set(NAN);
    UNROLL
    for (int j = 0; j < SUMS; j++) {
        min[j] = v_load(e->min);
        max[j] = v_load(e->max);
    }
    size_t i = 0;
    for (; i + SUMS * V_LANES <= count; i += SUMS * V_LANES) {
        vfloat v[SUMS];
        UNROLL
        for (int j = 0; j < SUMS; j++) {
            v[j] = v_load(x + i + (size_t)j * V_LANES);
            min[j] = v_min(v[j], min[j]);
            max[j] = v_max(v[j], max[j]);
        }
        vmask any = m_or(v_unordered(v[0], v[1]), v_unordered(v[2], v[3]));
        nan = v_select(any, poison, nan);
    }
    for (; i < count; i += V_LANES) {
        float lanes[V_LANES];
        for (size_t j = 0; j < V_LANES; j++) lanes[j] = x[i + j < count ? i + j : i];
        vfloat v = v_load(lanes);
        min[0] = v_min(v, min[0]);
        max[0] = v_max(v, max[0]);
        nan = v_select(v_unordered(v, v), poison, nan);
    }
    v_store(e->min, v_min(v_min(min[0], min[1]), v_min(min[2], min[3])));
    v_store(e->max, v_max(v_max(max[0], max[1]), v_max(max[2], max[3])));
    v_store(e->nan, nan);
}
