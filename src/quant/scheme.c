#include "quant/scheme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/layer_rules.h"

const struct scheme schemes[] = {
    {
        .name = "qatop",
        .weight_bits = 8,
        .range_decay = 0.99,
        .calibrate = true,
        .fresh_weight_ranges = true,
        .dense_per_channel = true,
        .depthwise_per_channel = true,
        .quantize_before_relu = true,
        .join_dense = true,
        .join_relu6 = true,
        .trains_kept_kernels = false,
        .quantize_pooled = false,
        .schedule = "cosine",
        .warmup_share = 0.1f,
        .label_smoothing = 0.05f,
        .augment = AUGMENT_SHIFT,
    },
    {
        .name = "tfmot",
        .weight_bits = 8,
        .range_decay = 0.999,
        .calibrate = false,
        .fresh_weight_ranges = false,
        .dense_per_channel = false,
        .depthwise_per_channel = false,
        .quantize_before_relu = false,
        .join_dense = false,
        .join_relu6 = false,
        .trains_kept_kernels = true,
        .quantize_pooled = true,
        .refuse_leftovers = true,
        .schedule = "constant",
    },
    {.name = NULL},
};

const struct scheme *const scheme_tfmot = &schemes[1];

const struct scheme scheme_ptq = {
    .name = "ptq",
    .weight_bits = 8,
    .fresh_weight_ranges = true,
    .dense_per_channel = true,
    .post_training = true,
    .join_dense = true,
    .join_relu6 = true,
    .schedule = "constant",
};

const struct scheme *scheme_find(const char *name) {
    for (const struct scheme *scheme = schemes; scheme->name; scheme++)
        if (!strcmp(scheme->name, name)) return scheme;
    return NULL;
}

const char *tensor_kind_name(enum tensor_kind kind) {
    static const char *const names[] = {"input", "weight", "activation"};
    return names[kind];
}

int quant_only_reader(const struct model *model, int layer) {
    int reader = -1;
    for (int i = layer + 1; i < model->layer_count; i++) {
        const struct layer *other = &model->layers[i];
        for (int input = 0; input < other->input_count; input++) {
            if (other->inputs[input] != layer) continue;
            if (reader >= 0) return -1;
            reader = i;
        }
    }
    return reader;
}

int quant_normalization(const struct model *model, int layer) {
    const struct layer *before = &model->layers[layer];
    int reader = quant_only_reader(model, layer);
    bool follows = reader >= 0 && model->layers[reader].kind == LAYER_BATCH_NORMALIZATION;
    bool is_plain = layer_has_kernel(before) && before->activation == ACTIVATION_LINEAR;
    return follows && is_plain ? reader : -1;
}

/* Whether the only reader of layer `index` is a ReLU layer, which then takes over its range. */
static bool joins_relu(const struct quant_plan *plan, const struct model *model, int index) {
    if (activation_is_sigmoidal(model->layers[index].activation)) return false;
    int reader = quant_only_reader(model, index);
    if (reader < 0) return false;
    const struct layer *layer = &model->layers[reader];
    if (layer->kind == LAYER_RELU) return true;
    return layer->kind == LAYER_ACTIVATION &&
           (layer->activation == ACTIVATION_RELU ||
            (layer->activation == ACTIVATION_RELU6 && plan->scheme.join_relu6));
}

static void add_tensor(struct quant_plan *plan, const char *name, enum tensor_kind kind,
                       enum placement placement, int layer, int channels, bool is_per_channel) {
    struct quant_tensor *tensor = &plan->tensors[plan->tensor_count];
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->kind = kind;
    tensor->placement = placement;
    tensor->layer = layer;
    tensor->channels = channels;
    tensor->is_per_channel = is_per_channel;
    tensor->offset = plan->range_count;
    int *of_layer = kind == TENSOR_WEIGHT ? plan->kernel_tensor : plan->activation_tensor;
    of_layer[layer] = plan->tensor_count;
    plan->tensor_count++;
    plan->range_count += channels;
}

static void add_output(struct quant_plan *plan, const struct layer *layer, enum placement placement,
                       int index) {
    char name[2 * MODEL_NAME];
    snprintf(name, sizeof name, "%s/out", layer->name);
    add_tensor(plan, name, TENSOR_ACTIVATION, placement, index, 1, false);
}

