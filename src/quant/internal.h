/* internal: what the files that freeze a model share.
 *
 * The first failure stays in freezer->status; functions that return an index then return -1, those
 * that return bool false.
 */
#ifndef QUANT_INTERNAL_H
#define QUANT_INTERNAL_H

#include "quant/freeze.h"

struct freezer {
    const struct snapshot *snapshot;
    const struct model *model;
    const struct quant_plan *plan;
    enum frozen_io io;
    struct frozen *frozen;
    int *layer_tensor; /* what holds a layer's output */
    double *scale;     /* of each frozen tensor, before it was rounded to float32 */
    struct error *error;
    enum status status;
};

bool freeze_out_of_memory(struct freezer *freezer, size_t bytes); /* false */
/* "its WHAT hold a value that is not finite" */
bool freeze_diverged(struct freezer *freezer, const struct layer *layer, const char *what);

/* A new tensor named LAYER SUFFIX; its scales and zero points; its zeroed values. */
int freeze_add_tensor(struct freezer *freezer, const char *layer, const char *suffix,
                      enum frozen_type type, int rank, const int *shape);
bool freeze_add_quantization(struct freezer *freezer, int index, int count);
void *freeze_add_data(struct freezer *freezer, int index);

/* order[*count] = the layers that are not folded into others, as the converter computes them; room
 * for all of the model's. */
bool freeze_order(struct freezer *freezer, int *order, int *count);

/* What a BatchNormalization after the layer makes of it: each channel's weights times `factor`, and
 * another bias. */
struct fold {
    float *factor, *bias; /* [units]; NULL without BatchNormalization */
};

bool fold_create(struct freezer *freezer, int layer_index, struct fold *fold);
void fold_free(struct fold *fold);

/* The layer's weights; *scales is the caller's to free and holds one scale a channel in double. */
int freeze_add_weights(struct freezer *freezer, int layer_index, const struct fold *fold,
                       double **scales);
/* The tensor of the bias, -1 when the operator goes without: a dense layer does when all are 0, a
 * convolution always has one. */
int freeze_add_bias(struct freezer *freezer, const struct layer *layer, const struct fold *fold,
                    double input_scale, int weights, const double *weight_scales);

#endif
