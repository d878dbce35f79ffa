/* quantizer: fake quantization of a vector, and where its gradient passes. */
#ifndef KERNEL_ISA_QUANTIZER_H
#define KERNEL_ISA_QUANTIZER_H

#include "kernel/isa/level.h"

struct quantizer {
    vfloat low, high, scale, zero, inverse;
    vfloat least, most; /* between them, the fraction shows that floor() cannot differ */
    bool is_zero, divide;
};

/* Division takes several times as long as all the rest.  c * (1 / scale) differs from c / scale by
 * at most 3 * 2^-24 of it; below 300 that moves the number that floor() sees, roundings of the two
 * additions included, by less than 300 * 7 * 2^-24 < 2^-12.  Where it is at least 2^-11 away from
 * an integer, floor() gives the same; else, and where the premises do not hold, divide. */
ALWAYS_INLINE struct quantizer quantizer_of(const struct fake_quant *by) {
    float inverse = 1.0f / by->scale;
    bool bounded = by->scale > 1e-30f && by->scale < 1e30f && fabsf(by->quant_zero) <= 300 &&
                   (by->nudged_max - by->nudged_min) * inverse <= 299;
    return (struct quantizer){
        .low = v_set(by->nudged_min),
        .high = v_set(by->nudged_max),
        .scale = v_set(by->scale),
        .zero = v_set(by->quant_zero),
        .inverse = v_set(inverse),
        .least = v_set(1.0f / 2048),
        .most = v_set(1 - 1.0f / 2048),
        .is_zero = by->is_zero,
        .divide = !bounded,
    };
}

ALWAYS_INLINE vfloat quantize(const struct quantizer *q, vfloat x) {
    if (q->is_zero) return v_set(0);
    vfloat c = v_max(q->low, v_min(q->high, x)) - q->low;
    vfloat u = c * q->inverse - q->zero + v_set(0.5f);
    vfloat whole = v_floor(u);
    vfloat fraction = u - whole;
    vmask sure = m_and(v_less(q->least, fraction), v_less(fraction, q->most));
    if (q->divide || !m_all(sure)) whole = v_floor(c / q->scale - q->zero + v_set(0.5f));
    return whole * q->scale;
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
