#include "quant/freeze.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#define NAME_BYTES (2 * MODEL_NAME)

/* Most tensors and operators that one layer turns into. */
#define LAYER_TENSORS 5
#define LAYER_OPERATORS 2

struct freezer {
    const struct snapshot *snapshot;
    const struct model *model;
    const struct quant_plan *plan;
    enum frozen_io io;
    struct frozen *frozen;
    int *layer_tensor; /* what holds a layer's output */
    double *scale;     /* of each frozen tensor, before it was rounded to float32 */
    struct error *error;
    enum status status;
};

/* ---- building blocks ---- */

static bool out_of_memory(struct freezer *freezer, size_t bytes) {
    freezer->status = error_memory(freezer->error, freezer->model->name, bytes);
    return false;
}

/* Index of a new tensor; -1 when memory is short. */
static int add_tensor(struct freezer *freezer, const char *layer, const char *suffix,
                      enum frozen_type type, int rank, const int *shape) {
    struct frozen *frozen = freezer->frozen;
    struct frozen_tensor *tensor = &frozen->tensors[frozen->tensor_count];
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", layer, suffix);
    tensor->name = strdup(name);
    if (!tensor->name) {
        out_of_memory(freezer, sizeof name);
        return -1;
    }
    tensor->type = type;
    tensor->rank = rank;
    for (int i = 0; i < rank; i++) tensor->shape[i] = shape[i];
    return frozen->tensor_count++;
}

static int add_activation(struct freezer *freezer, const struct layer *layer, const char *suffix,
                          enum frozen_type type) {
    int shape[FROZEN_RANK] = {1};
    for (int i = 0; i < layer->output.rank; i++) shape[i + 1] = layer->output.size[i];
    int index = add_tensor(freezer, layer->name, suffix, type, layer->output.rank + 1, shape);
    if (index >= 0) freezer->frozen->tensors[index].has_batch = true;
    return index;
}

static bool add_quantization(struct freezer *freezer, int index, int count) {
    struct frozen_tensor *tensor = &freezer->frozen->tensors[index];
    tensor->scale = calloc((size_t)count, sizeof *tensor->scale);
    tensor->zero_point = calloc((size_t)count, sizeof *tensor->zero_point);
    if (!tensor->scale || !tensor->zero_point)
        return out_of_memory(freezer, (size_t)count * sizeof *tensor->scale);
    tensor->scale_count = count;
    return true;
}

static bool set_qparams(struct freezer *freezer, int index, struct qparams qparams) {
    if (index < 0 || !add_quantization(freezer, index, 1)) return false;
    freezer->frozen->tensors[index].scale[0] = (float)qparams.scale;
    freezer->frozen->tensors[index].zero_point[0] = qparams.zero_point;
    freezer->scale[index] = qparams.scale;
    return true;
}

static struct qparams qparams_of(const struct freezer *freezer, int index) {
    return (struct qparams){freezer->scale[index],
                            freezer->frozen->tensors[index].zero_point[0]};
}

static void *add_data(struct freezer *freezer, int index) {
    struct frozen_tensor *tensor = &freezer->frozen->tensors[index];
    size_t bytes = frozen_tensor_count(tensor) * frozen_type_size(tensor->type);
    tensor->data = array_new(bytes, 1);
    tensor->data_bytes = bytes;
    if (!tensor->data) out_of_memory(freezer, bytes);
    return tensor->data;
}

static struct frozen_operator *add_operator(struct freezer *freezer, enum frozen_op code,
                                            int input, int output) {
    struct frozen_operator *op = &freezer->frozen->operators[freezer->frozen->operator_count++];
    op->code = code;
    op->inputs[0] = input;
    op->input_count = 1;
    op->outputs[0] = output;
    op->dilation_x = op->dilation_y = 1;
    return op;
}

/* ---- weights and biases ---- */

static bool diverged(struct freezer *freezer, const struct layer *layer, const char *what) {
    freezer->status = error_set(freezer->error, STATUS_DIVERGED, layer->name,
                                "its %s hold a value that is not finite", what);
    return false;
}

static bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

