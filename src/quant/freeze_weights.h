/* freeze_weights: kernels and biases of the frozen program, a BatchNormalization folded in. */
#ifndef QUANT_FREEZE_WEIGHTS_H
#define QUANT_FREEZE_WEIGHTS_H

#include "quant/freeze_builder.h"

/* Adds the constants of layer `layer`, which has a kernel and reads values of scale `input_scale`:
 * its int8 weights, and its int32 bias or -1 where the operator has none.  A dense layer has none
 * when all its biases are 0, a convolution always has one. */
bool freeze_weights(struct freeze_builder *builder, int layer, double input_scale, int *weights,
                    int *bias);

#endif
