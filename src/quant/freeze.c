#include "quant/freeze.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "quant/internal.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#define NAME_BYTES (2 * MODEL_NAME)

/* Most tensors and operators that one layer turns into. */
#define LAYER_TENSORS   5
#define LAYER_OPERATORS 2

/* ---- building blocks ---- */

bool freeze_out_of_memory(struct freezer *freezer, size_t bytes) {
    freezer->status = error_memory(freezer->error, freezer->model->name, bytes);
    return false;
}

/* Index of a new tensor; -1 when memory is short. */
int freeze_add_tensor(struct freezer *freezer, const char *layer, const char *suffix,
                      enum frozen_type type, int rank, const int *shape) {
    struct frozen *frozen = freezer->frozen;
    struct frozen_tensor *tensor = &frozen->tensors[frozen->tensor_count];
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", layer, suffix);
    tensor->name = strdup(name);
    if (!tensor->name) {
        freeze_out_of_memory(freezer, sizeof name);
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
    int rank = layer->output.rank + 1;
    int index = freeze_add_tensor(freezer, layer->name, suffix, type, rank, shape);
    if (index >= 0) freezer->frozen->tensors[index].has_batch = true;
    return index;
}

bool freeze_add_quantization(struct freezer *freezer, int index, int count) {
    struct frozen_tensor *tensor = &freezer->frozen->tensors[index];
    tensor->scale = calloc((size_t)count, sizeof *tensor->scale);
    tensor->zero_point = calloc((size_t)count, sizeof *tensor->zero_point);
    if (!tensor->scale || !tensor->zero_point)
        return freeze_out_of_memory(freezer, (size_t)count * sizeof *tensor->scale);
    tensor->scale_count = count;
    return true;
}

static bool set_qparams(struct freezer *freezer, int index, struct qparams qparams) {
    if (index < 0 || !freeze_add_quantization(freezer, index, 1)) return false;
    freezer->frozen->tensors[index].scale[0] = (float)qparams.scale;
    freezer->frozen->tensors[index].zero_point[0] = qparams.zero_point;
    freezer->scale[index] = qparams.scale;
    return true;
}

static struct qparams qparams_of(const struct freezer *freezer, int index) {
    return (struct qparams){freezer->scale[index], freezer->frozen->tensors[index].zero_point[0]};
}

void *freeze_add_data(struct freezer *freezer, int index) {
    struct frozen_tensor *tensor = &freezer->frozen->tensors[index];
    size_t bytes = frozen_tensor_count(tensor) * frozen_type_size(tensor->type);
    tensor->data = array_new(bytes, 1);
    tensor->data_bytes = bytes;
    if (!tensor->data) freeze_out_of_memory(freezer, bytes);
    return tensor->data;
}

static struct frozen_operator *add_operator(struct freezer *freezer, enum frozen_op code, int input,
                                            int output) {
    struct frozen_operator *op = &freezer->frozen->operators[freezer->frozen->operator_count++];
    op->code = code;
    op->inputs[0] = input;
    op->input_count = 1;
    op->outputs[0] = output;
    op->dilation_x = op->dilation_y = 1;
    return op;
}

/* ---- layers ---- */

static bool activation_qparams(struct freezer *freezer, int layer, struct qparams *qparams) {
    int index = freezer->plan->activation_tensor[layer];
    if (index < 0) {
        freezer->status =
            error_set(freezer->error, STATUS_UNSUPPORTED, freezer->model->layers[layer].name,
                      "the plan holds no range for its output");
        return false;
    }
    const struct quant_tensor *tensor = &freezer->plan->tensors[index];
    struct range range = freezer->snapshot->ranges[tensor->offset];
    if (!isfinite(range.min) || !isfinite(range.max))
        return freeze_diverged(freezer, &freezer->model->layers[layer], "ranges");
    range = quant_clip(&freezer->model->layers[layer], range);
    *qparams = quant_plan_qparams(freezer->plan, tensor, range);
    return true;
}

/* softmax, sigmoid and tanh: where their values lie is known. */
static bool is_bounded(enum activation activation) {
    return activation == ACTIVATION_SOFTMAX || activation == ACTIVATION_SIGMOID ||
           activation == ACTIVATION_TANH;
}

/* The last of the layers that become one operator with layer `index`: its BatchNormalization, and
 * a ReLU that it has no range of its own before.  The converter also fuses Activation('relu6') and
 * drops the range before it. */
static int fused_end(const struct freezer *freezer, int index) {
    const struct model *model = freezer->model;
    int end = quant_normalization(model, index);
    if (end < 0) end = index;
    int next = quant_only_reader(model, end);
    if (next < 0 || !layer_is_relu(&model->layers[next])) return end;
    if (is_bounded(model->layers[index].activation)) return end;
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

static bool freeze_bounded(struct freezer *freezer, int index, int input, const char *suffix) {
    const struct layer *layer = &freezer->model->layers[index];
    bool is_tanh = layer->activation == ACTIVATION_TANH;
    enum frozen_op code = is_tanh                                   ? OP_TANH
                          : layer->activation == ACTIVATION_SIGMOID ? OP_LOGISTIC
                                                                    : OP_SOFTMAX;
    int output = add_activation(freezer, layer, suffix, TYPE_INT8);
    const struct qparams unit = {1.0 / 256, -128}, both_signs = {1.0 / 128, 0};
    if (!set_qparams(freezer, output, is_tanh ? both_signs : unit)) return false;
    add_operator(freezer, code, input, output)->beta = 1;
    freezer->layer_tensor[index] = output;
    return true;
}

static void set_window(struct frozen_operator *op, const struct window *window) {
    op->padding = window->padding == PADDING_SAME ? FROZEN_SAME : FROZEN_VALID;
    op->stride_x = window->stride_x;
    op->stride_y = window->stride_y;
}

/* What layer `index` and those fused into it up to `end` give. */
static void hand_on(struct freezer *freezer, int index, int end, int output) {
    freezer->layer_tensor[index] = output;
    for (; index != end; index = quant_only_reader(freezer->model, index))
        freezer->layer_tensor[quant_only_reader(freezer->model, index)] = output;
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
    hand_on(freezer, index, end, output);
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
    if (fold_create(freezer, index, &fold))
        weights = freeze_add_weights(freezer, index, &fold, &scales);
    if (!freezer->status)
        bias = freeze_add_bias(freezer, layer, &fold, freezer->scale[input], weights, scales);
    free(scales);
    fold_free(&fold);
    if (freezer->status || !add_kernel_operator(freezer, index, end, weights, bias, qparams))
        return false;
    if (!is_bounded(layer->activation)) return true;
    char suffix[16];
    snprintf(suffix, sizeof suffix, "/%s", activation_name(layer->activation));
    return freeze_bounded(freezer, index, freezer->layer_tensor[index], suffix);
}

static bool freeze_add(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    int end = fused_end(freezer, index), output;
    struct qparams qparams;
    if (!activation_qparams(freezer, end, &qparams)) return false;
    output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams)) return false;
    struct frozen_operator *op =
        add_operator(freezer, OP_ADD, freezer->layer_tensor[layer->inputs[0]], output);
    op->inputs[1] = freezer->layer_tensor[layer->inputs[1]];
    op->input_count = 2;
    op->activation = fused_activation(freezer->model->layers[end].activation);
    hand_on(freezer, index, end, output);
    return true;
}