/* Every `step`-th channel from `first` on has a part in the range. */
static struct range symmetric_range(const float *w, size_t rows, size_t channels, size_t first,
                                    size_t step) {
    float most = 0;
    for (size_t row = 0; row < rows; row++)
        for (size_t c = first; c < channels; c += step)
            most = fmaxf(most, fabsf(w[row * channels + c]));
    return (struct range){-most, most};
}

/* The range of channel c: as trained, or of the weights themselves. */
static struct range weight_range(const struct freezer *freezer, const struct quant_tensor *tensor,
                                 const float *w, size_t rows, size_t channels, size_t c) {
    size_t ranges = tensor ? (size_t)tensor->channels : channels;
    if (tensor && !freezer->plan->scheme.fresh_weight_ranges)
        return freezer->snapshot->ranges[(size_t)tensor->offset + c % ranges];
    return symmetric_range(w, rows, channels, c % ranges, ranges);
}

static float fake_quantize(const struct quant_tensor *tensor, const struct fake_quant *by, float w) {
    float y;
    if (!tensor) return w;
    if (tensor->is_per_channel)
        fake_quant_channels(NULL, 1, 1, &w, by, &y);
    else
        fake_quant_tensor(NULL, 1, &w, by, &y);
    return y;
}

/* What a BatchNormalization after the layer makes of it: each channel's weights times `factor`, and
 * another bias. */
struct fold {
    float *factor, *bias; /* [units]; NULL without BatchNormalization */
};

static void fold_free(struct fold *fold) {
    array_free(fold->factor);
    array_free(fold->bias);
}

/* In float32, in the order of operations in which the converter folds constants. */
static bool fold_create(struct freezer *freezer, int layer_index, struct fold *fold) {
    const struct layer *layer = &freezer->model->layers[layer_index];
    const struct parameter *parameters = freezer->model->parameters;
    const float *weights = freezer->snapshot->weights;
    int index = quant_normalization(freezer->model, layer_index);
    *fold = (struct fold){NULL, NULL};
    if (index < 0) return true;
    const struct normalization *by = &freezer->model->layers[index].normalization;
    size_t units = (size_t)layer->units;
    fold->factor = array_new(units, sizeof *fold->factor);
    fold->bias = array_new(units, sizeof *fold->bias);
    if (!fold->factor || !fold->bias) return out_of_memory(freezer, units * sizeof(float));
    const float *mean = weights + parameters[by->moving_mean].offset;
    const float *variance = weights + parameters[by->moving_variance].offset;
    for (size_t c = 0; c < units; c++) {
        float gamma = by->gamma < 0 ? 1 : weights[parameters[by->gamma].offset + c];
        float beta = by->beta < 0 ? 0 : weights[parameters[by->beta].offset + c];
        float bias = layer->bias < 0 ? 0 : weights[parameters[layer->bias].offset + c];
        fold->factor[c] = gamma * (1.0f / sqrtf(variance[c] + (float)by->epsilon));
        fold->bias[c] = (bias - mean[c]) * fold->factor[c] + beta;
    }
    if (all_finite(fold->factor, units) && all_finite(fold->bias, units)) return true;
    return diverged(freezer, &freezer->model->layers[index], "statistics");
}

/* Weights of one channel: w[rows] at distance `w_step` to q[rows] at `q_step`. */
struct channel {
    struct range range;
    float factor;
    double scale;
    const float *w;
    int8_t *q;
    size_t rows, w_step, q_step;
};

/* What training simulated is what is converted. */
static void quantize_channel(const struct freezer *freezer, const struct quant_tensor *tensor,
                             const struct channel *channel) {
    int bits = freezer->plan->scheme.weight_bits;
    double most = (double)((1 << (bits - 1)) - 1);
    struct fake_quant by = {0};
    if (tensor) by = quant_plan_fake_quant(freezer->plan, tensor, channel->range);
    for (size_t row = 0; row < channel->rows; row++) {
        float w = fake_quantize(tensor, &by, channel->w[row * channel->w_step]) * channel->factor;
        int8_t *q = &channel->q[row * channel->q_step];
        if (freezer->plan->scheme.post_training) {
            *q = (int8_t)quantize_float32(w, channel->scale, INT8_MAX);
            continue;
        }
        double value = round((double)w / channel->scale);
        *q = (int8_t)(value > most ? most : value < -most ? -most : value);
    }
}