static void add_kernel(struct quant_plan *plan, const struct model *model, int index) {
    const struct layer *layer = &model->layers[index];
    int channels = layer->units;
    bool is_per_channel = true;
    if (layer->kind == LAYER_DENSE && !plan->scheme.dense_per_channel) {
        channels = 1;
        is_per_channel = false;
    }
    if (layer->kind == LAYER_DEPTHWISE_CONV2D && !plan->scheme.depthwise_per_channel)
        channels = layer->depth_multiplier;
    add_tensor(plan, model->parameters[layer->kernel].name, TENSOR_WEIGHT, PLACE_KERNEL, index,
               channels, is_per_channel);
}

static enum status leaves_float(const struct quant_plan *plan, const struct layer *layer,
                                const char *what, struct error *error) {
    return error_set(error, STATUS_UNSUPPORTED, layer->name,
                     "scheme %s: the TFLite converter leaves %s in float; use scheme %s",
                     plan->scheme.name, what, schemes[0].name);
}

/* Refuses what the converter would leave in float of a layer with a kernel. */
static enum status refuse_leftovers(const struct quant_plan *plan, const struct model *model,
                                    int index, struct error *error) {
    const struct layer *layer = &model->layers[index];
    int reader = quant_only_reader(model, index);
    if (!plan->scheme.refuse_leftovers) return STATUS_OK;
    if (layer->kind != LAYER_DENSE &&
        (layer->window.dilation_y > 1 || layer->window.dilation_x > 1))
        return leaves_float(plan, layer, "a dilated convolution", error);
    if (!activation_is_sigmoidal(layer->activation) || reader < 0) return STATUS_OK;
    const struct layer *next = &model->layers[reader];
    if (next->kind == LAYER_RELU ||
        (next->kind == LAYER_ACTIVATION && next->activation == ACTIVATION_RELU))
        return leaves_float(plan, layer, "a layer with sigmoid or tanh before a separate ReLU",
                            error);
    return STATUS_OK;
}

static enum status plan_kernel_layer(struct quant_plan *plan, const struct model *model, int index,
                                     struct error *error) {
    const struct layer *layer = &model->layers[index];
    if (layer->activation == ACTIVATION_RELU6 && !plan->scheme.join_relu6)
        return error_set(error, STATUS_UNSUPPORTED, layer->name,
                         "scheme %s does not quantize activation 'relu6' of a %s; use a ReLU layer "
                         "with max_value 6 after it, or scheme %s",
                         plan->scheme.name, layer_class(layer->kind), schemes[0].name);
    enum status status = refuse_leftovers(plan, model, index, error);
    if (status) return status;
    bool before_relu = joins_relu(plan, model, index);
    bool is_simulated = !before_relu || plan->scheme.quantize_before_relu;
    if (is_simulated && !plan->scheme.post_training) add_kernel(plan, model, index);
    if (before_relu || quant_normalization(model, index) >= 0) return STATUS_OK;
    bool is_before = activation_rules[layer->activation].is_bounded;
    add_output(plan, layer, is_before ? PLACE_PRE_ACTIVATION : PLACE_POST_ACTIVATION, index);
    return STATUS_OK;
}

static enum status plan_normalization(struct quant_plan *plan, const struct model *model, int index,
                                      struct error *error) {
    const struct layer *layer = &model->layers[index];
    int before = layer->inputs[0];
    if (quant_normalization(model, before) != index)
        return error_set(error, STATUS_UNSUPPORTED, layer->name,
                         "a BatchNormalization can be quantized only directly after a Conv2D, "
                         "DepthwiseConv2D or Dense without activation; it comes after '%s' (%s)",
                         model->layers[before].name, layer_class(model->layers[before].kind));
    bool may_join = model->layers[before].kind != LAYER_DENSE || plan->scheme.join_dense;
    if (!may_join || !joins_relu(plan, model, index)) add_output(plan, layer, PLACE_OUTPUT, index);
    return STATUS_OK;
}

/* A ReLU that is fused into the MaxPooling2D before it.  One whose limit no operator has still
 * needs a range. */
static bool joins_pooling(const struct model *model, int index) {
    const struct layer *layer = &model->layers[index];
    int before = layer->inputs[0];
    return model->layers[before].kind == LAYER_MAX_POOLING2D && layer->limit <= 0 &&
           quant_only_reader(model, before) == index;
}

