/* quantizer: fake quantization of a vector, and where its gradient passes. */
#ifndef KERNEL_ISA_QUANTIZER_H
#define KERNEL_ISA_QUANTIZER_H

#include "kernel/isa/level.h"

struct quantizer {
    vfloat low, high, scale, zero, inverse, offset;
    vfloat round, most, margin;
    bool is_zero, divide;
};

#define QUANTIZER_MARGIN (1.0f / 2048)

/* Division takes several times as long as everything else, and keeping the definition's order of
 * additions costs as much again.  So first
 *   u = x * (1 / scale) + offset,  offset = -quant_zero - nudged_min / scale
 * is rounded to the nearest integer.  Where |nudged_min / scale| and |quant_zero| are at most 300
 * and the range has at most 299 steps, u is within 2400 * 2^-24 of the exact number (1 / scale, the
 * product, offset and u are rounded: 599, 599, 601 and 600 at most), and the argument of floor() in
 * the definition is within 1800 * 2^-24 of that plus a half (two roundings of 299, two of 600).
 * Where u is less than 0.5 - 2^-11 from an integer, 2^-11 > 4200 * 2^-24, floor() gives that
 * integer; elsewhere, and where the premises do not hold, the definition itself is computed. */
ALWAYS_INLINE struct quantizer quantizer_of(const struct fake_quant *by) {
    float inverse = 1.0f / by->scale;
    bool bounded = by->scale > 1e-30f && by->scale < 1e30f && fabsf(by->quant_zero) <= 300 &&
                   fabsf(by->nudged_min) * inverse <= 300 &&
                   (by->nudged_max - by->nudged_min) * inverse <= 299;
    double below = bounded ? (double)by->nudged_min / (double)by->scale : 0;
    return (struct quantizer){
        .low = v_set(by->nudged_min),
        .high = v_set(by->nudged_max),
        .scale = v_set(by->scale),
        .zero = v_set(by->quant_zero),
        .inverse = v_set(inverse),
        .offset = v_set((float)(-(double)by->quant_zero - below)),
        .round = v_set(0x1.8p23f), /* adding this leaves no bits for a fraction */
        .most = v_set(0.5f - QUANTIZER_MARGIN),
        .margin = v_set(QUANTIZER_MARGIN),
        .is_zero = by->is_zero,
        .divide = !bounded,
    };
}

/* The definition; NaN stays NaN. */
ALWAYS_INLINE vfloat quantize_by_division(const struct quantizer *q, vfloat x) {
    vfloat c = v_max(q->low, v_min(q->high, x)) - q->low;
    return v_floor(c / q->scale - q->zero + v_set(0.5f)) * q->scale;
}

/* The integer for a number in the range, and whether it is certain (NaN never is). */
ALWAYS_INLINE vfloat quantizer_integer(const struct quantizer *q, vfloat x, vmask *sure) {
    vfloat u = x * q->inverse + q->offset;
    vfloat whole = (u + q->round) - q->round;
    *sure = v_less(v_abs(u - whole), q->most);
    return whole;
}

ALWAYS_INLINE vfloat quantize(const struct quantizer *q, vfloat x) {
    if (q->is_zero) return v_set(0);
    if (q->divide) return quantize_by_division(q, x);
    vmask sure;
    vfloat whole = quantizer_integer(q, v_max(q->low, v_min(q->high, x)), &sure);
    if (!m_all(sure)) return quantize_by_division(q, x);
    return whole * q->scale;
}

/* Four vectors at once, with one branch for all. */
ALWAYS_INLINE void quantize_four(const struct quantizer *q, const float *x, float *y) {
    vfloat whole[4];
    vmask sure[4];
    UNROLL
    for (int i = 0; i < 4; i++)
        whole[i] =
            quantizer_integer(q, v_max(q->low, v_min(q->high, v_load(x + i * V_LANES))), &sure[i]);
    if (m_all(m_and(m_and(sure[0], sure[1]), m_and(sure[2], sure[3])))) {
        UNROLL
        for (int i = 0; i < 4; i++) v_store(y + i * V_LANES, whole[i] * q->scale);
    } else {
        for (int i = 0; i < 4; i++)
            v_store(y + i * V_LANES, quantize_by_division(q, v_load(x + i * V_LANES)));
    }
}

/* dy where the gradient passes, else 0. */
ALWAYS_INLINE vfloat quantizer_gradient(const struct quantizer *q, vfloat x, bool relu, vfloat dy) {
    vfloat none = v_set(0), dx = dy;
    if (!q->is_zero)
        dx = v_select(m_and(v_less_equal(q->low, x), v_less_equal(x, q->high)), dx, none);
    if (relu) dx = v_select(v_less_equal(x, none), none, dx);
    return dx;
}

#endif
