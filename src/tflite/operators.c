#include "tflite/operators.h"

/* code, version, output shape, factors, options */
static const struct operator_row rows[] = {
    {OP_ADD, 2, SHAPE_IN_FILE, REQUANT_ADD, &options_add},
    {OP_AVERAGE_POOL_2D, 2, SHAPE_IN_FILE, REQUANT_NONE, &options_pool2d},
    {OP_BATCH_TO_SPACE_ND, 2, SHAPE_IN_FILE, REQUANT_NONE, NULL},
    {OP_CONV_2D, 3, SHAPE_IN_FILE, REQUANT_WEIGHTS, &options_conv2d},
    {OP_DEPTHWISE_CONV_2D, 3, SHAPE_IN_FILE, REQUANT_WEIGHTS, &options_depthwise_conv2d},
    {OP_DEQUANTIZE, 2, SHAPE_OF_INPUT, REQUANT_NONE, NULL},
    {OP_FULLY_CONNECTED, 4, SHAPE_IN_FILE, REQUANT_WEIGHTS, &options_fully_connected},
    {OP_LEAKY_RELU, 2, SHAPE_OF_INPUT, REQUANT_NONE, &options_leaky_relu},
    {OP_LOGISTIC, 2, SHAPE_OF_INPUT, REQUANT_NONE, NULL},
    {OP_MAXIMUM, 2, SHAPE_IN_FILE, REQUANT_NONE, NULL},
    {OP_MAX_POOL_2D, 2, SHAPE_IN_FILE, REQUANT_NONE, &options_pool2d},
    {OP_MEAN, 2, SHAPE_IN_FILE, REQUANT_RATIO, &options_reducer},
    {OP_MINIMUM, 2, SHAPE_IN_FILE, REQUANT_NONE, NULL},
    {OP_PACK, 1, SHAPE_VALUES, REQUANT_NONE, &options_pack},
    {OP_PAD, 2, SHAPE_IN_FILE, REQUANT_NONE, &options_pad},
    {OP_QUANTIZE, 1, SHAPE_OF_INPUT, REQUANT_RATIO, NULL},
    {OP_REDUCE_MAX, 2, SHAPE_IN_FILE, REQUANT_NONE, &options_reducer},
    {OP_RELU, 2, SHAPE_OF_INPUT, REQUANT_RATIO_FLOAT, NULL},
    {OP_RELU6, 2, SHAPE_OF_INPUT, REQUANT_NONE, NULL},
    {OP_RELU_N1_TO_1, 1, SHAPE_OF_INPUT, REQUANT_NONE, NULL},
    {OP_RESHAPE, 1, SHAPE_RESHAPED, REQUANT_NONE, NULL},
    {OP_SHAPE, 1, SHAPE_VALUES, REQUANT_NONE, &options_shape},
    {OP_SOFTMAX, 2, SHAPE_OF_INPUT, REQUANT_NONE, &options_softmax},
    {OP_SPACE_TO_BATCH_ND, 2, SHAPE_IN_FILE, REQUANT_NONE, NULL},
    {OP_STRIDED_SLICE, 1, SHAPE_VALUES, REQUANT_NONE, &options_strided_slice},
    {OP_TANH, 2, SHAPE_OF_INPUT, REQUANT_NONE, NULL},
};

const struct operator_row *operator_row(int code) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((int)rows[i].code == code) return &rows[i];
    return NULL;
}
