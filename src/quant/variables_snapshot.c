#include "quant/variables_snapshot.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"

static enum status find(const struct variables *variables, const char *layer, const char *name,
                        const struct variable **variable, struct error *error) {
    *variable = variables_find(variables, layer, name);
    if (*variable) return STATUS_OK;
    return error_set(error, STATUS_FORMAT, variables->path,
                     "layer %s: variable %s is missing; is the file of another model or scheme?",
                     layer, name);
}

static enum status take_parameter(const struct model *model, int index,
                                  const struct variables *variables, float *weights,
                                  struct error *error) {
    const struct parameter *parameter = &model->parameters[index];
    const struct layer *layer = &model->layers[parameter->layer];
    const char *name = strrchr(parameter->name, '/') + 1;
    const struct variable *variable;
    enum status status = find(variables, layer->name, name, &variable, error);
    if (status) return status;
    bool is_same = variable->rank == parameter->rank;
    for (int i = 0; is_same && i < parameter->rank; i++)
        is_same = variable->size[i] == (size_t)parameter->size[i];
    if (!is_same)
        return error_set(error, STATUS_FORMAT, variables->path,
                         "layer %s: variable %s has another shape than in the model", layer->name,
                         name);
    memcpy(weights + parameter->offset, variable->values, parameter->count * sizeof *weights);
    return STATUS_OK;
}

static const char *range_name(const struct layer *layer, enum placement placement) {
    switch (placement) {
    case PLACE_INPUT:
        return "quantize_layer";
    case PLACE_KERNEL:
        return layer->kind == LAYER_DEPTHWISE_CONV2D ? "depthwise_kernel" : "kernel";
    case PLACE_PRE_ACTIVATION:
        return "pre_activation";
    case PLACE_POST_ACTIVATION:
        return "post_activation";
    case PLACE_OUTPUT:
        return "output";
    }
    return "";
}

static enum status take_ranges(const struct model *model, const struct quant_tensor *tensor,
                               const struct variables *variables, struct range *ranges,
                               struct error *error) {
    const char *layer =
        tensor->kind == TENSOR_INPUT ? "quantize_layer" : model->layers[tensor->layer].name;
    const struct variable *ends[2];
    for (int end = 0; end < 2; end++) {
        char name[MODEL_NAME];
        snprintf(name, sizeof name, "%s_%s",
                 range_name(&model->layers[tensor->layer], tensor->placement), end ? "max" : "min");
        enum status status = find(variables, layer, name, &ends[end], error);
        if (status) return status;
        if (ends[end]->count != 1 && ends[end]->count != (size_t)tensor->channels)
            return error_set(error, STATUS_FORMAT, variables->path,
                             "layer %s: variable %s has %zu values; 1 or %d are wanted", layer,
                             name, ends[end]->count, tensor->channels);
    }
    for (int c = 0; c < tensor->channels; c++) {
        struct range *range = &ranges[tensor->offset + c];
        range->min = ends[0]->values[ends[0]->count > 1 ? c : 0];
        range->max = ends[1]->values[ends[1]->count > 1 ? c : 0];
    }
    return STATUS_OK;
}

enum status variables_snapshot(const struct model *model, const struct quant_plan *plan,
                               const struct variables *variables, struct snapshot **snapshot,
                               struct error *error) {
    *snapshot = NULL;
    enum status status = STATUS_OK;
    float *weights = array_new(model->weight_count, sizeof *weights);
    struct range *ranges = array_new((size_t)plan->range_count, sizeof *ranges);
    if (!weights || !ranges) {
        status = error_memory(error, variables->path, model->weight_count * sizeof *weights);
        goto done;
    }
    for (int i = 0; i < model->parameter_count && !status; i++)
        status = take_parameter(model, i, variables, weights, error);
    for (int i = 0; i < plan->tensor_count && !status; i++)
        status = take_ranges(model, &plan->tensors[i], variables, ranges, error);
    if (status) goto done;
    *snapshot = snapshot_create(model, plan, 0, weights, ranges);
    if (!*snapshot)
        status = error_memory(error, variables->path, model->weight_count * sizeof *weights);
done:
    array_free(weights);
    array_free(ranges);
    return status;
}
