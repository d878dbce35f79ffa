/* exp_log: exp and log in float32, the same bits on every machine.
 *
 * Computed in double by a fixed sequence of IEEE operations and rounded once, so the result is
 * correctly rounded except for rare near-ties (error <= 0.501 ulp).
 */
#ifndef KERNEL_EXP_LOG_H
#define KERNEL_EXP_LOG_H

#include <stdint.h>
#include <string.h>

/* NaN stays NaN; overflow gives infinity, underflow gives 0 or a subnormal. */
float exp_float(float x);

/* exp(r) in double, |r| <= ln2 / 2; the first omitted term is r^11 / 11! < 3e-13. */
static inline double exp_near_zero(double r) {
    double sum = 1.0 / 3628800;
    sum = sum * r + 1.0 / 362880;
    sum = sum * r + 1.0 / 40320;
    sum = sum * r + 1.0 / 5040;
    sum = sum * r + 1.0 / 720;
    sum = sum * r + 1.0 / 120;
    sum = sum * r + 1.0 / 24;
    sum = sum * r + 1.0 / 6;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    return sum * r + 1.0;
}

/* exp(x) in double, |x| <= 700 or NaN. */
static inline double exp_within(double x) {
    /* x = k ln2 + r.  Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits. */
    double shifted = x * 1.44269504088896340736 + 0x1.8p52, power;
    double k = shifted - 0x1.8p52;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    memcpy(&power, &bits, sizeof power);
    return exp_near_zero(x - k * 0.693147180559945309417) * power;
}

/* log(0) = -infinity, log of a negative number or NaN is NaN. */
float log_float(float x);

#endif
