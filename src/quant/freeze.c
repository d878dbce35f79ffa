#include "quant/freeze.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/freeze_builder.h"
#include "quant/freeze_order.h"
#include "quant/freeze_weights.h"
#include "quant/layer_rules.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

/* ---- layers ---- */

static bool activation_qparams(struct freeze_builder *builder, int layer, struct qparams *qparams) {
    int index = builder->plan->activation_tensor[layer];
    if (index < 0) {
        builder->status =
            error_set(builder->error, STATUS_UNSUPPORTED, builder->model->layers[layer].name,
                      "the plan holds no range for its output");
        return false;
    }
    const struct quant_tensor *tensor = &builder->plan->tensors[index];
    struct range range = builder->snapshot->ranges[tensor->offset];
    if (!isfinite(range.min) || !isfinite(range.max))
        return builder_not_finite(builder, &builder->model->layers[layer], "ranges");
    range = quant_clip(&builder->model->layers[layer], range);
    *qparams = quant_plan_qparams(builder->plan, tensor, range);
    return true;
}

/* The last of the layers that are fused into layer `index`: its BatchNormalization, and a ReLU
 * without a range before it.  The converter also fuses Activation('relu6') and drops the range
 * before it. */
static int fused_end(const struct freeze_builder *builder, int index) {
    const struct model *model = builder->model;
    int end = quant_normalization(model, index);
    if (end < 0) end = index;
    int next = quant_only_reader(model, end);
    if (next < 0 || !layer_is_relu(&model->layers[next])) return end;
    if (activation_rules[model->layers[index].activation].is_bounded) return end;
    const struct layer *relu = &model->layers[next];
    bool drops = relu->kind == LAYER_ACTIVATION && relu->activation == ACTIVATION_RELU6 &&
                 model->layers[index].activation == ACTIVATION_LINEAR;
    return builder->plan->activation_tensor[end] < 0 || drops ? next : end;
}

static enum frozen_activation fused_activation(const struct freeze_builder *builder, int end) {
    return activation_rules[builder->model->layers[end].activation].fused;
}

static bool freeze_input(struct freeze_builder *builder, enum frozen_io io) {
    const struct layer *layer = &builder->model->layers[0];
    struct frozen *frozen = builder->frozen;
    struct qparams qparams;
    if (!activation_qparams(builder, 0, &qparams)) return false;
    if (io == IO_INT8) {
        frozen->input = builder->layer_tensor[0] =
            builder_add_quantized(builder, layer, "", qparams);
        return frozen->input >= 0;
    }
    const struct qparams shifted = {qparams.scale, qparams.zero_point + 128};
    frozen->input =
        builder_add_activation(builder, layer, "", io == IO_FLOAT ? TYPE_FLOAT32 : TYPE_UINT8);
    if (frozen->input < 0) return false;
    if (io == IO_UINT8 && !builder_set_qparams(builder, frozen->input, shifted)) return false;
    int output = builder_add_quantized(builder, layer, "/quantized", qparams);
    if (output < 0) return false;
    builder_add_operator(builder, OP_QUANTIZE, frozen->input, output);
    builder->layer_tensor[0] = output;
    return true;
}

/* The operator of the layer's activation, whose range is fixed. */
static bool freeze_bounded(struct freeze_builder *builder, int index, int input,
                           const char *suffix) {
    const struct layer *layer = &builder->model->layers[index];
    const struct activation_rule *rule = &activation_rules[layer->activation];
    int output = builder_add_quantized(builder, layer, suffix, rule->qparams);
    if (output < 0) return false;
    builder_add_operator(builder, rule->op, input, output)->beta = 1;
    builder->layer_tensor[index] = output;
    return true;
}

static void set_window(struct frozen_operator *op, const struct window *window) {
    op->padding = window->padding == PADDING_SAME ? FROZEN_SAME : FROZEN_VALID;
    op->stride_x = window->stride_x;
    op->stride_y = window->stride_y;
}

/* Makes `output` the tensor of layer `index` and of those fused into it, up to `end`. */
static void hand_on(struct freeze_builder *builder, int index, int end, int output) {
    builder->layer_tensor[index] = output;
    for (; index != end; index = quant_only_reader(builder->model, index))
        builder->layer_tensor[quant_only_reader(builder->model, index)] = output;
}

