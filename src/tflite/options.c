#include "tflite/options.h"

#include "tflite/schema.h"

#define FIELDS(fields) fields, sizeof fields / sizeof *fields

static void refuse(const struct options_reader *reader, enum status status, const char *text) {
    flat_refuse(reader->flat, status, "operator", reader->index, text);
}

static int32_t read_i32(const struct options_reader *reader, int field, int32_t absent) {
    return flat_i32(reader->flat, reader->table, field, absent);
}

static bool read_bool(const struct options_reader *reader, int field) {
    return flat_i8(reader->flat, reader->table, field, 0) != 0;
}

static float read_f32(const struct options_reader *reader, int field) {
    return flat_f32(reader->flat, reader->table, field, 0);
}

static enum frozen_padding read_padding(const struct options_reader *reader, int field) {
    int padding = flat_i8(reader->flat, reader->table, field, 0);
    if (padding != FROZEN_SAME && padding != FROZEN_VALID)
        refuse(reader, STATUS_FORMAT, "its padding is neither SAME nor VALID");
    return (enum frozen_padding)padding;
}

static enum frozen_activation read_activation(const struct options_reader *reader, int field) {
    int activation = flat_i8(reader->flat, reader->table, field, 0);
    if (activation != FUSED_NONE && activation != FUSED_RELU && activation != FUSED_RELU6)
        refuse(reader, STATUS_UNSUPPORTED,
               "its activation is not supported; NONE, RELU and RELU6 are");
    return (enum frozen_activation)activation;
}

static const char *activation_name(enum frozen_activation activation) {
    return activation == FUSED_RELU ? "relu" : activation == FUSED_RELU6 ? "relu6" : "";
}

/* After other options. */
static void print_activation(FILE *out, const struct frozen_operator *op) {
    if (op->activation != FUSED_NONE) fprintf(out, ", %s", activation_name(op->activation));
}

static void print_activation_alone(FILE *out, const struct frozen_operator *op) {
    if (op->activation != FUSED_NONE) fprintf(out, "  %s", activation_name(op->activation));
}

static const char *padding_name(enum frozen_padding padding) {
    return padding == FROZEN_SAME ? "same" : "valid";
}

/* ---- convolutions and pooling ---- */

static void read_conv2d(const struct options_reader *reader, struct frozen_operator *op) {
    op->padding = read_padding(reader, CONV_PADDING);
    op->stride_x = read_i32(reader, CONV_STRIDE_X, 0);
    op->stride_y = read_i32(reader, CONV_STRIDE_Y, 0);
    op->activation = read_activation(reader, CONV_ACTIVATION);
    op->dilation_x = read_i32(reader, CONV_DILATION_X, 1);
    op->dilation_y = read_i32(reader, CONV_DILATION_Y, 1);
}

static size_t write_conv2d(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {
        {CONV_PADDING, 1, (uint32_t)op->padding, 0},
        {CONV_STRIDE_X, 4, (uint32_t)op->stride_x, 0},
        {CONV_STRIDE_Y, 4, (uint32_t)op->stride_y, 0},
        {CONV_ACTIVATION, 1, (uint32_t)op->activation, 0},
        {CONV_DILATION_X, 4, (uint32_t)op->dilation_x, 0},
        {CONV_DILATION_Y, 4, (uint32_t)op->dilation_y, 0},
    };
    return flat_write_table(writer, FIELDS(fields));
}

static void print_conv2d(FILE *out, const struct frozen_operator *op) {
    fprintf(out, "  stride %dx%d, %s", op->stride_y, op->stride_x, padding_name(op->padding));
    if (op->dilation_x != 1 || op->dilation_y != 1)
        fprintf(out, ", dilation %dx%d", op->dilation_y, op->dilation_x);
    print_activation(out, op);
}

const struct options_format options_conv2d = {OPTIONS_CONV_2D, read_conv2d, write_conv2d,
                                              print_conv2d};

