#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "model/layer.h"

bool model_is_chain(const struct model *model) {
    for (int i = 1; i < model->layer_count; i++)
        if (model->layers[i].input_count != 1 || model->layers[i].inputs[0] != i - 1) return false;
    return true;
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
    model->parameters = calloc(MAX_LAYER_PARAMETERS * (size_t)layers, sizeof *model->parameters);
    if (!model->layers || !model->parameters) {
        model_free(model);
        return NULL;
    }
    for (int i = 0; i < layers; i++)
        model->layers[i] = (struct layer){.trainable = true, .kernel = -1, .bias = -1};
    return model;
}

void model_free(struct model *model) {
    if (!model) return;
    array_free(model->weights);
    free(model->parameters);
    free(model->layers);
    free(model);
}

enum status model_plan_weights(struct model *model, const char *path, struct error *error) {
    struct layer_builder builder = {.model = model, .path = path, .error = error};
    for (int i = 0; i < model->layer_count; i++) {
        struct layer *layer = &model->layers[i];
        const struct layer_type *type = layer_type(layer->kind);
        const struct shape *input = &model->layers[i ? layer->inputs[0] : 0].output;
        builder.layer = layer;
        layer->first_parameter = model->parameter_count;
        layer->parameter_count = 0;
        if (type->add_parameters) type->add_parameters(&builder, input->size[input->rank - 1]);
        if (builder.status) return builder.status;
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
                           "gives %s; a digit classifier gives 10 numbers",
                           shape_text(&last->output, text));
    return STATUS_OK;
}