/* The operator of a layer with a kernel, once its constants have been added. */
static bool add_kernel_operator(struct freeze_builder *builder, int index, int end, int weights,
                                int bias, struct qparams qparams) {
    const struct layer *layer = &builder->model->layers[index];
    int input = builder->layer_tensor[layer->inputs[0]];
    int output = builder_add_quantized(builder, layer, "", qparams);
    if (output < 0) return false;
    struct frozen_operator *op =
        builder_add_operator(builder, layer_rules[layer->kind].op, input, output);
    op->inputs[1] = weights;
    op->inputs[2] = bias;
    op->input_count = 3;
    op->activation = fused_activation(builder, end);
    op->depth_multiplier = layer->depth_multiplier;
    if (layer->kind != LAYER_DENSE) {
        set_window(op, &layer->window);
        op->dilation_x = layer->window.dilation_x;
        op->dilation_y = layer->window.dilation_y;
    }
    hand_on(builder, index, end, output);
    return true;
}

static bool freeze_kernel_layer(struct freeze_builder *builder, int index) {
    const struct layer *layer = &builder->model->layers[index];
    int input = builder->layer_tensor[layer->inputs[0]], end = fused_end(builder, index);
    struct qparams qparams;
    if (!activation_qparams(builder, end, &qparams)) return false;
    int weights, bias;
    if (!freeze_weights(builder, index, builder->scale[input], &weights, &bias)) return false;
    if (!add_kernel_operator(builder, index, end, weights, bias, qparams)) return false;
    if (!activation_rules[layer->activation].is_bounded) return true;
    char suffix[16];
    snprintf(suffix, sizeof suffix, "/%s", activation_name(layer->activation));
    return freeze_bounded(builder, index, builder->layer_tensor[index], suffix);
}

static bool freeze_sum(struct freeze_builder *builder, int index, enum frozen_op code) {
    const struct layer *layer = &builder->model->layers[index];
    int end = fused_end(builder, index);
    struct qparams qparams;
    if (!activation_qparams(builder, end, &qparams)) return false;
    int output = builder_add_quantized(builder, layer, "", qparams);
    if (output < 0) return false;
    struct frozen_operator *op =
        builder_add_operator(builder, code, builder->layer_tensor[layer->inputs[0]], output);
    op->inputs[1] = builder->layer_tensor[layer->inputs[1]];
    op->input_count = 2;
    op->activation = fused_activation(builder, end);
    hand_on(builder, index, end, output);
    return true;
}

/* Whether the output of layer `index` was quantized with a range of its own, not with that of a
 * layer before it or a fixed one. */
static bool has_own_range(const struct freeze_builder *builder, int index) {
    const struct layer *layers = builder->model->layers;
    /* Skip layers that became nothing. */
    while (layers[index].input_count == 1 && builder->plan->activation_tensor[index] < 0 &&
           builder->layer_tensor[index] == builder->layer_tensor[layers[index].inputs[0]])
        index = layers[index].inputs[0];
    int tensor = builder->plan->activation_tensor[index];
    return tensor >= 0 && builder->plan->tensors[tensor].placement != PLACE_PRE_ACTIVATION;
}

/* Adds a QUANTIZE that rescales `input`, which has the shape of that layer's output. */
static int requantize(struct freeze_builder *builder, const struct layer *layer, const char *suffix,
                      int input, struct qparams qparams) {
    int output = builder_add_quantized(builder, layer, suffix, qparams);
    if (output < 0) return -1;
    builder_add_operator(builder, OP_QUANTIZE, input, output);
    return output;
}

/* The last layer fused into a pooling: the only reader of a MaxPooling2D, if that is a ReLU. */
static int pooling_end(const struct freeze_builder *builder, int index) {
    const struct layer *layers = builder->model->layers;
    int next = quant_only_reader(builder->model, index);
    bool joins =
        next >= 0 && layers[index].kind == LAYER_MAX_POOLING2D && layer_is_relu(&layers[next]);
    return joins ? next : index;
}

/* The first layer with a range, from `index` on through layers that keep their input's scale; -1
 * when another kind of operator comes first. */
static int range_ahead(const struct freeze_builder *builder, int index) {
    const struct model *model = builder->model;
    for (; index >= 0; index = quant_only_reader(model, index)) {
        const struct layer *layer = &model->layers[index];
        bool keeps = layer_rules[layer->kind].keeps_scale ||
                     (layer_is_relu(layer) && pooling_end(builder, layer->inputs[0]) == index);
        if (!keeps) return -1;
        if (builder->plan->activation_tensor[index] >= 0) return index;
    }
    return -1;
}

/* The input of an operator that keeps its input's scale.  As in the converter, the input's own
 * range wins; if it has none, the range of a layer that follows is used from here on. */
static int input_to_keep(struct freeze_builder *builder, int index) {
    int before = builder->model->layers[index].inputs[0], input = builder->layer_tensor[before];
    int ahead = has_own_range(builder, before) ? -1 : range_ahead(builder, index);
    struct qparams wanted;
    if (ahead < 0) return input;
    if (!activation_qparams(builder, ahead, &wanted)) return -1;
    if (builder_has_qparams(builder, input, wanted)) return input;
    return requantize(builder, &builder->model->layers[before], "/requantized", input, wanted);
}