static void read_depthwise(const struct options_reader *reader, struct frozen_operator *op) {
    op->padding = read_padding(reader, DEPTHWISE_PADDING);
    op->stride_x = read_i32(reader, DEPTHWISE_STRIDE_X, 0);
    op->stride_y = read_i32(reader, DEPTHWISE_STRIDE_Y, 0);
    op->depth_multiplier = read_i32(reader, DEPTHWISE_MULTIPLIER, 0);
    op->activation = read_activation(reader, DEPTHWISE_ACTIVATION);
    op->dilation_x = read_i32(reader, DEPTHWISE_DILATION_X, 1);
    op->dilation_y = read_i32(reader, DEPTHWISE_DILATION_Y, 1);
}

static size_t write_depthwise(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {
        {DEPTHWISE_PADDING, 1, (uint32_t)op->padding, 0},
        {DEPTHWISE_STRIDE_X, 4, (uint32_t)op->stride_x, 0},
        {DEPTHWISE_STRIDE_Y, 4, (uint32_t)op->stride_y, 0},
        {DEPTHWISE_MULTIPLIER, 4, (uint32_t)op->depth_multiplier, 0},
        {DEPTHWISE_ACTIVATION, 1, (uint32_t)op->activation, 0},
        {DEPTHWISE_DILATION_X, 4, (uint32_t)op->dilation_x, 0},
        {DEPTHWISE_DILATION_Y, 4, (uint32_t)op->dilation_y, 0},
    };
    return flat_write_table(writer, FIELDS(fields));
}

const struct options_format options_depthwise_conv2d = {OPTIONS_DEPTHWISE, read_depthwise,
                                                        write_depthwise, print_conv2d};

static void read_pool2d(const struct options_reader *reader, struct frozen_operator *op) {
    op->padding = read_padding(reader, POOL_PADDING);
    op->stride_x = read_i32(reader, POOL_STRIDE_X, 0);
    op->stride_y = read_i32(reader, POOL_STRIDE_Y, 0);
    op->filter_width = read_i32(reader, POOL_WIDTH, 0);
    op->filter_height = read_i32(reader, POOL_HEIGHT, 0);
    op->activation = read_activation(reader, POOL_ACTIVATION);
    op->dilation_x = op->dilation_y = 1;
}

static size_t write_pool2d(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {
        {POOL_PADDING, 1, (uint32_t)op->padding, 0},
        {POOL_STRIDE_X, 4, (uint32_t)op->stride_x, 0},
        {POOL_STRIDE_Y, 4, (uint32_t)op->stride_y, 0},
        {POOL_WIDTH, 4, (uint32_t)op->filter_width, 0},
        {POOL_HEIGHT, 4, (uint32_t)op->filter_height, 0},
        {POOL_ACTIVATION, 1, (uint32_t)op->activation, 0},
    };
    return flat_write_table(writer, FIELDS(fields));
}

static void print_pool2d(FILE *out, const struct frozen_operator *op) {
    fprintf(out, "  window %dx%d, stride %dx%d, %s", op->filter_height, op->filter_width,
            op->stride_y, op->stride_x, padding_name(op->padding));
    print_activation(out, op);
}

const struct options_format options_pool2d = {OPTIONS_POOL_2D, read_pool2d, write_pool2d,
                                              print_pool2d};

/* ---- the rest ---- */

static void read_fully_connected(const struct options_reader *reader, struct frozen_operator *op) {
    op->activation = read_activation(reader, FULLY_CONNECTED_ACTIVATION);
    op->keep_dimensions = read_bool(reader, FULLY_CONNECTED_KEEP_DIMS);
    if (read_bool(reader, FULLY_CONNECTED_WEIGHTS_FORMAT))
        refuse(reader, STATUS_UNSUPPORTED, "its weights are shuffled");
}

static size_t write_fully_connected(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {
        {FULLY_CONNECTED_ACTIVATION, 1, (uint32_t)op->activation, 0},
        {FULLY_CONNECTED_KEEP_DIMS, 1, op->keep_dimensions, 0},
    };
    return flat_write_table(writer, FIELDS(fields));
}

const struct options_format options_fully_connected = {
    OPTIONS_FULLY_CONNECTED, read_fully_connected, write_fully_connected, print_activation_alone};

static void read_add(const struct options_reader *reader, struct frozen_operator *op) {
    op->activation = read_activation(reader, ADD_ACTIVATION);
}

