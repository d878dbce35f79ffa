/* fixed_point: a positive real factor as TFLite stores it (QuantizeMultiplier). */
#ifndef BASE_FIXED_POINT_H
#define BASE_FIXED_POINT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* value / 2^31 * 2^shift with value in [2^30, 2^31), or 0 and 0. */
struct fixed {
    int32_t value;
    int shift;
};

/* Shifts are at most 30 to the left; a number too small becomes 0.  false when x is negative, NaN
 * or not below 2^30. */
static inline bool fixed_from_double(double x, struct fixed *fixed) {
    fixed->value = 0;
    fixed->shift = 0;
    if (!(x >= 0) || !(x < 1073741824.0)) return false;
    if (x == 0) return true;
    int exponent;
    double mantissa = frexp(x, &exponent);
    int64_t value = (int64_t)floor(mantissa * 2147483648.0 + 0.5);
    if (value == (int64_t)1 << 31) {
        value /= 2;
        exponent++;
    }
    if (exponent < -31) return true;
    fixed->value = (int32_t)value;
    fixed->shift = exponent;
    return true;
}

#endif
