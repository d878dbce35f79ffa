/* qparams: scale, zero point and the factors of fake quantization for a range.
 *
 * real = scale * (q - zero_point), q in -128..127 (weights: -127..127, zero_point 0).
 *
 * Three similar computations that round differently: fake quantization in training, in float32
 * (struct fake_quant in kernel.h; TensorFlow's fake_quant_ops_functor.h); conversion of a model
 * trained with it, in double (TFLite's FakeQuantSupport.cc); and post-training quantization, in
 * float32 (TFLite's "legacy float scale").
 */
#ifndef QUANT_QPARAMS_H
#define QUANT_QPARAMS_H

#include <stdint.h>

#include "kernel/kernel.h"

struct range {
    float min, max;
};

struct qparams {
    double scale;
    int zero_point; /* int8 convention */
};

/* The nudged range and factors of fake quantization, in TensorFlow's order of float32 operations.
 * `narrow`: 1..255 (weights), else 0..255; `bits` 2..8 gives 2^bits - 1 instead of 255.
 * If the range is not finite, every value becomes NaN. */
struct fake_quant fake_quant_from_range(struct range range, bool narrow, int bits);

/* As conversion computes them, in double.  A range of at most 1e-6 is widened first.
 *   activation: scale = (max - min) / 255
 *   weight:     scale = (max - min) / (2^bits - 2), so that q is in -(2^(bits-1) - 1)..; int8
 *               holds a narrower weight exactly */
struct qparams qparams_activation(struct range range);
struct qparams qparams_weight(struct range range, int bits);

/* For 8 bits as post-training quantization computes them: scale and zero point rounded to float32.
 * Values are multiplied by the rounded inverse of the scale instead of divided by the scale. */
struct qparams qparams_activation_float32(struct range range);
struct qparams qparams_weight_float32(struct range range);
/* round(value / scale), clamped to -limit..limit. */
int32_t quantize_float32(float value, double scale, int32_t limit);

#endif
