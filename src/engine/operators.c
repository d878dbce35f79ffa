#include "engine/operators.h"

/* The shapes that they compute are known (frozen_resolve_shapes). */
static bool plan_nothing(struct planner *planner) {
    (void)planner;
    return true;
}

/* code, planner for int8, for float32, memory of the output */
static const struct operator_planners rows[] = {
    {OP_ADD, plan_add, plan_add_float, OUTPUT_OWN},
    {OP_AVERAGE_POOL_2D, plan_average_pool2d, plan_pool2d_float, OUTPUT_OWN},
    {OP_BATCH_TO_SPACE_ND, plan_space_to_batch, plan_space_to_batch, OUTPUT_OWN},
    {OP_CONV_2D, plan_conv2d, plan_conv2d_float, OUTPUT_OWN},
    {OP_DEPTHWISE_CONV_2D, plan_depthwise_conv2d, plan_depthwise_conv2d_float, OUTPUT_OWN},
    {OP_DEQUANTIZE, plan_dequantize, NULL, OUTPUT_OWN},
    {OP_FULLY_CONNECTED, plan_fully_connected, plan_fully_connected_float, OUTPUT_OWN},
    {OP_LEAKY_RELU, plan_leaky_relu, plan_leaky_relu_float, OUTPUT_OWN},
    {OP_LOGISTIC, plan_activation, plan_activation_float, OUTPUT_OWN},
    {OP_MAXIMUM, plan_minimum, plan_minimum_float, OUTPUT_OWN},
    {OP_MAX_POOL_2D, plan_max_pool2d, plan_pool2d_float, OUTPUT_OWN},
    {OP_MEAN, plan_mean, plan_reduce_float, OUTPUT_OWN},
    {OP_MINIMUM, plan_minimum, plan_minimum_float, OUTPUT_OWN},
    {OP_PACK, plan_nothing, plan_nothing, OUTPUT_PLANNED},
    {OP_PAD, plan_pad, plan_pad, OUTPUT_OWN},
    {OP_QUANTIZE, plan_quantize, plan_quantize, OUTPUT_OWN},
    {OP_REDUCE_MAX, plan_reduce_max, plan_reduce_float, OUTPUT_OWN},
    {OP_RELU, plan_relu, plan_relu_float, OUTPUT_OWN},
    {OP_RELU6, plan_relu, plan_relu_float, OUTPUT_OWN},
    {OP_RELU_N1_TO_1, plan_relu, plan_relu_float, OUTPUT_OWN},
    {OP_RESHAPE, plan_reshape, plan_reshape, OUTPUT_PLANNED},
    {OP_SHAPE, plan_nothing, plan_nothing, OUTPUT_PLANNED},
    {OP_SOFTMAX, plan_softmax, plan_softmax_float, OUTPUT_OWN},
    {OP_SPACE_TO_BATCH_ND, plan_space_to_batch, plan_space_to_batch, OUTPUT_OWN},
    {OP_STRIDED_SLICE, plan_nothing, plan_nothing, OUTPUT_PLANNED},
    {OP_TANH, plan_activation, plan_activation_float, OUTPUT_OWN},
};

const struct operator_planners *operator_planners(enum frozen_op code) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code) return &rows[i];
    return NULL;
}