static size_t write_add(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {{ADD_ACTIVATION, 1, (uint32_t)op->activation, 0}};
    return flat_write_table(writer, FIELDS(fields));
}

const struct options_format options_add = {OPTIONS_ADD, read_add, write_add,
                                           print_activation_alone};

static void read_softmax(const struct options_reader *reader, struct frozen_operator *op) {
    op->beta = read_f32(reader, SOFTMAX_BETA);
}

static size_t write_softmax(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {{SOFTMAX_BETA, 4, flat_float_bits(op->beta), 0}};
    return flat_write_table(writer, FIELDS(fields));
}

static void print_softmax(FILE *out, const struct frozen_operator *op) {
    fprintf(out, "  beta %g", (double)op->beta);
}

const struct options_format options_softmax = {OPTIONS_SOFTMAX, read_softmax, write_softmax,
                                               print_softmax};

static void read_leaky_relu(const struct options_reader *reader, struct frozen_operator *op) {
    op->slope = read_f32(reader, LEAKY_RELU_ALPHA);
}

static size_t write_leaky_relu(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {{LEAKY_RELU_ALPHA, 4, flat_float_bits(op->slope), 0}};
    return flat_write_table(writer, FIELDS(fields));
}

static void print_leaky_relu(FILE *out, const struct frozen_operator *op) {
    fprintf(out, "  alpha %g", (double)op->slope);
}

const struct options_format options_leaky_relu = {OPTIONS_LEAKY_RELU, read_leaky_relu,
                                                  write_leaky_relu, print_leaky_relu};

static void read_reducer(const struct options_reader *reader, struct frozen_operator *op) {
    op->keep_dimensions = read_bool(reader, REDUCER_KEEP_DIMS);
}

static size_t write_reducer(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {{REDUCER_KEEP_DIMS, 1, op->keep_dimensions, 0}};
    return flat_write_table(writer, FIELDS(fields));
}

const struct options_format options_reducer = {OPTIONS_REDUCER, read_reducer, write_reducer, NULL};

const struct options_format options_pad = {OPTIONS_PAD, NULL, NULL, NULL};

/* ---- what computes the shape of a RESHAPE ---- */

static size_t write_shape(struct flat_writer *writer, const struct frozen_operator *op) {
    (void)op;
    struct flat_field fields[] = {{SHAPE_TYPE, 1, TYPE_INT32, 0}};
    return flat_write_table(writer, FIELDS(fields));
}

const struct options_format options_shape = {OPTIONS_SHAPE, NULL, write_shape, NULL};

static void read_strided_slice(const struct options_reader *reader, struct frozen_operator *op) {
    op->takes_one = read_i32(reader, SLICE_BEGIN_MASK, 0) == 0 &&
                    read_i32(reader, SLICE_END_MASK, 0) == 0 &&
                    read_i32(reader, SLICE_ELLIPSIS_MASK, 0) == 0 &&
                    read_i32(reader, SLICE_NEW_AXIS_MASK, 0) == 0 &&
                    read_i32(reader, SLICE_SHRINK_MASK, 0) == 1;
}

static size_t write_strided_slice(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {{SLICE_SHRINK_MASK, 4, op->takes_one, 0}};
    return flat_write_table(writer, FIELDS(fields));
}

const struct options_format options_strided_slice = {OPTIONS_STRIDED_SLICE, read_strided_slice,
                                                     write_strided_slice, NULL};

static void read_pack(const struct options_reader *reader, struct frozen_operator *op) {
    if (read_i32(reader, PACK_COUNT, 0) != op->input_count || read_i32(reader, PACK_AXIS, 0) != 0)
        refuse(reader, STATUS_UNSUPPORTED, "PACK is supported along axis 0 only");
}

static size_t write_pack(struct flat_writer *writer, const struct frozen_operator *op) {
    struct flat_field fields[] = {{PACK_COUNT, 4, (uint32_t)op->input_count, 0}};
    return flat_write_table(writer, FIELDS(fields));
}

const struct options_format options_pack = {OPTIONS_PACK, read_pack, write_pack, NULL};
