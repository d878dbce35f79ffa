/* optimizer: learning rate schedules and the factors of Keras' Adam; numbers only, no state.
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
enum schedule schedule_named(const char *name); /* SCHEDULES when there is none of that name */

/* Share of the peak rate at batch `step` (0-based) of `steps`: 1 (constant), from 1 down towards 0
 * as half a cosine wave or a line. */
double schedule_share(enum schedule schedule, uint64_t step, uint64_t steps);

/* Keras' Adam (beta 0.9 and 0.999, epsilon 1e-7 outside the root) at batch `step`, 1-based:
 * alpha = rate * sqrt(1 - beta2^step) / (1 - beta1^step) in float32. */
struct adam adam_factors(float learning_rate, uint64_t step);

#endif
