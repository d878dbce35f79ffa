#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/internal.h"

#define WEIGHT_GRAIN 16 /* floats: one 64-byte line */

static const char *const class_names[LAYER_KINDS] = {
    [LAYER_INPUT] = "InputLayer",
    [LAYER_DENSE] = "Dense",
    [LAYER_CONV2D] = "Conv2D",
    [LAYER_DEPTHWISE_CONV2D] = "DepthwiseConv2D",
    [LAYER_BATCH_NORMALIZATION] = "BatchNormalization",
    [LAYER_ADD] = "Add",
    [LAYER_MAX_POOLING2D] = "MaxPooling2D",
    [LAYER_AVERAGE_POOLING2D] = "AveragePooling2D",
    [LAYER_GLOBAL_AVERAGE_POOLING2D] = "GlobalAveragePooling2D",
    [LAYER_GLOBAL_MAX_POOLING2D] = "GlobalMaxPooling2D",
    [LAYER_ZERO_PADDING2D] = "ZeroPadding2D",
    [LAYER_RESHAPE] = "Reshape",
    [LAYER_FLATTEN] = "Flatten",
    [LAYER_DROPOUT] = "Dropout",
    [LAYER_ACTIVATION] = "Activation",
    [LAYER_RELU] = "ReLU",
    [LAYER_SOFTMAX] = "Softmax",
    [LAYER_LEAKY_RELU] = "LeakyReLU",
    [LAYER_SEPARABLE_CONV2D] = "SeparableConv2D",
};

static const char *const activation_names[ACTIVATIONS] = {
    [ACTIVATION_LINEAR] = "linear",   [ACTIVATION_RELU] = "relu",
    [ACTIVATION_RELU6] = "relu6",     [ACTIVATION_SOFTMAX] = "softmax",
    [ACTIVATION_SIGMOID] = "sigmoid", [ACTIVATION_TANH] = "tanh",
};

const char *layer_class(enum layer_kind kind) {
    return kind < LAYER_KINDS ? class_names[kind] : "?";
}

const char *activation_name(enum activation activation) {
    return activation < ACTIVATIONS ? activation_names[activation] : "?";
}

enum layer_kind layer_kind_of(const char *class_name) {
    enum layer_kind kind = 0;
    while (kind < LAYER_KINDS && strcmp(class_names[kind], class_name)) kind++;
    return kind;
}

enum activation activation_of(const char *name) {
    enum activation activation = 0;
    while (activation < ACTIVATIONS && strcmp(activation_names[activation], name)) activation++;
    return activation;
}

