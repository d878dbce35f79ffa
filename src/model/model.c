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

enum status model_check_classifier(const struct model *model, const char *path,
                                   struct error *error) {
    char text[64];
    const struct layer *last = &model->layers[model->layer_count - 1];
    if (last->output.rank != 1 || last->output.size[0] < 2 ||
        last->output.size[0] > MAX_MODEL_CLASSES)
        return layer_error(error, STATUS_UNSUPPORTED, path, last,
                           "gives %s; a classifier gives 2 to %d numbers, one a class",
                           shape_text(&last->output, text), MAX_MODEL_CLASSES);
    return STATUS_OK;
}

int model_classes(const struct model *model) {
    return model->layers[model->layer_count - 1].output.size[0];
}
