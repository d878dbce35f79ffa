#include "quant/scheme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct scheme schemes[] = {
    {
        .name = "qatop",
        .summary = "calibrated ranges, Dense per channel, cosine schedule",
        .weight_bits = 8,
        .range_decay = 0.99,
        .calibrate = true,
        .fresh_weight_ranges = true,
        .dense_per_channel = true,
        .quantize_before_relu = true,
        .schedule = "cosine",
        .warmup_share = 0.1f,
    },
    {
        .name = "tfmot",
        .summary = "TFMOT's default 8-bit scheme, to the letter",
        .weight_bits = 8,
        .range_decay = 0.999,
        .calibrate = false,
        .fresh_weight_ranges = false,
        .dense_per_channel = false,
        .quantize_before_relu = false,
        .schedule = "constant",
    },
    {.name = NULL},
};

const struct scheme scheme_ptq = {
    .name = "ptq",
    .summary = "quantized after training, as the TFLite converter does it",
    .weight_bits = 8,
    .fresh_weight_ranges = true,
    .dense_per_channel = true,
    .post_training = true,
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

/* Whether the layer is a ReLU of its own: the layer before it then has no activation range. */
static bool is_separate_relu(const struct layer *layer) {
    return layer->kind == LAYER_RELU ||
           (layer->kind == LAYER_ACTIVATION && layer->activation == ACTIVATION_RELU);
}

/* The only layer that reads layer `index`, or NULL when there is none or more than one. */
static const struct layer *only_consumer(const struct model *model, int index) {
    const struct layer *consumer = NULL;
    for (int i = index + 1; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        for (int input = 0; input < layer->input_count; input++) {
            if (layer->inputs[input] != index) continue;
            if (consumer) return NULL;
            consumer = layer;
        }
    }
    return consumer;
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

static void plan_kernel_layer(struct quant_plan *plan, const struct model *model, int index) {
    const struct layer *layer = &model->layers[index];
    const struct layer *consumer = only_consumer(model, index);
    bool before_relu = consumer && is_separate_relu(consumer);
    if (!plan->scheme.post_training && (!before_relu || plan->scheme.quantize_before_relu)) {
        bool per_channel = layer->kind == LAYER_CONV2D || plan->scheme.dense_per_channel;
        add_tensor(plan, model->parameters[layer->kernel].name, TENSOR_WEIGHT, PLACE_KERNEL, index,
                   per_channel ? layer->units : 1, per_channel);
    }
    if (!before_relu)
        add_output(plan, layer,
                   layer->activation == ACTIVATION_SOFTMAX ? PLACE_PRE_ACTIVATION
                                                           : PLACE_POST_ACTIVATION,
                   index);
}

static enum status plan_layer(struct quant_plan *plan, const struct model *model, int index,
                              struct error *error) {
    const struct layer *layer = &model->layers[index];
    switch (layer->kind) {
    case LAYER_INPUT:
        add_tensor(plan, index ? layer->name : "input", TENSOR_INPUT, PLACE_INPUT, index, 1, false);
        return STATUS_OK;
    case LAYER_DENSE:
    case LAYER_CONV2D:
        plan_kernel_layer(plan, model, index);
        return STATUS_OK;
    case LAYER_RELU:
        add_output(plan, layer, PLACE_OUTPUT, index);
        return STATUS_OK;
    case LAYER_ACTIVATION:
        if (layer->activation == ACTIVATION_RELU) add_output(plan, layer, PLACE_OUTPUT, index);
        return STATUS_OK;
    case LAYER_MAX_POOLING2D:
    case LAYER_FLATTEN:
    case LAYER_DROPOUT:
    case LAYER_SOFTMAX:
        return STATUS_OK; /* values pass, or stay as fine as they are */
    case LAYER_KINDS:
        break;
    }
    return error_set(error, STATUS_UNSUPPORTED, layer->name,
                     "a layer of this kind cannot be quantized");
}

static enum status plan_fill(struct quant_plan *plan, const struct model *model,
                             struct error *error) {
    int layers = model->layer_count;
    if (plan->scheme.weight_bits < 2 || plan->scheme.weight_bits > 8)
        return error_set(error, STATUS_USAGE, "", "weights of %d bits: 2 to 8 are possible",
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