/* If the pooling (or its ReLU) has a range that its input could not take over, a QUANTIZE follows.
 */
static bool freeze_pooling(struct freeze_builder *builder, int index, enum frozen_op code) {
    const struct layer *layer = &builder->model->layers[index];
    int input = input_to_keep(builder, index), end = pooling_end(builder, index);
    if (input < 0) return false;
    int output = builder_add_quantized(builder, layer, "", builder_qparams(builder, input));
    if (output < 0) return false;
    struct frozen_operator *op = builder_add_operator(builder, code, input, output);
    set_window(op, &layer->window);
    op->filter_width = layer->window.width;
    op->filter_height = layer->window.height;
    op->activation = fused_activation(builder, end);
    struct qparams own;
    if (builder->plan->activation_tensor[end] >= 0) {
        if (!activation_qparams(builder, end, &own)) return false;
        if (!builder_has_qparams(builder, output, own))
            output = requantize(builder, layer, "/quantized", output, own);
    }
    builder->layer_tensor[index] = builder->layer_tensor[end] = output;
    return output >= 0;
}

/* Reduces height and width.  A mean has its own scale, a maximum its input's. */
static bool freeze_reduction(struct freeze_builder *builder, int index, enum frozen_op code) {
    const struct layer *layer = &builder->model->layers[index];
    int input = builder->layer_tensor[layer->inputs[0]];
    bool keeps_scale = layer_rules[layer->kind].keeps_scale;
    if (keeps_scale) input = input_to_keep(builder, index);
    if (input < 0) return false;
    struct qparams qparams = builder_qparams(builder, input);
    if (!keeps_scale && !activation_qparams(builder, index, &qparams)) return false;
    const int two = 2;
    int32_t *values;
    int axes = builder_add_constant(builder, layer, "/axes", 1, &two, &values);
    if (axes < 0) return false;
    values[0] = 1;
    values[1] = 2;
    int output = builder_add_quantized(builder, layer, "", qparams);
    if (output < 0) return false;
    struct frozen_operator *op = builder_add_operator(builder, code, input, output);
    op->inputs[1] = axes;
    op->input_count = 2;
    op->keep_dimensions = layer->keeps_dimensions;
    builder->layer_tensor[index] = output;
    return true;
}

/* An operator that moves values but does not change them, and takes a constant. */
static bool add_moving_operator(struct freeze_builder *builder, int index, enum frozen_op code,
                                int constant) {
    const struct layer *layer = &builder->model->layers[index];
    int input = input_to_keep(builder, index);
    if (input < 0) return false;
    int output = builder_add_quantized(builder, layer, "", builder_qparams(builder, input));
    if (output < 0) return false;
    struct frozen_operator *op = builder_add_operator(builder, code, input, output);
    op->inputs[1] = constant;
    op->input_count = 2;
    builder->layer_tensor[index] = output;
    return true;
}

static bool freeze_padding(struct freeze_builder *builder, int index, enum frozen_op code) {
    const struct layer *layer = &builder->model->layers[index];
    static const int shape[] = {4, 2};
    int32_t *values;
    int constant = builder_add_constant(builder, layer, "/paddings", 2, shape, &values);
    if (constant < 0) return false;
    for (int i = 0; i < 4; i++) values[2 + i] = layer->margin[i / 2][i % 2];
    return add_moving_operator(builder, index, code, constant);
}

/* Flatten and Reshape; nothing where the shape stays the same. */
static bool freeze_reshape(struct freeze_builder *builder, int index, enum frozen_op code) {
    const struct layer *layer = &builder->model->layers[index];
    const struct shape *before = &builder->model->layers[layer->inputs[0]].output;
    const struct shape *after = &layer->output;
    int rank = after->rank + 1;
    builder->layer_tensor[index] = builder->layer_tensor[layer->inputs[0]];
    if (before->rank == after->rank &&
        !memcmp(before->size, after->size, sizeof(int) * (size_t)after->rank))
        return true;
    int32_t *sizes;
    int constant = builder_add_constant(builder, layer, "/shape", 1, &rank, &sizes);
    if (constant < 0) return false;
    sizes[0] = -1;
    for (int i = 1; i < rank; i++) sizes[i] = after->size[i - 1];
    return add_moving_operator(builder, index, code, constant);
}

