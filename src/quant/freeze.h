/* freeze: converts trained weights and ranges to the integer program, as the TFLite converter does
 * for a QAT model with optimizations=[DEFAULT].
 *
 *   activations  scale = (max - min) / 255 in double, zero point rounded half away from zero
 *   weights      q = round(fake_quant(w) / scale), -127..127, zero point 0
 *   bias         int32, scale = input scale * weight scale (double), zero point 0
 * Post-training quantization computes the same in float32 (scheme.h: post_training).
 * A BatchNormalization is folded into the layer before it: weights and scales of a channel are
 * multiplied by gamma / sqrt(variance + epsilon), and the bias becomes
 * (bias - mean) * gamma / sqrt(variance + epsilon) + beta.  After a Dense the converter would leave
 * float operators; here it is folded as well.
 * A ReLU after an Add is fused into the ADD, as after a layer with a kernel.
 * Softmax outputs have scale 1/256 and zero point -128.  Pooling and Flatten keep their input's
 * scale; an average pooling with a range of its own is followed by a QUANTIZE.
 */
#ifndef QUANT_FREEZE_H
#define QUANT_FREEZE_H

#include "quant/snapshot.h"
#include "tflite/frozen.h"

/* Type of the program's input and output; uint8 is int8 plus 128. */
enum frozen_io { IO_FLOAT, IO_INT8, IO_UINT8 };

/* The caller frees *frozen with frozen_free.  Operators, their order and options, and the tensors'
 * roles and shapes are the converter's; tensor names are "LAYER/kernel", "LAYER/bias", "LAYER". */
enum status freeze(const struct snapshot *snapshot, enum frozen_io io, struct frozen **frozen,
                   struct error *error);

#endif
