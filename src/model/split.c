#include "model/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/layer.h"

static enum status name_part(struct layer *part, const struct layer *whole, const char *suffix,
                             const char *path, struct error *error) {
    int length = snprintf(part->name, sizeof part->name, "%s%s", whole->name, suffix);
    if (length < MODEL_NAME) return STATUS_OK;
    return layer_error(error, STATUS_UNSUPPORTED, path, whole,
                       "its name is longer than %d bytes, too long for the names of its parts",
                       MODEL_NAME - 1 - (int)strlen(suffix));
}

/* The parameters are already in the order of the parts: depthwise_kernel, pointwise_kernel, bias.
 */
static enum status split(const struct model *model, const struct layer *whole, int at,
                         struct layer *layers, const char *path, struct error *error) {
    struct layer *depthwise = &layers[at], *pointwise = &layers[at + 1];
    *depthwise = *whole;
    depthwise->is_part = true;
    depthwise->kind = LAYER_DEPTHWISE_CONV2D;
    depthwise->activation = ACTIVATION_LINEAR;
    depthwise->parameter_count = 1;
    depthwise->has_bias = false;
    depthwise->bias = -1;
    depthwise->units =
        model->parameters[whole->kernel].size[2] * model->parameters[whole->kernel].size[3];
    depthwise->output.size[2] = depthwise->units;
    *pointwise = *whole;
    pointwise->is_part = true;
    pointwise->kind = LAYER_CONV2D;
    pointwise->inputs[0] = at;
    pointwise->depth_multiplier = 0;
    pointwise->window = (struct window){1, 1, 1, 1, 1, 1, PADDING_VALID};
    pointwise->first_parameter++;
    pointwise->parameter_count--;
    pointwise->kernel++;
    enum status status = name_part(depthwise, whole, "_depthwise", path, error);
    return status ? status : name_part(pointwise, whole, "_pointwise", path, error);
}

/* Set layer and name of the parameters of layer `at`. */
static void claim_parameters(struct model *model, int at) {
    const struct layer *layer = &model->layers[at];
    for (int i = 0; i < layer->parameter_count; i++) {
        struct parameter *parameter = &model->parameters[layer->first_parameter + i];
        const char *name = strrchr(parameter->name, '/') + 1;
        char kept[MODEL_NAME];
        snprintf(kept, sizeof kept, "%s", strcmp(name, "pointwise_kernel") ? name : "kernel");
        snprintf(parameter->name, sizeof parameter->name, "%s/%s", layer->name, kept);
        parameter->layer = at;
    }
}

static enum status check_names(const struct model *model, const char *path, struct error *error) {
    for (int i = 0; i < model->layer_count; i++)
        for (int j = 0; j < i; j++)
            if (!strcmp(model->layers[i].name, model->layers[j].name))
                return layer_error(error, STATUS_UNSUPPORTED, path, &model->layers[i],
                                   "a part of a SeparableConv2D would have the same name");
    return STATUS_OK;
}

enum status model_split_separable(struct model *model, const char *path, struct error *error) {
    int more = 0, index[MAX_LAYERS], count = 0;
    for (int i = 0; i < model->layer_count; i++)
        more += model->layers[i].kind == LAYER_SEPARABLE_CONV2D;
    if (!more) return STATUS_OK;
    if (model->layer_count + more > MAX_LAYERS)
        return error_set(error, STATUS_UNSUPPORTED, path,
                         "with each SeparableConv2D in two parts the model has more than %d layers",
                         MAX_LAYERS);
    struct layer *layers = calloc((size_t)(model->layer_count + more), sizeof *layers);
    if (!layers) return error_memory(error, path, (size_t)more * sizeof *layers);
    enum status status = STATUS_OK;
    for (int i = 0; i < model->layer_count && !status; i++) {
        struct layer layer = model->layers[i];
        for (int j = 0; j < layer.input_count; j++) layer.inputs[j] = index[layer.inputs[j]];
        if (layer.kind == LAYER_SEPARABLE_CONV2D)
            status = split(model, &layer, count++, layers, path, error);
        else
            layers[count] = layer;
        index[i] = count++;
    }
    free(model->layers);
    model->layers = layers;
    model->layer_count = count;
    for (int i = 0; i < count && !status; i++) claim_parameters(model, i);
    return status ? status : check_names(model, path, error);
}
