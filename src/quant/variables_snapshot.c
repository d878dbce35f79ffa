#include "quant/variables_snapshot.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "model/tfmot.h"

static enum status missing(const struct variables *variables, const char *layer, const char *name,
                           const char *advice, struct error *error) {
    return error_set(error, STATUS_FORMAT, variables->path, "layer %s: variable %s is missing; %s",
                     layer, name, advice);
}

/* TFMOT renumbers the layers that it makes of a SeparableConv2D. */
static const char *advice_for(const struct layer *layer) {
    return layer->is_part ? "of a model with SeparableConv2D, give the saved QAT model in place of "
                            "the float one"
                          : "does the file belong to another model or scheme?";
}

static enum status take_parameter(const struct model *model, int index,
                                  const struct variables *variables, float *weights,
                                  struct error *error) {
    const struct parameter *parameter = &model->parameters[index];
    const struct layer *layer = &model->layers[parameter->layer];
    const char *name = strrchr(parameter->name, '/') + 1;
    const struct variable *variable = variables_find(variables, layer->name, name);
    if (!variable) return missing(variables, layer->name, name, advice_for(layer), error);
    bool is_same = variable->rank == parameter->rank;
    for (int i = 0; is_same && i < parameter->rank; i++)
        is_same = variable->size[i] == (size_t)parameter->size[i];
    if (!is_same)
        return error_set(error, STATUS_FORMAT, variables->path,
                         "layer %s: variable %s does not have the shape that the model gives it",
                         layer->name, name);
    memcpy(weights + parameter->offset, variable->values, parameter->count * sizeof *weights);
    return STATUS_OK;
}

static const char *range_name(const struct model *model, const struct quant_tensor *tensor) {
    switch (tensor->placement) {
    case PLACE_INPUT:
        return TFMOT_INPUT;
    case PLACE_KERNEL:
        return strrchr(model->parameters[model->layers[tensor->layer].kernel].name, '/') + 1;
    case PLACE_PRE_ACTIVATION:
        return TFMOT_PRE_ACTIVATION;
    case PLACE_POST_ACTIVATION:
        return TFMOT_POST_ACTIVATION;
    case PLACE_OUTPUT:
        return TFMOT_OUTPUT;
    }
    return "";
}

struct saved_range saved_range(const struct model *model, const struct quant_tensor *tensor) {
    struct saved_range saved;
    const char *layer = model->layers[tensor->layer].name, *name = range_name(model, tensor);
    saved.layer = tensor->placement == PLACE_INPUT ? TFMOT_INPUT : layer;
    snprintf(saved.min, sizeof saved.min, "%s" TFMOT_MIN, name);
    snprintf(saved.max, sizeof saved.max, "%s" TFMOT_MAX, name);
    return saved;
}

/* Both ends of a tensor's range; NULL where the file has none. */
static struct saved_range find_ends(const struct model *model, const struct quant_tensor *tensor,
                                    const struct variables *variables,
                                    const struct variable *ends[2]) {
    struct saved_range saved = saved_range(model, tensor);
    ends[0] = variables_find(variables, saved.layer, saved.min);
    ends[1] = variables_find(variables, saved.layer, saved.max);
    return saved;
}

static enum status copy_ranges(const struct quant_tensor *tensor, const struct variables *variables,
                               const struct variable *const ends[2], struct range *ranges,
                               struct error *error) {
    const char *layer = ends[0]->layer;
    for (int end = 0; end < 2; end++)
        if (ends[end]->count != 1 && ends[end]->count != (size_t)tensor->channels)
            return error_set(error, STATUS_FORMAT, variables->path,
                             "layer %s: variable %s has %zu values, not 1 or %d", layer,
                             ends[end]->name, ends[end]->count, tensor->channels);
    for (int c = 0; c < tensor->channels; c++) {
        struct range *range = &ranges[tensor->offset + c];
        range->min = ends[0]->values[ends[0]->count > 1 ? c : 0];
        range->max = ends[1]->values[ends[1]->count > 1 ? c : 0];
        if (!(range->min <= 0 && range->max >= 0))
            return error_set(error, STATUS_FORMAT, variables->path,
                             "layer %s: the range %s, %s from %g to %g does not contain 0", layer,
                             ends[0]->name, ends[1]->name, (double)range->min, (double)range->max);
    }
    return STATUS_OK;
}

static enum status take_ranges(const struct model *model, const struct quant_tensor *tensor,
                               const struct variables *variables, struct range *ranges,
                               struct error *error) {
    const struct variable *ends[2];
    struct saved_range saved = find_ends(model, tensor, variables, ends);
    for (int end = 0; end < 2; end++)
        if (!ends[end])
            return missing(variables, saved.layer, end ? saved.max : saved.min,
                           "is the file of another model or scheme, or quantized only in part, "
                           "which 'qatop run' would complete?",
                           error);
    return copy_ranges(tensor, variables, ends, ranges, error);
}

static bool has_moved(const struct model *model, const struct quant_tensor *tensor,
                      const struct variables *variables, float start, bool *is_there) {
    const struct variable *ends[2];
    (void)find_ends(model, tensor, variables, ends);
    *is_there = ends[0] && ends[1] && ends[0]->count && ends[1]->count;
    return *is_there && (ends[0]->values[0] != -start || ends[1]->values[0] != start);
}

/* Whether a batch has gone through the model since it was prepared: the input's range is no longer
 * the (0, 0) that it starts as or, where the input has none because the model is only quantized in
 * part, that of an activation is no longer TFMOT's [-6, 6]. */
static bool has_seen_batches(const struct model *model, const struct quant_plan *plan,
                             const struct variables *variables) {
    bool is_there, moved = false;
    for (int i = 0; i < plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &plan->tensors[i];
        if (tensor->kind == TENSOR_INPUT) {
            bool has_seen = has_moved(model, tensor, variables, 0, &is_there);
            if (is_there) return has_seen;
        } else if (tensor->kind == TENSOR_ACTIVATION) {
            moved |= has_moved(model, tensor, variables, 6, &is_there);
        }
    }
    return moved;
}

enum status variables_take_ranges(const struct model *model, const struct quant_plan *plan,
                                  const struct variables *variables, struct range *ranges,
                                  int *taken, struct error *error) {
    enum status status = STATUS_OK;
    *taken = 0;
    if (!has_seen_batches(model, plan, variables)) return STATUS_OK;
    for (int i = 0; i < plan->tensor_count && !status; i++) {
        const struct quant_tensor *tensor = &plan->tensors[i];
        const struct variable *ends[2];
        if (tensor->kind == TENSOR_WEIGHT && plan->scheme.fresh_weight_ranges) continue;
        (void)find_ends(model, tensor, variables, ends);
        if (!ends[0] || !ends[1]) continue;
        status = copy_ranges(tensor, variables, ends, ranges, error);
        if (tensor->kind != TENSOR_WEIGHT) ++*taken;
    }
    return status;
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