/* An operator with one input and a range of its own. */
static bool freeze_unary(struct freeze_builder *builder, int index, enum frozen_op code) {
    const struct layer *layer = &builder->model->layers[index];
    struct qparams qparams;
    if (!activation_qparams(builder, index, &qparams)) return false;
    int output = builder_add_quantized(builder, layer, "", qparams);
    if (output < 0) return false;
    int input = builder->layer_tensor[layer->inputs[0]];
    builder_add_operator(builder, code, input, output)->slope = layer->slope;
    builder->layer_tensor[index] = output;
    return true;
}

static bool freeze_nothing(struct freeze_builder *builder, int index) {
    const struct layer *layer = &builder->model->layers[index];
    builder->layer_tensor[index] = builder->layer_tensor[layer->inputs[0]];
    return true;
}

/* An activation that was not fused.  A ReLU with a limit other than 6 becomes a RELU: its range
 * ends at the limit, and so do the output's values. */
static bool freeze_activation(struct freeze_builder *builder, int index) {
    const struct layer *layer = &builder->model->layers[index];
    const struct activation_rule *rule = &activation_rules[layer->activation];
    int input = builder->layer_tensor[layer->inputs[0]];
    if (layer->activation == ACTIVATION_LINEAR) return freeze_nothing(builder, index);
    if (rule->is_bounded) return freeze_bounded(builder, index, input, "");
    return freeze_unary(builder, index, rule->op);
}

static bool freeze_layer(struct freeze_builder *builder, int index) {
    const struct layer_rule *rule = &layer_rules[builder->model->layers[index].kind];
    if (builder->layer_tensor[index] >= 0) return true; /* the input, or fused */
    switch (rule->becomes) {
    case BECOMES_INPUT:
    case BECOMES_PART:
        break;
    case BECOMES_NOTHING:
        return freeze_nothing(builder, index);
    case BECOMES_KERNEL:
        return freeze_kernel_layer(builder, index);
    case BECOMES_SUM:
        return freeze_sum(builder, index, rule->op);
    case BECOMES_UNARY:
        return freeze_unary(builder, index, rule->op);
    case BECOMES_ACTIVATION:
        return freeze_activation(builder, index);
    case BECOMES_POOLING:
        return freeze_pooling(builder, index, rule->op);
    case BECOMES_REDUCTION:
        return freeze_reduction(builder, index, rule->op);
    case BECOMES_PAD:
        return freeze_padding(builder, index, rule->op);
    case BECOMES_RESHAPE:
        return freeze_reshape(builder, index, rule->op);
    }
    qt_assert(
        false); /* the input comes first, and a plan allows BECOMES_PART only where it is one */
    return false;
}

static bool freeze_layers(struct freeze_builder *builder) {
    int order[MAX_LAYERS], count;
    builder->status = freeze_order(builder->model, builder->plan, order, &count, builder->error);
    if (builder->status) return false;
    for (int i = 0; i < count; i++)
        if (!freeze_layer(builder, order[i])) return false;
    return true;
}

static bool freeze_output(struct freeze_builder *builder, enum frozen_io io) {
    const struct model *model = builder->model;
    struct frozen *frozen = builder->frozen;
    const struct layer *last = &model->layers[model->layer_count - 1];
    int result = builder->layer_tensor[model->layer_count - 1];
    frozen->output = result;
    if (io == IO_FLOAT) {
        frozen->output = builder_add_activation(builder, last, "/dequantized", TYPE_FLOAT32);
        if (frozen->output < 0) return false;
        builder_add_operator(builder, OP_DEQUANTIZE, result, frozen->output);
    }
    if (io == IO_UINT8) {
        struct qparams shifted = builder_qparams(builder, result);
        shifted.zero_point += 128;
        frozen->output = builder_add_activation(builder, last, "/uint8", TYPE_UINT8);
        if (!builder_set_qparams(builder, frozen->output, shifted)) return false;
        builder_add_operator(builder, OP_QUANTIZE, result, frozen->output);
    }
    frozen->input_name = strdup(model->layers[0].name);
    frozen->output_name = strdup(last->name);
    frozen->description = strdup(PACKAGE_STRING);
    if (!frozen->input_name || !frozen->output_name || !frozen->description)
        return builder_out_of_memory(builder, sizeof last->name);
    return true;
}

enum status freeze(const struct snapshot *snapshot, enum frozen_io io, struct frozen **frozen,
                   struct error *error) {
    *frozen = NULL;
    struct freeze_builder builder;
    builder_open(&builder, snapshot, error);
    if (builder.status) goto done;
    if (!freeze_input(&builder, io) || !freeze_layers(&builder) || !freeze_output(&builder, io))
        goto done;
    builder.status = frozen_check(builder.frozen, snapshot->model->name, error);
    if (builder.status) goto done;
    *frozen = builder.frozen;
    builder.frozen = NULL;
done:
    builder_close(&builder);
    return builder.status;
}
