/* layer_map: which tensor of a frozen model holds the output of a layer of the Keras model.
 *
 * Found by structure alone, following the operators from the input, because names may be stripped
 * and the converter's differ from ours.  Fused layers share a tensor: a convolution, its
 * BatchNormalization and its ReLU.  If a QUANTIZE is the only reader of an operator's output (after
 * an average pooling), the layer's tensor is the quantized one; elsewhere it only changes the scale
 * for the next operator.
 */
#ifndef EVALUATE_LAYER_MAP_H
#define EVALUATE_LAYER_MAP_H

#include "model/model.h"
#include "tflite/frozen.h"

struct layer_map {
    int *tensor;          /* [layer_count] holds its output; for a softmax, its input */
    int *rounded;         /* [layer_count] the same, but before an activation of its own operator:
                             what the layer rounds its values to */
    int *operator_;       /* [layer_count] computes it; -1: no operator of its own */
    int softmax;          /* the operator that computes the probabilities; -1: none */
    unsigned char *taken; /* [operator_count] during creation */
};

/* Fails, naming the layer and `where`, if a layer has no operator or one of a different size: then
 * the frozen model was not made from this model. */
enum status layer_map_create(struct layer_map *map, const struct model *model,
                             const struct frozen *frozen, const char *where, struct error *error);
void layer_map_free(struct layer_map *map); /* frees the contents; harmless if zeroed */

#endif
