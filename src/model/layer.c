#include "model/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_OUTPUT   ((size_t)1 << 24) /* values in a layer's output for one image */
#define WEIGHT_GRAIN 16                /* floats: a cache line of 64 bytes */

#define ROW(kind, name) [kind] = &name##_layer,
static const struct layer_type *const types[LAYER_KINDS] = {
    [LAYER_SEPARABLE_CONV2D] = &separable_conv2d_layer, LAYER_LIST(ROW)};
#undef ROW

static const char *const activation_names[ACTIVATIONS] = {
    [ACTIVATION_LINEAR] = "linear",   [ACTIVATION_RELU] = "relu",
    [ACTIVATION_RELU6] = "relu6",     [ACTIVATION_SOFTMAX] = "softmax",
    [ACTIVATION_SIGMOID] = "sigmoid", [ACTIVATION_TANH] = "tanh",
};

const struct layer_type *layer_type(enum layer_kind kind) {
    return types[kind];
}

const char *layer_class(enum layer_kind kind) {
    return kind < LAYER_KINDS ? types[kind]->class_name : "?";
}

const char *activation_name(enum activation activation) {
    return activation < ACTIVATIONS ? activation_names[activation] : "?";
}

enum layer_kind layer_kind_of(const char *class_name) {
    enum layer_kind kind = 0;
    while (kind < LAYER_KINDS && strcmp(types[kind]->class_name, class_name)) kind++;
    return kind;
}

enum activation activation_of(const char *name) {
    enum activation activation = 0;
    while (activation < ACTIVATIONS && strcmp(activation_names[activation], name)) activation++;
    return activation;
}

bool activation_is_sigmoidal(enum activation activation) {
    return activation == ACTIVATION_SIGMOID || activation == ACTIVATION_TANH;
}

bool layer_has_kernel(const struct layer *layer) {
    return types[layer->kind]->has_kernel;
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

/* ---- shapes --------------------------------------------------------------------------------- */

enum status layer_check_image(struct layer_builder *builder, const struct shape *input) {
    char text[64];
    if (input->rank == 3) return STATUS_OK;
    return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, builder->layer,
                       "gets %s; it needs height x width x channels", shape_text(input, text));
}

enum status layer_check_output(const struct layer_builder *builder) {
    const struct shape *output = &builder->layer->output;
    size_t count = 1;
    for (int i = 0; i < output->rank; i++) {
        count *= (size_t)output->size[i];
        if (count > MAX_OUTPUT)
            return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, builder->layer,
                               "its output is larger than %zu numbers", MAX_OUTPUT);
    }
    return STATUS_OK;
}

enum status layer_infer_shape(struct model *model, struct layer *layer, const char *path,
                              struct error *error) {
    const struct layer_type *type = types[layer->kind];
    struct layer_builder builder = {.model = model, .layer = layer, .path = path, .error = error};
    char text[64];
    if (layer->kind == LAYER_INPUT) return layer_check_output(&builder);
    if (layer->input_count > 1 && !type->has_two_inputs)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                           "takes %d inputs; only Add takes more than one", layer->input_count);
    const struct shape *input = &model->layers[layer->inputs[0]].output;
    layer->output = *input;
    enum status status = type->infer ? type->infer(&builder, input) : STATUS_OK;
    if (status) return status;
    if (layer->activation == ACTIVATION_SOFTMAX && layer->output.rank != 1)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                           "softmax over %s; only vectors are supported",
                           shape_text(&layer->output, text));
    return layer_check_output(&builder);
}

/* ---- parameters ----------------------------------------------------------------------------- */

/* The product of two sizes cannot overflow, and the count is checked after every factor. */
int layer_add_parameter(struct layer_builder *builder, const char *name, bool is_trained, int rank,
                        const int *size) {
    struct model *model = builder->model;
    struct layer *layer = builder->layer;
    struct parameter *parameter = &model->parameters[model->parameter_count];
    size_t count = 1;
    for (int i = 0; i < rank && !builder->status; i++) {
        count *= (size_t)size[i];
        parameter->size[i] = size[i];
        if (count > MAX_WEIGHTS - model->weight_count)
            builder->status =
                layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, layer,
                            "its %s makes the model larger than %zu weights", name, MAX_WEIGHTS);
    }
    if (builder->status) return -1;
    snprintf(parameter->name, sizeof parameter->name, "%s/%s", layer->name, name);
    parameter->layer = (int)(layer - model->layers);
    parameter->is_trained = is_trained && layer->trainable;
    parameter->rank = rank;
    parameter->offset = model->weight_count;
    parameter->count = count;
    layer->parameter_count++;
    model->weight_count += (count + WEIGHT_GRAIN - 1) / WEIGHT_GRAIN * WEIGHT_GRAIN;
    return model->parameter_count++;
}
