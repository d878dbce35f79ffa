/* layer: one row of functions for each kind of layer: its config, output shape and parameters.
 *
 * All that the model knows of a kind is in one file of layers/, which ends in the kind's row.
 * LAYER_LIST in model.h names the rows.  Everything here is private to this room.
 */
#ifndef MODEL_LAYER_H
#define MODEL_LAYER_H

#include <jansson.h>

#include "model/model.h"

#define MAX_LAYER_SIZE       (1 << 20) /* units, filters, kernel and stride sizes */
#define MAX_LAYER_PARAMETERS 4         /* most of one layer: those of BatchNormalization */

/* A layer under construction, and where errors go. */
struct layer_builder {
    struct model *model;
    struct layer *layer;
    const char *path;
    struct error *error;
    enum status status; /* of the first parameter that could not be added */
};

/* A row.  A function that has nothing to do may be NULL. */
struct layer_type {
    const char *class_name; /* Keras'; also what a summary shows */
    bool has_kernel;        /* a kernel, perhaps a bias, and an activation */
    bool has_two_inputs;

    /* Check the fields of `config` and store them in the layer; inputs and shape come later. */
    enum status (*read)(struct layer_builder *builder, const json_t *config);

    /* Add the fields of this kind to `config`; nonzero when out of memory. */
    int (*write)(json_t *config, const struct layer *layer);

    /* Refuse inputs that the layer cannot take, and set layer->output, which is `input` before. */
    enum status (*infer)(struct layer_builder *builder, const struct shape *input);

    /* Call layer_add_parameter for each parameter, in Keras' order.  `channels`: of the input. */
    void (*add_parameters)(struct layer_builder *builder, int channels);
};

#define LAYER_TYPE(kind, name) extern const struct layer_type name##_layer;
LAYER_LIST(LAYER_TYPE)
#undef LAYER_TYPE
extern const struct layer_type separable_conv2d_layer;

/* The row of a kind. */
const struct layer_type *layer_type(enum layer_kind kind);

/* Kind of a Keras class; LAYER_KINDS when it is not supported. */
enum layer_kind layer_kind_of(const char *class_name);

/* Activation of a Keras name; ACTIVATIONS when it is not supported. */
enum activation activation_of(const char *name);

/* Set layer->output from the shapes of its inputs; refuse inputs that the layer cannot take. */
enum status layer_infer_shape(struct model *model, struct layer *layer, const char *path,
                              struct error *error);

/* For `infer`: refuse inputs that are not images, and outputs that are too large. */
enum status layer_check_image(struct layer_builder *builder, const struct shape *input);
enum status layer_check_output(const struct layer_builder *builder);

/* Index of a new parameter, "LAYER/NAME".  When the model gets too large, -1, and builder->status
 * is set.  Sizes are at most MAX_LAYER_SIZE. */
int layer_add_parameter(struct layer_builder *builder, const char *name, bool is_trained, int rank,
                        const int *size);

/* STATUS_UNSUPPORTED or STATUS_FORMAT with "layer 'NAME' (CLASS): TEXT". */
enum status layer_error(struct error *error, enum status status, const char *path,
                        const struct layer *layer, const char *format, ...) PRINTF_LIKE(5, 6);

#endif
