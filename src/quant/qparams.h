/* qparams: from a range to scale and zero point, and fake quantization.
 *
 * real = scale * (q - zero_point), q in -128..127 (weights: -127..127, zero_point 0).
 *
 * Three computations that look alike and are not: the float32 one of fake quantization during
 * training (QUANT: struct fake_quant in kernel.h, TensorFlow's fake_quant_ops_functor.h), the
 * double one of converting what was trained so (TFLite's FakeQuantSupport.cc), and the float32 one
 * of converting what was not (its "legacy float scale").  All live here.
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

/* The nudged range and factors that fake quantization uses; exact order of float32 operations.
 * `narrow`: 1..255 (weights), else 0..255; `bits` 2..8 gives 2^bits - 1 in place of 255.
 * A range that is not finite gives factors that turn every value into NaN. */
struct fake_quant fake_quant_from_range(struct range range, bool narrow, int bits);

/* As conversion computes them from a float32 range, in double.  A range not wider than 1e-6 is
 * widened first.
 *   activation: scale = (max - min) / 255
 *   weight:     scale = (max - min) / (2^bits - 2), so that q is in -(2^(bits-1) - 1)..; int8
 *               holds a narrower weight exactly */
struct qparams qparams_activation(struct range range);
struct qparams qparams_weight(struct range range, int bits);

/* The same of 8 bits as post-training quantization computes them: scale and zero point rounded to
 * float32.  Values are then multiplied by the rounded inverse of the scale, not divided by it. */
struct qparams qparams_activation_float32(struct range range);
struct qparams qparams_weight_float32(struct range range);
/* round(value / scale), not beyond plus or minus `most`. */
int32_t quantize_float32(float value, double scale, int32_t most);

#endif
