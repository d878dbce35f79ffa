/* inspect: what fake quantization does to values: saturation, signal to noise, histogram. */
#ifndef TRAIN_INSPECT_H
#define TRAIN_INSPECT_H

#include "quant/scheme.h"
#include "train/trainer.h"

/* x[count] of that tensor, channels fastest; ranges[tensor->channels]. */
void inspect_values(const struct quant_plan *plan, const struct quant_tensor *tensor,
                    const struct range *ranges, size_t count, const float *x,
                    struct tensor_stats *stats);

/* The same of digits that stand for the model's input. */
void inspect_pixels(const struct quant_plan *plan, const struct quant_tensor *tensor,
                    const struct range *ranges, size_t count, const unsigned char *pixels,
                    struct tensor_stats *stats);

#endif
