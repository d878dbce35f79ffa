/* layer: the kinds of layers, a row for each, from Keras' description to a layer of the model.
 *
 * What a kind needs stands together in layers/: how its config is read and written, what it makes
 * of its input's shape, which parameters it has, and at the end its row.  LAYER_LIST in model.h
 * names the rows.  Everything here is for this room only.
 */
#ifndef MODEL_LAYER_H
#define MODEL_LAYER_H

#include <jansson.h>

#include "model/model.h"

#define LAYER_SIZE_MAX   (1 << 20) /* units, filters, kernel and stride sizes */
#define LAYER_PARAMETERS 4         /* most of one layer: those of BatchNormalization */

/* A layer that is being made, and where errors go. */
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

    /* The fields of `config`, checked, into the layer; inputs and shape come later. */
    enum status (*read)(struct layer_builder *builder, const json_t *config);

    /* Add to `config` the fields that only this kind has; not 0 when memory is short. */
    int (*write)(json_t *config, const struct layer *layer);

    /* layer->output, which is `input` before, and whether the layer can take that. */
    enum status (*infer)(struct layer_builder *builder, const struct shape *input);

    /* Call layer_add_parameter for each, in Keras' order; the input has `channels`. */
    void (*add_parameters)(struct layer_builder *builder, int channels);
};

#define LAYER_TYPE(kind, name) extern const struct layer_type name##_layer;
LAYER_LIST(LAYER_TYPE)
#undef LAYER_TYPE
extern const struct layer_type separable_conv2d_layer;

/* The row of a kind. */
const struct layer_type *layer_type(enum layer_kind kind);

/* Kind of a Keras class name; LAYER_KINDS when it is none of ours. */
enum layer_kind layer_kind_of(const char *class_name);

/* Activation of a Keras name; ACTIVATIONS when it is none of ours. */
enum activation activation_of(const char *name);

/* layer->output from its inputs' shapes, and whether the layer can take them. */
enum status layer_infer_shape(struct model *model, struct layer *layer, const char *path,
                              struct error *error);

/* For `infer`: refuse an input that is no image, and an output that is too large. */
enum status layer_check_image(struct layer_builder *builder, const struct shape *input);
enum status layer_check_output(const struct layer_builder *builder);

/* Index of a new parameter, "LAYER/NAME"; -1 and builder->status when the model gets too large.
 * Sizes are at most LAYER_SIZE_MAX. */
int layer_add_parameter(struct layer_builder *builder, const char *name, bool is_trained, int rank,
                        const int *size);

/* STATUS_UNSUPPORTED or STATUS_FORMAT with "layer 'NAME' (CLASS): TEXT". */
enum status layer_error(struct error *error, enum status status, const char *path,
                        const struct layer *layer, const char *format, ...) PRINTF_LIKE(5, 6);

#endif