/* Whether the values that layer `index` hands on were quantized by a range of theirs, not by that
 * of a layer before or by what is known of them. */
static bool has_own_range(const struct freezer *freezer, int index) {
    const struct layer *layers = freezer->model->layers;
    /* Layers that became nothing. */
    while (layers[index].input_count == 1 && freezer->plan->activation_tensor[index] < 0 &&
           freezer->layer_tensor[index] == freezer->layer_tensor[layers[index].inputs[0]])
        index = layers[index].inputs[0];
    int tensor = freezer->plan->activation_tensor[index];
    return tensor >= 0 && freezer->plan->tensors[tensor].placement != PLACE_PRE_ACTIVATION;
}

static bool has_qparams(const struct freezer *freezer, int index, struct qparams qparams) {
    struct qparams own = qparams_of(freezer, index);
    return own.scale == qparams.scale && own.zero_point == qparams.zero_point;
}

/* One more operator that gives the values of `input`, of that layer's shape, another scale. */
static int requantize(struct freezer *freezer, const struct layer *layer, const char *suffix,
                      int input, struct qparams qparams) {
    int output = add_activation(freezer, layer, suffix, TYPE_INT8);
    if (!set_qparams(freezer, output, qparams)) return -1;
    add_operator(freezer, OP_QUANTIZE, input, output);
    return output;
}

