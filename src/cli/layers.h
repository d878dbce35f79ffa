/* layers: `qatop eval --layers`, the float network beside the integer engine, layer by layer. */
#ifndef CLI_LAYERS_H
#define CLI_LAYERS_H

#include "cli/options.h"

/* The operand is a Keras model, which is quantized after training by --calibrate digits; a
 * checkpoint or a saved QAT model, which have their own ranges; or a .tflite that was made from the
 * model that --against names. */
enum status eval_layers(const struct options *options, struct error *error);

#endif