static enum status plan_layer(struct quant_plan *plan, const struct model *model, int index,
                              struct error *error) {
    const struct layer *layer = &model->layers[index];
    bool has_range = false;
    switch (layer_rules[layer->kind].ranges) {
    case RANGES_UNSUPPORTED:
        return error_set(error, STATUS_UNSUPPORTED, layer->name,
                         "a layer of this kind cannot be quantized");
    case RANGES_NONE:
        break;
    case RANGES_INPUT:
        add_tensor(plan, index ? layer->name : "input", TENSOR_INPUT, PLACE_INPUT, index, 1, false);
        break;
    case RANGES_KERNEL:
        return plan_kernel_layer(plan, model, index, error);
    case RANGES_NORMALIZATION:
        return plan_normalization(plan, model, index, error);
    case RANGES_OUTPUT:
        has_range = true;
        break;
    case RANGES_SUM:
        has_range = !joins_relu(plan, model, index);
        break;
    case RANGES_POOLED:
        has_range = plan->scheme.quantize_pooled;
        break;
    case RANGES_ACTIVATION:
        if (plan->scheme.refuse_leftovers && layer->limit > 0)
            return leaves_float(plan, layer, "a max_value other than 6", error);
        has_range =
            layer_is_relu(layer) && (plan->scheme.quantize_pooled || !joins_pooling(model, index));
        break;
    }
    if (has_range) add_output(plan, layer, PLACE_OUTPUT, index);
    return STATUS_OK;
}

static enum status plan_fill(struct quant_plan *plan, const struct model *model,
                             struct error *error) {
    int layers = model->layer_count;
    if (plan->scheme.weight_bits < 2 || plan->scheme.weight_bits > 8)
        return error_set(error, STATUS_USAGE, "",
                         "weights of %d bits are not supported; 2 to 8 are",
                         plan->scheme.weight_bits);
    plan->tensors = calloc((size_t)layers * 2, sizeof *plan->tensors);
    plan->kernel_tensor = malloc((size_t)layers * sizeof *plan->kernel_tensor);
    plan->activation_tensor = malloc((size_t)layers * sizeof *plan->activation_tensor);
    if (!plan->tensors || !plan->kernel_tensor || !plan->activation_tensor)
        return error_memory(error, model->name, (size_t)layers * 2 * sizeof *plan->tensors);
    for (int i = 0; i < layers; i++) plan->kernel_tensor[i] = plan->activation_tensor[i] = -1;
    for (int i = 0; i < layers; i++) {
        enum status status = plan_layer(plan, model, i, error);
        if (status) return status;
    }
    return STATUS_OK;
}

enum status quant_plan_create(struct quant_plan **plan, const struct model *model,
                              const struct scheme *scheme, struct error *error) {
    *plan = calloc(1, sizeof **plan);
    if (!*plan) return error_memory(error, model->name, sizeof **plan);
    (*plan)->scheme = *scheme;
    enum status status = plan_fill(*plan, model, error);
    if (status) {
        quant_plan_free(*plan);
        *plan = NULL;
    }
    return status;
}

void quant_plan_free(struct quant_plan *plan) {
    if (!plan) return;
    free(plan->tensors);
    free(plan->kernel_tensor);
    free(plan->activation_tensor);
    free(plan);
}

struct range quant_clip(const struct layer *layer, struct range range) {
    if (layer->limit > 0 && range.max > layer->limit) range.max = layer->limit;
    return range;
}

struct fake_quant quant_plan_fake_quant(const struct quant_plan *plan,
                                        const struct quant_tensor *tensor, struct range range) {
    bool is_weight = tensor->kind == TENSOR_WEIGHT;
    return fake_quant_from_range(range, is_weight,
                                 is_weight ? plan->scheme.weight_bits : ACTIVATION_BITS);
}

struct qparams quant_plan_qparams(const struct quant_plan *plan, const struct quant_tensor *tensor,
                                  struct range range) {
    if (tensor->kind == TENSOR_WEIGHT) return qparams_weight(range, plan->scheme.weight_bits);
    return plan->scheme.post_training ? qparams_activation_float32(range)
                                      : qparams_activation(range);
}
