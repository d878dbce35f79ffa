/* optimizer: learning rate schedules and the coefficients of Keras' Adam; stateless.
 *
 * Nothing here calls libm's cos or pow, so that a run gives the same bits on every machine.
 */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include <stdint.h>

#include "kernel/kernel.h"

enum schedule { SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULES };

/* "constant", "cosine", "linear": the names in options, schemes, checkpoints and records. */
const char *schedule_name(enum schedule schedule);
enum schedule schedule_named(const char *name); /* SCHEDULES when unknown */

/* The rate at batch `step` (0-based) of `steps` as a share of the peak: 1 (constant), or falling
 * from 1 towards 0 along half a cosine wave or a line. */
double schedule_share(enum schedule schedule, uint64_t step, uint64_t steps);

/* Keras' Adam (beta 0.9 and 0.999, epsilon 1e-7 outside the root) at batch `step`, 1-based:
 * alpha = rate * sqrt(1 - beta2^step) / (1 - beta1^step) in float32. */
struct adam adam_factors(float learning_rate, uint64_t step);

#endif
