/* variables_snapshot: variables that TensorFlow saved, as a snapshot of a model and its plan.
 *
 * The one place that knows which saved range belongs to which quantized tensor:
 *   input                    quantize_layer  quantize_layer_min, _max
 *   kernel                   LAYER           kernel_min, _max (depthwise_kernel_min, ...)
 *   before an activation     LAYER           pre_activation_min, _max
 *   after an activation      LAYER           post_activation_min, _max
 *   output of a layer        LAYER           output_min, _max
 * One saved range may serve a tensor that has one a channel.
 */
#ifndef QUANT_VARIABLES_SNAPSHOT_H
#define QUANT_VARIABLES_SNAPSHOT_H

#include "model/variables.h"
#include "quant/snapshot.h"

/* Where the range of that tensor is saved. */
struct saved_range {
    const char *layer;                     /* "dense", "quantize_layer"; part of the model */
    char min[MODEL_NAME], max[MODEL_NAME]; /* "kernel_min", "kernel_max" */
};
struct saved_range saved_range(const struct model *model, const struct quant_tensor *tensor);

/* Errors name the file, and layer and variable that are missing or of another shape.
 * *snapshot is the caller's (snapshot_release). */
enum status variables_snapshot(const struct model *model, const struct quant_plan *plan,
                               const struct variables *variables, struct snapshot **snapshot,
                               struct error *error);

/* Where a training of such a model begins: put the saved ranges in place of those in `ranges`
 * [plan->range_count], and count in *taken the input and activations that have one.  What the file
 * does not say stays: a scheme may quantize what TFMOT leaves alone.  A kernel's range is taken
 * only where the scheme keeps that of the weights before (TFMOT); otherwise its weights tell it,
 * per channel where the file has one for all.  A file of a model that has seen no batch says
 * nothing: *taken is 0. After an error `ranges` may be partly replaced. */
enum status variables_take_ranges(const struct model *model, const struct quant_plan *plan,
                                  const struct variables *variables, struct range *ranges,
                                  int *taken, struct error *error);

#endif
