/* snapshot: the weights and ranges of one step, immutable and reference-counted.
 *
 * The worker takes one between batches; the shadow thread evaluates it, export freezes it, the
 * dashboard reads it.  The model and the plan, which the run owns, outlive every snapshot.
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
    uint64_t step;        /* batches trained so far */
    float *weights;       /* [model->weight_count] */
    struct range *ranges; /* [plan->range_count] */
};

/* Copies weights and ranges; reference count 1.  NULL when memory is short. */
struct snapshot *snapshot_create(const struct model *model, const struct quant_plan *plan,
                                 uint64_t step, const float *weights, const struct range *ranges);
struct snapshot *snapshot_retain(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot); /* NULL is harmless */

#endif
