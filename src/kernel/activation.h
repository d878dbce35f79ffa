/* activation: sigmoid and tanh in float32, the same bits on every machine.
 *
 * As in exp_log.h: computed in double by a fixed sequence of IEEE operations and rounded once
 * (error <= 0.501 ulp).  There are no branches, so that the compiler can vectorize a loop.
 */
#ifndef KERNEL_ACTIVATION_H
#define KERNEL_ACTIVATION_H

#include "kernel/exp_log.h"

/* 1 / (1 + exp(-x)) */
static inline float sigmoid_float(float x) {
    /* Beyond that the result is 0 or 1 in float32. */
    double wide = (double)(x < -110 ? -110 : x > 110 ? 110 : x);
    return (float)(1 / (1 + exp_within(-wide)));
}

static inline float tanh_float(float x) {
    double wide = (double)(x < -16 ? -16 : x > 16 ? 16 : x);
    double e = exp_within(2 * wide);
    /* Near 0 the difference would cancel; the series omits 2 x^5 / 15. */
    double series = wide - wide * wide * wide * (1.0 / 3), quotient = (e - 1) / (e + 1);
    return (float)(wide > -0x1p-12 && wide < 0x1p-12 ? series : quotient);
}

#endif
