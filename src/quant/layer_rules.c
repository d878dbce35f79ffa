#include "quant/layer_rules.h"

const struct layer_rule layer_rules[LAYER_KINDS] = {
    [LAYER_INPUT] = {RANGES_INPUT, .becomes = BECOMES_INPUT},
    [LAYER_DENSE] = {RANGES_KERNEL, BECOMES_KERNEL, .op = OP_FULLY_CONNECTED},
    [LAYER_CONV2D] = {RANGES_KERNEL, BECOMES_KERNEL, .op = OP_CONV_2D},
    [LAYER_DEPTHWISE_CONV2D] = {RANGES_KERNEL, BECOMES_KERNEL, .op = OP_DEPTHWISE_CONV_2D},
    /* A loaded model has its two parts instead. */
    [LAYER_SEPARABLE_CONV2D] = {.ranges = RANGES_UNSUPPORTED},
    [LAYER_BATCH_NORMALIZATION] = {RANGES_NORMALIZATION, .becomes = BECOMES_PART},
    [LAYER_ADD] = {RANGES_SUM, BECOMES_SUM, .op = OP_ADD},
    [LAYER_MAX_POOLING2D] = {RANGES_NONE, BECOMES_POOLING, OP_MAX_POOL_2D, .keeps_scale = true},
    [LAYER_AVERAGE_POOLING2D] = {RANGES_POOLED, BECOMES_POOLING, OP_AVERAGE_POOL_2D,
                                 .keeps_scale = true},
    [LAYER_GLOBAL_AVERAGE_POOLING2D] = {RANGES_OUTPUT, BECOMES_REDUCTION, .op = OP_MEAN},
    [LAYER_GLOBAL_MAX_POOLING2D] = {RANGES_NONE, BECOMES_REDUCTION, OP_REDUCE_MAX,
                                    .keeps_scale = true},
    [LAYER_ZERO_PADDING2D] = {RANGES_NONE, BECOMES_PAD, OP_PAD, .keeps_scale = true},
    [LAYER_RESHAPE] = {RANGES_NONE, BECOMES_RESHAPE, OP_RESHAPE, .keeps_scale = true},
    [LAYER_FLATTEN] = {RANGES_NONE, BECOMES_RESHAPE, OP_RESHAPE, .keeps_scale = true},
    [LAYER_DROPOUT] = {RANGES_NONE, BECOMES_NOTHING, .keeps_scale = true},
    [LAYER_SPATIAL_DROPOUT2D] = {RANGES_NONE, BECOMES_NOTHING, .keeps_scale = true},
    [LAYER_ACTIVATION] = {RANGES_ACTIVATION, .becomes = BECOMES_ACTIVATION},
    [LAYER_RELU] = {RANGES_ACTIVATION, .becomes = BECOMES_ACTIVATION},
    [LAYER_SOFTMAX] = {RANGES_ACTIVATION, .becomes = BECOMES_ACTIVATION},
    [LAYER_LEAKY_RELU] = {RANGES_OUTPUT, BECOMES_UNARY, .op = OP_LEAKY_RELU},
};

const struct activation_rule activation_rules[ACTIVATIONS] = {
    [ACTIVATION_RELU] = {OP_RELU, .fused = FUSED_RELU},
    [ACTIVATION_RELU6] = {OP_RELU6, .fused = FUSED_RELU6},
    [ACTIVATION_SOFTMAX] = {OP_SOFTMAX, .is_bounded = true, .qparams = {1.0 / 256, -128}},
    [ACTIVATION_SIGMOID] = {OP_LOGISTIC, .is_bounded = true, .qparams = {1.0 / 256, -128}},
    [ACTIVATION_TANH] = {OP_TANH, .is_bounded = true, .qparams = {1.0 / 128, 0}},
};

bool layer_becomes_nothing(const struct layer *layer) {
    return layer_rules[layer->kind].becomes == BECOMES_NOTHING ||
           (layer->kind == LAYER_ACTIVATION && layer->activation == ACTIVATION_LINEAR);
}