/* The last of what one operator computes with a MaxPooling2D: a ReLU that alone reads it. */
static int pooling_end(const struct freezer *freezer, int index) {
    const struct layer *layers = freezer->model->layers;
    int next = quant_only_reader(freezer->model, index);
    bool joins =
        next >= 0 && layers[index].kind == LAYER_MAX_POOLING2D && layer_is_relu(&layers[next]);
    return joins ? next : index;
}

/* From layer `index` on, through such as hand on their input's scale, the first that has a range;
 * -1 when there is none before another kind of operator. */
static int range_ahead(const struct freezer *freezer, int index) {
    const struct model *model = freezer->model;
    for (; index >= 0; index = quant_only_reader(model, index)) {
        const struct layer *layer = &model->layers[index];
        bool keeps = false;
        switch (layer->kind) {
        case LAYER_MAX_POOLING2D:
        case LAYER_AVERAGE_POOLING2D:
        case LAYER_GLOBAL_MAX_POOLING2D:
        case LAYER_ZERO_PADDING2D:
        case LAYER_RESHAPE:
        case LAYER_FLATTEN:
        case LAYER_DROPOUT:
            keeps = true;
            break;
        default:
            keeps = layer_is_relu(layer) && pooling_end(freezer, layer->inputs[0]) == index;
            break;
        }
        if (!keeps) return -1;
        if (freezer->plan->activation_tensor[index] >= 0) return index;
    }
    return -1;
}

/* What an operator that hands on its input's scale reads.  As in the converter, a range of the
 * input itself is kept; else a range that follows reaches back to here. */
static int input_to_keep(struct freezer *freezer, int index) {
    int before = freezer->model->layers[index].inputs[0], input = freezer->layer_tensor[before];
    int ahead = has_own_range(freezer, before) ? -1 : range_ahead(freezer, index);
    struct qparams wanted;
    if (ahead < 0) return input;
    if (!activation_qparams(freezer, ahead, &wanted)) return -1;
    if (has_qparams(freezer, input, wanted)) return input;
    return requantize(freezer, &freezer->model->layers[before], "/requantized", input, wanted);
}

/* A range of the pooling's own (or of its ReLU's) that its input could not take over comes from one
 * more operator. */
static bool freeze_pooling(struct freezer *freezer, int index, enum frozen_op code) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = input_to_keep(freezer, index), end = pooling_end(freezer, index);
    if (input < 0) return false;
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams_of(freezer, input))) return false;
    struct frozen_operator *op = add_operator(freezer, code, input, output);
    set_window(op, &layer->window);
    op->filter_width = layer->window.width;
    op->filter_height = layer->window.height;
    op->activation = fused_activation(freezer->model->layers[end].activation);
    struct qparams own;
    if (freezer->plan->activation_tensor[end] >= 0) {
        if (!activation_qparams(freezer, end, &own)) return false;
        if (!has_qparams(freezer, output, own))
            output = requantize(freezer, layer, "/quantized", output, own);
    }
    freezer->layer_tensor[index] = freezer->layer_tensor[end] = output;
    return output >= 0;
}

/* A constant int32 tensor of the layer; NULL when memory is short. */
static int32_t *add_numbers(struct freezer *freezer, const struct layer *layer, const char *suffix,
                            int rank, const int *shape, int *index) {
    *index = freeze_add_tensor(freezer, layer->name, suffix, TYPE_INT32, rank, shape);
    return *index < 0 ? NULL : freeze_add_data(freezer, *index);
}

/* A mean has a scale of its own, a maximum its input's. */
static bool freeze_global_pooling(struct freezer *freezer, int index, enum frozen_op code) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = freezer->layer_tensor[layer->inputs[0]], axes;
    const int two = 2;
    if (code == OP_REDUCE_MAX) input = input_to_keep(freezer, index);
    if (input < 0) return false;
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
    int input = input_to_keep(freezer, index);
    if (input < 0) return false;
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

