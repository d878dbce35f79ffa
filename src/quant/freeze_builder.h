/* freeze_builder: collects the tensors and operators of a frozen program.
 *
 * A layer may add up to LAYER_TENSORS tensors and LAYER_OPERATORS operators: arrays are allocated
 * once, for that many.  The first failure stays in builder->status; functions that return an index
 * then return -1, those that return bool false.
 */
#ifndef QUANT_FREEZE_BUILDER_H
#define QUANT_FREEZE_BUILDER_H

#include "quant/snapshot.h"
#include "tflite/frozen.h"

#define LAYER_TENSORS   5
#define LAYER_OPERATORS 2

struct freeze_builder {
    const struct snapshot *snapshot;
    const struct model *model;
    const struct quant_plan *plan;
    struct frozen *frozen;
    int *layer_tensor; /* per layer: the tensor that holds its output, -1 before it has one */
    double *scale;     /* per tensor: its scale before it was rounded to float32 */
    struct error *error;
    enum status status;
};

/* An empty program for the snapshot's model; look at builder->status, and close it in any case. */
void builder_open(struct freeze_builder *builder, const struct snapshot *snapshot,
                  struct error *error);
/* Frees the program too, unless builder->frozen was taken out (and set to NULL). */
void builder_close(struct freeze_builder *builder);

/* Both record the failure and return false. */
bool builder_out_of_memory(struct freeze_builder *builder, size_t bytes);
/* "its WHAT are not all finite" */
bool builder_not_finite(struct freeze_builder *builder, const struct layer *layer,
                        const char *what);

/* A new tensor named LAYER SUFFIX, without data or quantization. */
int builder_add_tensor(struct freeze_builder *builder, const struct layer *layer,
                       const char *suffix, enum frozen_type type, int rank, const int *shape);
/* The same with the shape of the layer's output, a batch of it. */
int builder_add_activation(struct freeze_builder *builder, const struct layer *layer,
                           const char *suffix, enum frozen_type type);
/* int8, with that scale and zero point. */
int builder_add_quantized(struct freeze_builder *builder, const struct layer *layer,
                          const char *suffix, struct qparams qparams);
/* A constant of int32; *values is what the caller fills in. */
int builder_add_constant(struct freeze_builder *builder, const struct layer *layer,
                         const char *suffix, int rank, const int *shape, int32_t **values);

/* Room for `count` scales and zero points of the tensor, all 0. */
bool builder_add_quantization(struct freeze_builder *builder, int tensor, int count);
/* Room for the tensor's values, all 0; NULL when memory is short. */
void *builder_add_data(struct freeze_builder *builder, int tensor);

/* Scale and zero point of a whole tensor; false also for tensor -1. */
bool builder_set_qparams(struct freeze_builder *builder, int tensor, struct qparams qparams);
struct qparams builder_qparams(const struct freeze_builder *builder, int tensor);
bool builder_has_qparams(const struct freeze_builder *builder, int tensor, struct qparams qparams);

/* A new operator with one input and one output; the caller fills in what else it has. */
struct frozen_operator *builder_add_operator(struct freeze_builder *builder, enum frozen_op code,
                                             int input, int output);

#endif
