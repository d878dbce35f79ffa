/* ranges_int8: the integer engine's values compared with the float network's. */
#include <math.h>
#include <stdio.h>

#include "ui/draw/number.h"
#include "ui/panels/ranges.h"

/* Of the newest evaluation that has one. */
static const struct comparison *layers_of(const struct store *store) {
    for (int i = store->evaluation_count - 1; i >= 0; i--)
        if (store->evaluations[i]->layers) return store->evaluations[i]->layers;
    return NULL;
}

struct ranges_int8 ranges_int8(const struct store *store, int tensor) {
    struct ranges_int8 int8 = {.sqnr = (double)NAN, .cost = (double)NAN};
    const struct comparison *layers = layers_of(store);
    const struct quant_tensor *of = &store->info->plan->tensors[tensor];
    const struct compared *row = layers ? comparison_of_layer(layers, of->layer) : NULL;
    if (!row) return int8;
    int8.row = row;
    int8.count = layers->count;
    if (of->kind == TENSOR_WEIGHT) {
        int8.sqnr = row->weights_sqnr;
        return int8;
    }
    int8.sqnr = row->sqnr;
    if (!isnan(row->alone_sqnr)) int8.cost = row->share;
    int8.is_costliest = layers->costliest >= 0 && row == &layers->rows[layers->costliest];
    return int8;
}

static void decibels(double value, char text[24]) {
    if (value > SQNR_EXACT)
        snprintf(text, 24, "exact");
    else
        snprintf(text, 24, "%.1f dB", value);
}

bool ranges_int8_line(const struct store *store, int tensor, int columns, char *text, size_t size) {
    struct ranges_int8 int8 = ranges_int8(store, tensor);
    char sqnr[24], cost[80];
    if (isnan(int8.sqnr)) return false;
    decibels(int8.sqnr, sqnr);
    if (store->info->plan->tensors[tensor].kind == TENSOR_WEIGHT) {
        snprintf(text, size, "int8: weights %s", sqnr);
        return true;
    }
    int length = snprintf(text, size, "int8: %s beside float, clips %.1f %%", sqnr,
                          100 * int8.row->saturation);
    if (isnan(int8.cost)) return true;
    int more = snprintf(cost, sizeof cost, "; alone %.0f %% of the logits' error%s",
                        100 * int8.cost, int8.is_costliest ? ", most of all" : "");
    /* Truncated, it would say something else. */
    if (length + more <= columns) snprintf(text + length, size - (size_t)length, "%s", cost);
    return true;
}

bool ranges_costliest(const struct store *store, char *text, size_t size) {
    const struct comparison *layers = layers_of(store);
    if (!layers || layers->costliest < 0) return false;
    const struct compared *row = &layers->rows[layers->costliest];
    snprintf(text, size, "%s costs most, %.0f %%", store->info->model->layers[row->layer].name,
             100 * row->share);
    return true;
}