/* [units][inputs], [filters][h][w][inputs] or, depthwise, [1][h][w][channels]. */
static int add_weight_tensor(struct freezer *freezer, const struct layer *layer,
                             const struct parameter *kernel, int scale_count) {
    bool is_depthwise = layer->kind == LAYER_DEPTHWISE_CONV2D;
    int shape[FROZEN_RANK] = {layer->units};
    for (int i = 1; i < kernel->rank; i++) shape[i] = kernel->size[i - 1];
    if (is_depthwise) {
        shape[0] = 1;
        shape[3] = layer->units;
    }
    int index = add_tensor(freezer, layer->name, "/kernel", TYPE_INT8, kernel->rank, shape);
    if (index < 0 || !add_data(freezer, index) || !add_quantization(freezer, index, scale_count))
        return -1;
    freezer->frozen->tensors[index].quantized_dimension = is_depthwise ? 3 : 0;
    return index;
}

/* Range and scale of channel c; a factor of 0 leaves a channel of zeros. */
static bool set_channel(struct freezer *freezer, const struct layer *layer, struct range range,
                        float factor, struct channel *channel) {
    if (!isfinite(range.min) || !isfinite(range.max))
        return diverged(freezer, layer, "weight ranges");
    const struct scheme *scheme = &freezer->plan->scheme;
    float size = fabsf(factor);
    channel->range = range;
    channel->factor = factor;
    /* What was not trained for it is quantized as folded weights, without a trace of before. */
    channel->scale =
        scheme->post_training
            ? qparams_weight_float32((struct range){range.min * size, range.max * size}).scale
            : qparams_weight(range, scheme->weight_bits).scale * (double)size;
    if ((float)channel->scale == 0)
        channel->scale = qparams_weight((struct range){0, 0}, scheme->weight_bits).scale;
    return true;
}

/* Adds the layer's weights; *scales is the caller's to free and holds one scale a channel in
 * double. */
static int add_weights(struct freezer *freezer, int layer_index, const struct fold *fold,
                       double **scales) {
    const struct layer *layer = &freezer->model->layers[layer_index];
    const struct parameter *kernel = &freezer->model->parameters[layer->kernel];
    const float *w = freezer->snapshot->weights + kernel->offset;
    size_t channels = (size_t)layer->units, rows = kernel->count / channels;
    bool is_depthwise = layer->kind == LAYER_DEPTHWISE_CONV2D;
    int in_plan = freezer->plan->kernel_tensor[layer_index];
    const struct quant_tensor *tensor = in_plan < 0 ? NULL : &freezer->plan->tensors[in_plan];
    bool has_one = tensor && tensor->channels == 1 && !fold->factor && !is_depthwise;
    *scales = calloc(channels, sizeof **scales);
    int index = add_weight_tensor(freezer, layer, kernel, has_one ? 1 : layer->units);
    if (!*scales) out_of_memory(freezer, channels * sizeof **scales);
    if (!freezer->status && !all_finite(w, kernel->count)) diverged(freezer, layer, "weights");
    if (freezer->status) return -1;
    struct frozen_tensor *frozen = &freezer->frozen->tensors[index];
    struct range range = {0, 0};
    for (size_t c = 0; c < channels; c++) {
        struct channel channel = {
            .w = w + c,
            .q = (int8_t *)frozen->data + (is_depthwise ? c : c * rows),
            .rows = rows,
            .w_step = channels,
            .q_step = is_depthwise ? channels : 1,
        };
        if (c == 0 || !tensor || tensor->channels > 1)
            range = weight_range(freezer, tensor, w, rows, channels, c);
        if (!set_channel(freezer, layer, range, fold->factor ? fold->factor[c] : 1, &channel))
            return -1;
        (*scales)[c] = channel.scale;
        if (c == 0 || !has_one) frozen->scale[c] = (float)channel.scale;
        quantize_channel(freezer, tensor, &channel);
    }
    return index;
}

static bool is_zero(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (values[i] != 0) return false;
    return true;
}

/* The tensor of the bias, -1 when the operator goes without: a dense layer does when all are 0, a
 * convolution always has one. */
