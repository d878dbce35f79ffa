/* snapshot: weights and ranges of one moment, immutable and reference-counted.
 *
 * The worker takes one between batches; the shadow thread evaluates it, export freezes it, the
 * dashboard reads it.  Model and plan outlive every snapshot (the run owns them).
 */
#ifndef QUANT_SNAPSHOT_H
#define QUANT_SNAPSHOT_H

#include <stdatomic.h>
#include <stdint.h>

#include "quant/scheme.h"

struct snapshot {
    atomic_int references;
    const struct model *model;
    const struct quant_plan *plan;
    uint64_t step;        /* batches trained when it was taken */
    float *weights;       /* [model->weight_count] */
    struct range *ranges; /* [plan->range_count] */
};

/* Copies weights and ranges; reference count 1.  NULL when memory is short. */
struct snapshot *snapshot_create(const struct model *model, const struct quant_plan *plan,
                                 uint64_t step, const float *weights, const struct range *ranges);
struct snapshot *snapshot_retain(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot); /* NULL is harmless */

#endif
