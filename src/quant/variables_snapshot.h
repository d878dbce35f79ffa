/* variables_snapshot: a snapshot made of variables that TensorFlow saved.
 *
 * This module knows which saved range belongs to which quantized tensor:
 *   input                    quantize_layer  quantize_layer_min, _max
 *   kernel                   LAYER           kernel_min, _max (depthwise_kernel_min, ...)
 *   before an activation     LAYER           pre_activation_min, _max
 *   after an activation      LAYER           post_activation_min, _max
 *   output of a layer        LAYER           output_min, _max
 * One saved range may stand for all channels of a tensor.
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

/* Errors name the file, and the layer and variable that is missing or has the wrong shape.  The
 * caller frees *snapshot with snapshot_release. */
enum status variables_snapshot(const struct model *model, const struct quant_plan *plan,
                               const struct variables *variables, struct snapshot **snapshot,
                               struct error *error);

/* Where training of a saved QAT model starts: replaces those `ranges` [plan->range_count] that the
 * file has, and counts in *taken the input and activations among them.  The others stay: a scheme
 * may quantize what TFMOT does not.  The range of a kernel is taken only if the scheme uses that of
 * the weights before the step (TFMOT); otherwise it follows from the weights.  The ranges of a
 * model that has seen no batch mean nothing: none is taken.  After an error some may be replaced.
 */
enum status variables_take_ranges(const struct model *model, const struct quant_plan *plan,
                                  const struct variables *variables, struct range *ranges,
                                  int *taken, struct error *error);

#endif