static int add_bias(struct freezer *freezer, const struct layer *layer, const struct fold *fold,
                    double input_scale, int weights, const double *weight_scales) {
    const float *b = fold->bias;
    if (!b && layer->bias >= 0)
        b = freezer->snapshot->weights + freezer->model->parameters[layer->bias].offset;
    if (b && !all_finite(b, (size_t)layer->units)) {
        diverged(freezer, layer, "biases");
        return -1;
    }
    if (layer->kind == LAYER_DENSE && (!b || is_zero(b, (size_t)layer->units))) return -1;
    int scale_count = freezer->frozen->tensors[weights].scale_count;
    int index = add_tensor(freezer, layer->name, "/bias", TYPE_INT32, 1, &layer->units);
    if (index < 0) return -1;
    int32_t *q = add_data(freezer, index);
    if (!q || !add_quantization(freezer, index, scale_count)) return -1;
    for (int c = 0; c < layer->units; c++) {
        double scale = input_scale * weight_scales[c];
        if (c < scale_count) freezer->frozen->tensors[index].scale[c] = (float)scale;
        if (freezer->plan->scheme.post_training) {
            q[c] = b ? quantize_float32(b[c], scale, INT32_MAX) : 0;
            continue;
        }
        double value = b ? round((double)b[c] / scale) : 0;
        q[c] = value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
    }
    return index;
}

/* ---- layers ---- */

static bool activation_qparams(struct freezer *freezer, int layer, struct qparams *qparams) {
    int index = freezer->plan->activation_tensor[layer];
    if (index < 0) {
        freezer->status = error_set(freezer->error, STATUS_UNSUPPORTED,
                                    freezer->model->layers[layer].name,
                                    "the plan holds no range for its output");
        return false;
    }
    const struct quant_tensor *tensor = &freezer->plan->tensors[index];
    struct range range = freezer->snapshot->ranges[tensor->offset];
    if (!isfinite(range.min) || !isfinite(range.max))
        return diverged(freezer, &freezer->model->layers[layer], "ranges");
    *qparams = quant_plan_qparams(freezer->plan, tensor, range);
    return true;
}

static bool is_relu_layer(const struct layer *layer) {
    return layer->kind == LAYER_RELU ||
           (layer->kind == LAYER_ACTIVATION &&
            (layer->activation == ACTIVATION_RELU || layer->activation == ACTIVATION_RELU6));
}

/* The last of the layers that become one operator with layer `index`: its BatchNormalization, and
 * a ReLU that it has no range of its own before.  The converter also fuses Activation('relu6') and
 * drops the range before it. */
static int fused_end(const struct freezer *freezer, int index) {
    const struct model *model = freezer->model;
    int end = quant_normalization(model, index);
    if (end < 0) end = index;
    int next = quant_only_reader(model, end);
    if (next < 0 || !is_relu_layer(&model->layers[next])) return end;
    const struct layer *relu = &model->layers[next];
    bool drops = relu->kind == LAYER_ACTIVATION && relu->activation == ACTIVATION_RELU6 &&
                 model->layers[index].activation == ACTIVATION_LINEAR;
    return freezer->plan->activation_tensor[end] < 0 || drops ? next : end;
}

static enum frozen_activation fused_activation(enum activation activation) {
    return activation == ACTIVATION_RELU    ? FUSED_RELU
           : activation == ACTIVATION_RELU6 ? FUSED_RELU6
                                            : FUSED_NONE;
}

static bool freeze_input(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    struct frozen *frozen = freezer->frozen;
    struct qparams qparams;
    if (!activation_qparams(freezer, index, &qparams)) return false;
    if (freezer->io != IO_INT8) {
        bool is_float = freezer->io == IO_FLOAT;
        const struct qparams shifted = {qparams.scale, qparams.zero_point + 128};
        frozen->input = add_activation(freezer, layer, "", is_float ? TYPE_FLOAT32 : TYPE_UINT8);
        if (frozen->input < 0) return false;
        if (!is_float && !set_qparams(freezer, frozen->input, shifted)) return false;
        int output = add_activation(freezer, layer, "/quantized", TYPE_INT8);
        if (!set_qparams(freezer, output, qparams)) return false;
        add_operator(freezer, OP_QUANTIZE, frozen->input, output);
        freezer->layer_tensor[index] = output;
        return true;
    }
    frozen->input = freezer->layer_tensor[index] = add_activation(freezer, layer, "", TYPE_INT8);
    return set_qparams(freezer, frozen->input, qparams);
}

