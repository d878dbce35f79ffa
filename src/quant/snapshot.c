#include "quant/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct snapshot *snapshot_create(const struct model *model, const struct quant_plan *plan,
                                 uint64_t step, const float *weights, const struct range *ranges) {
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot) return NULL;
    snapshot->weights = array_new(model->weight_count, sizeof *weights);
    snapshot->ranges = array_new((size_t)plan->range_count, sizeof *ranges);
    if (!snapshot->weights || !snapshot->ranges) {
        array_free(snapshot->weights);
        array_free(snapshot->ranges);
        free(snapshot);
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    snapshot->model = model;
    snapshot->plan = plan;
    snapshot->step = step;
    memcpy(snapshot->weights, weights, model->weight_count * sizeof *weights);
    memcpy(snapshot->ranges, ranges, (size_t)plan->range_count * sizeof *ranges);
    return snapshot;
}

struct snapshot *snapshot_retain(struct snapshot *snapshot) {
    /* Relaxed: whoever hands the pointer over has already ordered its contents. */
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot) {
    if (!snapshot) return;
    /* The release half orders this holder's reads before the free of the last one, which the
     * acquire half makes it see. */
    if (atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1) return;
    array_free(snapshot->weights);
    array_free(snapshot->ranges);
    free(snapshot);
}
