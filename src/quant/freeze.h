/* freeze: from trained weights and ranges to the integer program, as the TFLite converter does it
 * (QAT model, optimizations=[DEFAULT]).
 *
 *   activations  scale = (max - min) / 255 in double, zero point rounded half away from zero
 *   weights      q = round(fake_quant(w) / scale), -127..127, zero point 0
 *   bias         int32, scale = input scale * weight scale (double), zero point 0
 * What was not trained for it is computed in float32 instead (scheme.h: post_training).
 * A BatchNormalization becomes part of the layer before it: weights and scales of a channel are
 * multiplied by gamma / sqrt(variance + epsilon), the bias is (bias - mean) * that + beta.  After a
 * Dense the converter would leave float operators; here it is folded like the others.
 * A ReLU after an Add becomes part of the ADD, as after a layer with a kernel.
 * Softmax outputs have scale 1/256, zero point -128.  Pooling and Flatten keep their input's; an
 * average pooling that has a range of its own is followed by a QUANTIZE.
 */
#ifndef QUANT_FREEZE_H
#define QUANT_FREEZE_H

#include "quant/snapshot.h"
#include "tflite/frozen.h"

/* What the program takes and gives; uint8 is int8 plus 128 on both sides. */
enum frozen_io { IO_FLOAT, IO_INT8, IO_UINT8 };

/* *frozen is the caller's (frozen_free). Operator order, options, tensor roles and shapes as the
 * converter's; names are "LAYER/kernel", "LAYER/bias", "LAYER". */
enum status freeze(const struct snapshot *snapshot, enum frozen_io io, struct frozen **frozen,
                   struct error *error);

#endif