static bool freeze_softmax(struct freezer *freezer, int index, int input, const char *suffix) {
    const struct layer *layer = &freezer->model->layers[index];
    int output = add_activation(freezer, layer, suffix, TYPE_INT8);
    if (!set_qparams(freezer, output, (struct qparams){1.0 / 256, -128})) return false;
    add_operator(freezer, OP_SOFTMAX, input, output)->beta = 1;
    freezer->layer_tensor[index] = output;
    return true;
}

static void set_window(struct frozen_operator *op, const struct window *window) {
    op->padding = window->padding == PADDING_SAME ? FROZEN_SAME : FROZEN_VALID;
    op->stride_x = window->stride_x;
    op->stride_y = window->stride_y;
}

/* The operator of a layer with a kernel, its constants already added. */
static bool add_kernel_operator(struct freezer *freezer, int index, int end, int weights, int bias,
                                struct qparams qparams) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = freezer->layer_tensor[layer->inputs[0]];
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams)) return false;
    enum frozen_op code = layer->kind == LAYER_CONV2D             ? OP_CONV_2D
                          : layer->kind == LAYER_DEPTHWISE_CONV2D ? OP_DEPTHWISE_CONV_2D
                                                                  : OP_FULLY_CONNECTED;
    struct frozen_operator *op = add_operator(freezer, code, input, output);
    op->inputs[1] = weights;
    op->inputs[2] = bias;
    op->input_count = 3;
    op->activation = fused_activation(freezer->model->layers[end].activation);
    op->depth_multiplier = layer->depth_multiplier;
    if (layer->kind != LAYER_DENSE) {
        set_window(op, &layer->window);
        op->dilation_x = layer->window.dilation_x;
        op->dilation_y = layer->window.dilation_y;
    }
    freezer->layer_tensor[index] = output;
    /* The layers that became part of it hand it on. */
    for (int at = index; at != end; at = quant_only_reader(freezer->model, at))
        freezer->layer_tensor[quant_only_reader(freezer->model, at)] = output;
    return true;
}

static bool freeze_kernel_layer(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = freezer->layer_tensor[layer->inputs[0]], end = fused_end(freezer, index);
    struct qparams qparams;
    if (!activation_qparams(freezer, end, &qparams)) return false;
    struct fold fold;
    double *scales = NULL;
    int weights = -1, bias = -1;
    if (fold_create(freezer, index, &fold)) weights = add_weights(freezer, index, &fold, &scales);
    if (!freezer->status)
        bias = add_bias(freezer, layer, &fold, freezer->scale[input], weights, scales);
    free(scales);
    fold_free(&fold);
    if (freezer->status || !add_kernel_operator(freezer, index, end, weights, bias, qparams))
        return false;
    if (layer->activation != ACTIVATION_SOFTMAX) return true;
    return freeze_softmax(freezer, index, freezer->layer_tensor[index], "/softmax");
}

/* Input and output of a pooling share their scale; an average's own range comes from one more
 * operator. */
static bool freeze_pooling(struct freezer *freezer, int index, enum frozen_op code) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = freezer->layer_tensor[layer->inputs[0]];
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams_of(freezer, input))) return false;
    struct frozen_operator *op = add_operator(freezer, code, input, output);
    set_window(op, &layer->window);
    op->filter_width = layer->window.width;
    op->filter_height = layer->window.height;
    freezer->layer_tensor[index] = output;
    if (freezer->plan->activation_tensor[index] < 0) return true;
    struct qparams qparams;
    if (!activation_qparams(freezer, index, &qparams)) return false;
    freezer->layer_tensor[index] = add_activation(freezer, layer, "/quantized", TYPE_INT8);
    if (!set_qparams(freezer, freezer->layer_tensor[index], qparams)) return false;
    add_operator(freezer, OP_QUANTIZE, output, freezer->layer_tensor[index]);
    return true;
}

