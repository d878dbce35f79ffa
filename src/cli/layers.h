/* layers: `qatop eval --layers`, the integer engine compared with the float network. */
#ifndef CLI_LAYERS_H
#define CLI_LAYERS_H

#include "cli/options.h"

/* The operand is a Keras model, which is quantized as by ptq with --calibrate digits; a checkpoint
 * or saved QAT model, which has its own ranges; or a .tflite made from the model --against names.
 */
enum status eval_layers(const struct options *options, struct error *error);

#endif
