/* inspect: the effect of fake quantization: saturation, signal-to-noise ratio, histogram. */
#ifndef TRAIN_INSPECT_H
#define TRAIN_INSPECT_H

#include "data/samples.h"
#include "quant/scheme.h"

#define TENSOR_BINS 32
struct tensor_stats {
    float saturation; /* share of values more than half a step outside the range, 0..1 */
    float sqnr;       /* 10 log10(sum x^2 / sum (x - fake_quant(x))^2) dB; INFINITY if exact */
    uint8_t histogram[TENSOR_BINS]; /* of quantized values over all codes, scaled so that the
                                       highest bin is 255; at least 1 unless empty */
};

/* x[count] are values of that tensor, channels fastest; ranges[tensor->channels]. */
void inspect_values(const struct quant_plan *plan, const struct quant_tensor *tensor,
                    const struct range *ranges, size_t count, const float *x,
                    struct tensor_stats *stats);

/* The same of samples that are the model's input. */
void inspect_samples(const struct quant_plan *plan, const struct quant_tensor *tensor,
                     const struct range *ranges, const struct samples *samples,
                     struct tensor_stats *stats);

#endif