/* A constant int32 tensor of the layer; NULL when memory is short. */
static int32_t *add_numbers(struct freezer *freezer, const struct layer *layer, const char *suffix,
                            int rank, const int *shape, int *index) {
    *index = add_tensor(freezer, layer->name, suffix, TYPE_INT32, rank, shape);
    return *index < 0 ? NULL : add_data(freezer, *index);
}

/* A mean has a scale of its own, a maximum its input's. */
static bool freeze_global_pooling(struct freezer *freezer, int index, enum frozen_op code) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = freezer->layer_tensor[layer->inputs[0]], axes;
    const int two = 2;
    struct qparams qparams = qparams_of(freezer, input);
    if (code == OP_MEAN && !activation_qparams(freezer, index, &qparams)) return false;
    int32_t *values = add_numbers(freezer, layer, "/axes", 1, &two, &axes);
    if (!values) return false;
    values[0] = 1;
    values[1] = 2;
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams)) return false;
    struct frozen_operator *op = add_operator(freezer, code, input, output);
    op->inputs[1] = axes;
    op->input_count = 2;
    op->keep_dimensions = layer->keeps_dimensions;
    freezer->layer_tensor[index] = output;
    return true;
}

/* An operator with a constant that keeps its input's values. */
static bool add_moving_operator(struct freezer *freezer, int index, enum frozen_op code,
                                int constant) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = freezer->layer_tensor[layer->inputs[0]];
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams_of(freezer, input))) return false;
    struct frozen_operator *op = add_operator(freezer, code, input, output);
    op->inputs[1] = constant;
    op->input_count = 2;
    freezer->layer_tensor[index] = output;
    return true;
}

static bool freeze_padding(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    static const int shape[] = {4, 2};
    int constant;
    int32_t *values = add_numbers(freezer, layer, "/paddings", 2, shape, &constant);
    if (!values) return false;
    for (int i = 0; i < 4; i++) values[2 + i] = layer->margin[i / 2][i % 2];
    return add_moving_operator(freezer, index, OP_PAD, constant);
}

/* Flatten and Reshape; nothing to do where the shape stays. */
static bool freeze_reshape(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    const struct shape *before = &freezer->model->layers[layer->inputs[0]].output;
    const struct shape *after = &layer->output;
    int rank = after->rank + 1, constant;
    freezer->layer_tensor[index] = freezer->layer_tensor[layer->inputs[0]];
    if (before->rank == after->rank &&
        !memcmp(before->size, after->size, sizeof(int) * (size_t)after->rank))
        return true;
    int32_t *sizes = add_numbers(freezer, layer, "/shape", 1, &rank, &constant);
    if (!sizes) return false;
    sizes[0] = -1;
    for (int i = 1; i < rank; i++) sizes[i] = after->size[i - 1];
    return add_moving_operator(freezer, index, OP_RESHAPE, constant);
}

/* An operator of its own, since nothing before it took it in.  A relu6 is one as well: its range
 * ends at 6, and so do the values of the output. */
static bool freeze_relu(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    struct qparams qparams;
    if (!activation_qparams(freezer, index, &qparams)) return false;
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams)) return false;
    add_operator(freezer, OP_RELU, freezer->layer_tensor[layer->inputs[0]], output);
    freezer->layer_tensor[index] = output;
    return true;
}