static bool freeze_leaky_relu(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    struct qparams qparams;
    if (!activation_qparams(freezer, index, &qparams)) return false;
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams)) return false;
    int input = freezer->layer_tensor[layer->inputs[0]];
    add_operator(freezer, OP_LEAKY_RELU, input, output)->slope = layer->slope;
    freezer->layer_tensor[index] = output;
    return true;
}

/* An operator of its own, since nothing before it took it in.  Another limit than 6 needs none: the
 * range ends there, and so do the values of the output. */
static bool freeze_relu(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    struct qparams qparams;
    if (!activation_qparams(freezer, index, &qparams)) return false;
    int output = add_activation(freezer, layer, "", TYPE_INT8);
    if (!set_qparams(freezer, output, qparams)) return false;
    enum frozen_op code = layer->activation == ACTIVATION_RELU6 ? OP_RELU6 : OP_RELU;
    add_operator(freezer, code, freezer->layer_tensor[layer->inputs[0]], output);
    freezer->layer_tensor[index] = output;
    return true;
}

static bool freeze_layer(struct freezer *freezer, int index) {
    const struct layer *layer = &freezer->model->layers[index];
    int input = layer->input_count ? freezer->layer_tensor[layer->inputs[0]] : -1;
    if (freezer->layer_tensor[index] >= 0) return true; /* fused */
    switch (layer->kind) {
    case LAYER_INPUT:
        return freeze_input(freezer, index);
    case LAYER_DENSE:
    case LAYER_DEPTHWISE_CONV2D:
    case LAYER_CONV2D:
        return freeze_kernel_layer(freezer, index);
    case LAYER_ADD:
        return freeze_add(freezer, index);
    case LAYER_MAX_POOLING2D:
        return freeze_pooling(freezer, index, OP_MAX_POOL_2D);
    case LAYER_AVERAGE_POOLING2D:
        return freeze_pooling(freezer, index, OP_AVERAGE_POOL_2D);
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        return freeze_global_pooling(freezer, index, OP_MEAN);
    case LAYER_GLOBAL_MAX_POOLING2D:
        return freeze_global_pooling(freezer, index, OP_REDUCE_MAX);
    case LAYER_ZERO_PADDING2D:
        return freeze_padding(freezer, index);
    case LAYER_RESHAPE:
    case LAYER_FLATTEN:
        return freeze_reshape(freezer, index);
    case LAYER_RELU:
        return freeze_relu(freezer, index);
    case LAYER_LEAKY_RELU:
        return freeze_leaky_relu(freezer, index);
    case LAYER_SOFTMAX:
        return freeze_bounded(freezer, index, input, "");
    case LAYER_ACTIVATION:
        if (layer_is_relu(layer)) return freeze_relu(freezer, index);
        if (is_bounded(layer->activation)) return freeze_bounded(freezer, index, input, "");
        break;
    case LAYER_BATCH_NORMALIZATION: /* the plan lets it stand only where it is fused */
    case LAYER_DROPOUT:
    case LAYER_SEPARABLE_CONV2D:
    case LAYER_KINDS:
        break;
    }
    freezer->layer_tensor[index] = input; /* changes nothing when the model is used */
    return true;
}

static bool freeze_layers(struct freezer *freezer) {
    int order[MODEL_LAYERS_MAX], count;
    if (!freeze_order(freezer, order, &count)) return false;
    for (int i = 0; i < count; i++)
        if (!freeze_layer(freezer, order[i])) return false;
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
        return freeze_out_of_memory(freezer, sizeof last->name);
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
        freeze_out_of_memory(&freezer, tensors * sizeof *freezer.scale);
        goto done;
    }
    freezer.frozen->tensors = calloc(tensors, sizeof *freezer.frozen->tensors);
    freezer.frozen->operators = calloc(operators, sizeof *freezer.frozen->operators);
    if (!freezer.frozen->tensors || !freezer.frozen->operators) {
        freeze_out_of_memory(&freezer, tensors * sizeof *freezer.frozen->tensors);
        goto done;
    }
    for (size_t i = 0; i < layers; i++) freezer.layer_tensor[i] = -1;
    if (!freeze_layers(&freezer)) goto done;
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
