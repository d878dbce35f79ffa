#include "quant/freeze_order.h"

#include <stdlib.h>

/* Whether "LAYER/" of one layer sorts before that of the other. */
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

/* The layer whose operator stands at the place of layer `index`, -1 for none.  After post-training
 * quantization, a layer with a BatchNormalization folded in stands where that stood. */
static int computed_at(const struct model *model, const struct quant_plan *plan, int index) {
    const struct layer *layer = &model->layers[index];
    if (!plan->scheme.post_training) return index;
    if (quant_normalization(model, index) >= 0) return -1;
    bool is_folded = layer->kind == LAYER_BATCH_NORMALIZATION &&
                     quant_normalization(model, layer->inputs[0]) == index;
    return is_folded ? layer->inputs[0] : index;
}

enum status freeze_order(const struct model *model, const struct quant_plan *plan, int *order,
                         int *count, struct error *error) {
    bool *is_listed = calloc((size_t)model->layer_count, sizeof *is_listed);
    if (!is_listed) return error_memory(error, model->name, (size_t)model->layer_count);
    *count = 0;
    for (int i = 0; i < model->layer_count; i++) {
        int next = -1;
        for (int j = 0; j < model->layer_count; j++)
            if (is_ready(model, j, is_listed) &&
                (next < 0 || sorts_before(&model->layers[j], &model->layers[next])))
                next = j;
        qt_assert(next >= 0);
        is_listed[next] = true;
        int layer = computed_at(model, plan, next);
        if (layer >= 0) order[(*count)++] = layer;
    }
    free(is_listed);
    return STATUS_OK;
}