static bool freeze_layer(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = layer->input_count ? freezer->layer_tensor[layer->inputs[0]] : -1;
    if (freezer->layer_tensor[index] >= 0) return true; /* fused */
    switch (layer->kind) {
    case LAYER_INPUT: return freeze_input(freezer, index);
    case LAYER_DENSE:
    case LAYER_DEPTHWISE_CONV2D:
    case LAYER_CONV2D: return freeze_kernel_layer(freezer, index);
    case LAYER_MAX_POOLING2D: return freeze_pooling(freezer, index, OP_MAX_POOL_2D);
    case LAYER_AVERAGE_POOLING2D: return freeze_pooling(freezer, index, OP_AVERAGE_POOL_2D);
    case LAYER_GLOBAL_AVERAGE_POOLING2D: return freeze_global_pooling(freezer, index, OP_MEAN);
    case LAYER_GLOBAL_MAX_POOLING2D: return freeze_global_pooling(freezer, index, OP_REDUCE_MAX);
    case LAYER_ZERO_PADDING2D: return freeze_padding(freezer, index);
    case LAYER_RESHAPE:
    case LAYER_FLATTEN: return freeze_reshape(freezer, index);
    case LAYER_RELU: return freeze_relu(freezer, index);
    case LAYER_SOFTMAX: return freeze_softmax(freezer, index, input, "");
    case LAYER_ACTIVATION:
        if (is_relu_layer(layer)) return freeze_relu(freezer, index);
        if (layer->activation == ACTIVATION_SOFTMAX)
            return freeze_softmax(freezer, index, input, "");
        break;
    case LAYER_BATCH_NORMALIZATION: /* the plan lets it stand only where it is fused */
    case LAYER_DROPOUT:
    case LAYER_KINDS: break;
    }
    freezer->layer_tensor[index] = input; /* changes nothing when the model is used */
    return true;
}

static bool freeze_output(struct freezer *freezer) {
    const struct model *model = freezer->model;
    struct frozen *frozen = freezer->frozen;
    const struct layer *last = &model->layers[model->layer_count - 1];
    int result = freezer->layer_tensor[model->layer_count - 1];
    frozen->output = result;
    if (freezer->io == IO_FLOAT) {
        frozen->output = add_activation(freezer, last, "/dequantized", TYPE_FLOAT32);
        if (frozen->output < 0) return false;
        add_operator(freezer, OP_DEQUANTIZE, result, frozen->output);
    }
    if (freezer->io == IO_UINT8) {
        struct qparams shifted = qparams_of(freezer, result);
        shifted.zero_point += 128;
        frozen->output = add_activation(freezer, last, "/uint8", TYPE_UINT8);
        if (!set_qparams(freezer, frozen->output, shifted)) return false;
        add_operator(freezer, OP_QUANTIZE, result, frozen->output);
    }
    frozen->input_name = strdup(model->layers[0].name);
    frozen->output_name = strdup(last->name);
    frozen->description = strdup(PACKAGE_STRING);
    if (!frozen->input_name || !frozen->output_name || !frozen->description)
        return out_of_memory(freezer, sizeof last->name);
    return true;
}

enum status freeze(const struct snapshot *snapshot, enum frozen_io io, struct frozen **frozen,
                   struct error *error) {
    *frozen = NULL;
    struct freezer freezer = {
        .snapshot = snapshot,
        .model = snapshot->model,
        .plan = snapshot->plan,
        .io = io,
        .error = error,
    };
    size_t layers = (size_t)snapshot->model->layer_count;
    size_t tensors = layers * LAYER_TENSORS + 1, operators = layers * LAYER_OPERATORS + 1;
    freezer.frozen = calloc(1, sizeof *freezer.frozen);
    freezer.layer_tensor = calloc(layers, sizeof *freezer.layer_tensor);
    freezer.scale = calloc(tensors, sizeof *freezer.scale);
    if (!freezer.frozen || !freezer.layer_tensor || !freezer.scale) {
        out_of_memory(&freezer, tensors * sizeof *freezer.scale);
        goto done;
    }
    freezer.frozen->tensors = calloc(tensors, sizeof *freezer.frozen->tensors);
    freezer.frozen->operators = calloc(operators, sizeof *freezer.frozen->operators);
    if (!freezer.frozen->tensors || !freezer.frozen->operators) {
        out_of_memory(&freezer, tensors * sizeof *freezer.frozen->tensors);
        goto done;
    }
    for (size_t i = 0; i < layers; i++) freezer.layer_tensor[i] = -1;
    for (int i = 0; i < snapshot->model->layer_count; i++)
        if (!freeze_layer(&freezer, i)) goto done;
    if (!freeze_output(&freezer)) goto done;
    freezer.status = frozen_check(freezer.frozen, snapshot->model->name, error);
    if (freezer.status) goto done;
    *frozen = freezer.frozen;
    freezer.frozen = NULL;
done:
    frozen_free(freezer.frozen);
    free(freezer.layer_tensor);
    free(freezer.scale);
    return freezer.status;
}
