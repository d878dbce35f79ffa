/* exp_log: exp and log in float32, the same bits on every machine.
 *
 * Computed in double by a fixed sequence of IEEE operations and rounded once, so the result is the
 * correctly rounded one but for rare near-ties (error <= 0.501 ulp).
 */
#ifndef KERNEL_EXP_LOG_H
#define KERNEL_EXP_LOG_H

/* NaN stays NaN; overflow gives infinity, underflow 0 or a subnormal. */
float exp_float(float x);

/* log(0) = -infinity, log of a negative number or NaN is NaN. */
float log_float(float x);

#endif
