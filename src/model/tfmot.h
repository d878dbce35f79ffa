/* tfmot: the names that TensorFlow Model Optimization gives to layers and variables of a QAT model.
 *
 * Layer x is in a wrapper quant_x, whose variables hold the ranges: NAME_min and NAME_max, NAME
 * being that of the kernel ("kernel", "depthwise_kernel") or one of those below.
 */
#ifndef MODEL_TFMOT_H
#define MODEL_TFMOT_H

#define TFMOT_WRAPPER         "quant_"
#define TFMOT_INPUT           "quantize_layer" /* the layer with the range of the input; that range */
#define TFMOT_PRE_ACTIVATION  "pre_activation"
#define TFMOT_POST_ACTIVATION "post_activation"
#define TFMOT_OUTPUT          "output"
#define TFMOT_MIN             "_min"
#define TFMOT_MAX             "_max"

#endif
