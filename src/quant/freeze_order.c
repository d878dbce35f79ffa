/* The order in which the TFLite converter lists the operators of a model that is no chain.
 *
 * TensorFlow's graph optimizer sorts by readiness: of the nodes whose inputs are all there, the one
 * with the first name comes next, and a node is named LAYER/OPERATION.  (Found by experiment.) */
#include <stdlib.h>

#include "quant/internal.h"

/* Whether LAYER/ of one layer sorts before that of the other. */
static bool sorts_before(const struct layer *layer, const struct layer *other) {
    const unsigned char *a = (const unsigned char *)layer->name;
    const unsigned char *b = (const unsigned char *)other->name;
    while (*a && *a == *b) a++, b++;
    return (*a ? *a : '/') < (*b ? *b : '/');
}

static bool is_ready(const struct model *model, int index, const bool *is_listed) {
    const struct layer *layer = &model->layers[index];
    for (int i = 0; i < layer->input_count; i++)
        if (!is_listed[layer->inputs[i]]) return false;
    return !is_listed[index];
}

/* Where a layer of that place in the order is computed, -1 for nowhere.  In a model that was not
 * trained for it, a layer stands where the BatchNormalization does that becomes part of it. */
static int computed_at(const struct freezer *freezer, int index) {
    const struct model *model = freezer->model;
    const struct layer *layer = &model->layers[index];
    if (!freezer->plan->scheme.post_training) return index;
    if (quant_normalization(model, index) >= 0) return -1;
    bool is_folded = layer->kind == LAYER_BATCH_NORMALIZATION &&
                     quant_normalization(model, layer->inputs[0]) == index;
    return is_folded ? layer->inputs[0] : index;
}

bool freeze_order(struct freezer *freezer, int *order, int *count) {
    const struct model *model = freezer->model;
    bool *is_listed = calloc((size_t)model->layer_count, sizeof *is_listed);
    if (!is_listed) return freeze_out_of_memory(freezer, (size_t)model->layer_count);
    *count = 0;
    for (int i = 0; i < model->layer_count; i++) {
        int next = -1;
        for (int j = 0; j < model->layer_count; j++)
            if (is_ready(model, j, is_listed) &&
                (next < 0 || sorts_before(&model->layers[j], &model->layers[next])))
                next = j;
        qt_assert(next >= 0);
        is_listed[next] = true;
        int layer = computed_at(freezer, next);
        if (layer >= 0) order[(*count)++] = layer;
    }
    free(is_listed);
    return true;
}
