/* layer_map: which tensor of a frozen model holds what a layer of the Keras model gives.
 *
 * Found by structure alone, following the operators from the input on, since names may be stripped
 * and the converter's differ from ours.  Layers that were fused share a tensor: a convolution, its
 * BatchNormalization and its ReLU.  Where a QUANTIZE alone reads an operator's output (after an
 * average pooling), the quantized tensor is the layer's; elsewhere it only changes the scale on the
 * way to the next operator.
 */
#ifndef EVALUATE_LAYER_MAP_H
#define EVALUATE_LAYER_MAP_H

#include "model/model.h"
#include "tflite/frozen.h"

struct layer_map {
    int *tensor;          /* [layer_count] what holds its output; of a softmax what goes into it */
    int *rounded;         /* [layer_count] the same, but before an activation of its own operator:
                             what the layer rounds its values to */
    int *operator_;       /* [layer_count] what computes it; -1: nothing of its own */
    int softmax;          /* the operator that makes the probabilities; -1 without one */
    unsigned char *taken; /* [operator_count] while it is made */
};

/* Names the layer for which there is no operator, or one of another size, and `where`: the frozen
 * model was then not made from this model. */
enum status layer_map_create(struct layer_map *map, const struct model *model,
                             const struct frozen *frozen, const char *where, struct error *error);
void layer_map_free(struct layer_map *map); /* frees what is inside; harmless on a zeroed one */

#endif
