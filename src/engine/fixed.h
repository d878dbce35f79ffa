/* fixed: gemmlowp's fixed-point arithmetic, as TFLite's reference kernels use it.
 *
 * Scaling by a factor (base/fixed_point.h) rounds twice: once in the high multiply (ties up), once
 * in the right shift (ties away from zero).
 */
#ifndef ENGINE_FIXED_H
#define ENGINE_FIXED_H

#include "base/fixed_point.h"

/* Round half away from zero, exact for |x| < 2^31. */
static inline int32_t fixed_round(double x) {
    int32_t whole = (int32_t)x;
    double rest = x - whole;
    return whole + (rest >= 0.5) - (rest <= -0.5);
}

static inline int32_t fixed_clamp(int64_t x, int32_t low, int32_t high) {
    return (int32_t)(x < low ? low : x > high ? high : x);
}

/* Rounded high half of 2 a b; INT32_MIN * INT32_MIN saturates. */
static inline int32_t fixed_multiply_high(int32_t a, int32_t b) {
    if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^bits, 0 <= bits <= 31, ties away from zero. */
static inline int32_t fixed_shift_right(int32_t x, int bits) {
    int64_t mask = ((int64_t)1 << bits) - 1;
    return (x >> bits) + ((x & mask) > (mask >> 1) + (x < 0));
}

/* Wraps modulo 2^32, as the vector kernels do. */
static inline int32_t fixed_shift_left(int32_t x, int bits) {
    return (int32_t)((uint32_t)x << bits);
}

static inline int32_t fixed_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t fixed_scale(int32_t x, struct fixed by) {
    int left = by.shift > 0 ? by.shift : 0, right = by.shift < 0 ? -by.shift : 0;
    return fixed_shift_right(fixed_multiply_high(fixed_shift_left(x, left), by.value), right);
}

#endif
