/* inspect: what fake quantization does to values: saturation, signal to noise, histogram. */
#ifndef TRAIN_INSPECT_H
#define TRAIN_INSPECT_H

#include "quant/scheme.h"

#define TENSOR_BINS 32
struct tensor_stats {
    float saturation; /* share of values more than half a step outside the range, 0..1 */
    float sqnr;       /* 10 log10(sum x^2 / sum (x - fake_quant(x))^2) dB; INFINITY when exact */
    uint8_t histogram[TENSOR_BINS]; /* of quantized values over all codes; highest bin = 255,
                                       a bin that is not empty at least 1 */
};

/* x[count] of that tensor, channels fastest; ranges[tensor->channels]. */
void inspect_values(const struct quant_plan *plan, const struct quant_tensor *tensor,
                    const struct range *ranges, size_t count, const float *x,
                    struct tensor_stats *stats);

/* The same of digits that stand for the model's input. */
void inspect_pixels(const struct quant_plan *plan, const struct quant_tensor *tensor,
                    const struct range *ranges, size_t count, const unsigned char *pixels,
                    struct tensor_stats *stats);

#endif
