/* observer: derives the range of a tensor from the values seen.
 *
 *   input       the widest range seen, 0 included; of activations too in post-training
 *               quantization
 *   kernel      plus and minus the largest magnitude of the current weights, per tensor or channel
 *   activation  a moving average of each batch's range, 0 included
 *
 * The rules, with their float32 operations, are TFMOT's AllValues, LastValue and MovingAverage
 * quantizers; a training step quantizes with the range after its update.
 */
#ifndef QUANT_OBSERVER_H
#define QUANT_OBSERVER_H

#include "quant/scheme.h"

/* Before training: input (0, 0), everything else [-6, 6]. */
void observer_reset(const struct quant_plan *plan, struct range *ranges);

/* `seen`: smallest and largest value of a batch. */
void observer_widest(struct range *range, struct range seen);
/* range -= (range - seen) * rate; rate is (float)(1 - range_decay) in training. */
void observer_activation(struct range *range, struct range seen, float rate);

/* kernel[count], channels fastest; ranges[tensor->channels]. */
void observer_kernel(struct pool *pool, const struct quant_tensor *tensor, const float *kernel,
                     size_t count, struct range *ranges);
/* All kernels of the plan, from a weight block of `model`. */
void observer_kernels(struct pool *pool, const struct quant_plan *plan, const struct model *model,
                      const float *weights, struct range *ranges);

#endif