enum status layer_error(struct error *error, enum status status, const char *path,
                        const struct layer *layer, const char *format, ...) {
    char text[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(error, status, path, "layer '%s' (%s): %s", layer->name,
                     layer_class(layer->kind), text);
}

bool model_is_chain(const struct model *model) {
    for (int i = 1; i < model->layer_count; i++)
        if (model->layers[i].input_count != 1 || model->layers[i].inputs[0] != i - 1) return false;
    return true;
}

bool layer_has_kernel(const struct layer *layer) {
    return layer->kind == LAYER_DENSE || layer->kind == LAYER_CONV2D ||
           layer->kind == LAYER_DEPTHWISE_CONV2D;
}

bool layer_is_relu(const struct layer *layer) {
    return layer->kind == LAYER_RELU ||
           (layer->kind == LAYER_ACTIVATION &&
            (layer->activation == ACTIVATION_RELU || layer->activation == ACTIVATION_RELU6));
}

bool layer_is_softmax(const struct layer *layer) {
    return layer->kind == LAYER_SOFTMAX ||
           (layer->kind == LAYER_ACTIVATION && layer->activation == ACTIVATION_SOFTMAX);
}

size_t shape_count(const struct shape *shape) {
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->size[i];
    return count;
}

const char *shape_text(const struct shape *shape, char text[64]) {
    int used = 0;
    text[0] = 0;
    for (int i = 0; i < shape->rank; i++)
        used += snprintf(text + used, 64 - (size_t)used, "%s%d", i ? "x" : "", shape->size[i]);
    return text;
}

struct model *model_new(int layers) {
    struct model *model = calloc(1, sizeof *model);
    if (!model) return NULL;
    model->layers = calloc((size_t)layers, sizeof *model->layers);
    model->parameters = calloc(LAYER_PARAMETERS * (size_t)layers, sizeof *model->parameters);
    if (!model->layers || !model->parameters) {
        model_free(model);
        return NULL;
    }
    for (int i = 0; i < layers; i++) model->layers[i].kernel = model->layers[i].bias = -1;
    return model;
}

void model_free(struct model *model) {
    if (!model) return;
    array_free(model->weights);
    free(model->parameters);
    free(model->layers);
    free(model);
}

struct planner {
    struct model *model;
    int layer; /* whose parameters are being added */
    const char *path;
    struct error *error;
    enum status status; /* of the first that failed */
};

/* Index of a new parameter, also after a failure.  Sizes are at most SIZE_MAX_LAYER each, so that
 * the product of two of them cannot overflow; the count is compared after every factor. */
static int add_parameter(struct planner *planner, const char *name, bool is_trained, int rank,
                         const int *size) {
    struct model *model = planner->model;
    struct parameter *parameter = &model->parameters[model->parameter_count];
    struct layer *layer = &model->layers[planner->layer];
    size_t count = 1;
    for (int i = 0; i < rank && !planner->status; i++) {
        count *= (size_t)size[i];
        parameter->size[i] = size[i];
        if (count > MODEL_WEIGHTS_MAX - model->weight_count)
            planner->status = layer_error(planner->error, STATUS_UNSUPPORTED, planner->path, layer,
                                          "its %s makes the model larger than %zu weights", name,
                                          MODEL_WEIGHTS_MAX);
    }
    if (planner->status) return -1;
    snprintf(parameter->name, sizeof parameter->name, "%s/%s", layer->name, name);
    parameter->layer = planner->layer;
    parameter->is_trained = is_trained && !layer->keeps_weights;
    parameter->rank = rank;
    parameter->offset = model->weight_count;
    parameter->count = count;
    layer->parameter_count++;
    model->weight_count += (count + WEIGHT_GRAIN - 1) / WEIGHT_GRAIN * WEIGHT_GRAIN;
    return model->parameter_count++;
}

static void plan_kernel(struct planner *planner, struct layer *layer, int channels) {
    const int dense[] = {channels, layer->units};
    const int conv[] = {layer->window.height, layer->window.width, channels, layer->units};
    const int depthwise[] = {layer->window.height, layer->window.width, channels,
                             layer->depth_multiplier};
    const int pointwise[] = {1, 1, channels * layer->depth_multiplier, layer->units};
    if (layer->kind == LAYER_DENSE)
        layer->kernel = add_parameter(planner, "kernel", true, 2, dense);
    else if (layer->kind == LAYER_CONV2D)
        layer->kernel = add_parameter(planner, "kernel", true, 4, conv);
    else
        layer->kernel = add_parameter(planner, "depthwise_kernel", true, 4, depthwise);
    if (layer->kind == LAYER_SEPARABLE_CONV2D)
        add_parameter(planner, "pointwise_kernel", true, 4, pointwise);
    if (layer->has_bias) layer->bias = add_parameter(planner, "bias", true, 1, &layer->units);
}

static void plan_normalization(struct planner *planner, struct normalization *normalization,
                               int channels) {
    normalization->gamma = normalization->beta = -1;
    if (normalization->has_gamma)
        normalization->gamma = add_parameter(planner, "gamma", true, 1, &channels);
    if (normalization->has_beta)
        normalization->beta = add_parameter(planner, "beta", true, 1, &channels);
    normalization->moving_mean = add_parameter(planner, "moving_mean", false, 1, &channels);
    normalization->moving_variance = add_parameter(planner, "moving_variance", false, 1, &channels);
}

enum status model_plan_weights(struct model *model, const char *path, struct error *error) {
    struct planner planner = {.model = model, .path = path, .error = error};
    for (int i = 0; i < model->layer_count; i++) {
        struct layer *layer = &model->layers[i];
        const struct shape *input = &model->layers[i ? layer->inputs[0] : 0].output;
        int channels = input->size[input->rank - 1];
        planner.layer = i;
        layer->first_parameter = model->parameter_count;
        layer->parameter_count = 0;
        if (layer_has_kernel(layer) || layer->kind == LAYER_SEPARABLE_CONV2D)
            plan_kernel(&planner, layer, channels);
        if (layer->kind == LAYER_BATCH_NORMALIZATION)
            plan_normalization(&planner, &layer->normalization, channels);
        if (planner.status) return planner.status;
    }
    model->weights = array_new(model->weight_count, sizeof *model->weights);
    if (!model->weights)
        return error_memory(error, path, model->weight_count * sizeof *model->weights);
    return STATUS_OK;
}

enum status model_check_digits(const struct model *model, const char *path, struct error *error) {
    const struct layer *input = &model->layers[0];
    const struct layer *last = &model->layers[model->layer_count - 1];
    const struct shape *shape = &input->output;
    char text[64];
    bool is_digit = shape->rank == 1 ? shape->size[0] == 784
                                     : shape->size[0] == 28 && shape->size[1] == 28 &&
                                           (shape->rank == 2 || shape->size[2] == 1);
    if (!is_digit)
        return layer_error(error, STATUS_UNSUPPORTED, path, input,
                           "takes %s; digits are 28x28x1, 28x28 or 784", shape_text(shape, text));
    if (last->output.rank != 1 || last->output.size[0] != 10)
        return layer_error(error, STATUS_UNSUPPORTED, path, last,
                           "gives %s; a classifier of digits gives 10 numbers",
                           shape_text(&last->output, text));
    return STATUS_OK;
}
