/* Private to the room: the steps from Keras' description to a model. */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include "model/model.h"

#define ACTIVATIONS_MAX  ((size_t)1 << 24) /* numbers in one activation of one digit */
#define SIZE_MAX_LAYER   (1 << 20)         /* units, filters, kernel and stride sizes */
#define LAYER_PARAMETERS 4                 /* most of one layer: those of BatchNormalization */

/* A model with room for `layers` layers; NULL when memory is short. */
struct model *model_new(int layers);

/* layer->output from its inputs' shapes, and whether the layer can take them. */
enum status layer_infer_shape(const struct model *model, struct layer *layer, const char *path,
                              struct error *error);

/* Put a DepthwiseConv2D and a Conv2D of 1x1 in the place of every SeparableConv2D of a model whose
 * weights are read; they stay where they are. */
enum status model_split_separable(struct model *model, const char *path, struct error *error);

/* Make the parameters and the zeroed weight block that the layers ask for. */
enum status model_plan_weights(struct model *model, const char *path, struct error *error);

/* "28x28x1" */
const char *shape_text(const struct shape *shape, char text[64]);

/* Kind of a Keras class name; LAYER_KINDS when it is none of ours. */
enum layer_kind layer_kind_of(const char *class_name);

/* Activation of a Keras name; ACTIVATIONS when it is none of ours. */
enum activation activation_of(const char *name);

/* STATUS_UNSUPPORTED or STATUS_FORMAT with "layer 'NAME' (CLASS): TEXT". */
enum status layer_error(struct error *error, enum status status, const char *path,
                        const struct layer *layer, const char *format, ...) PRINTF_LIKE(5, 6);

#endif
