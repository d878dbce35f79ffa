/* variables: the weights and ranges of a model trained with quantization, as TensorFlow saved them.
 *
 * Five layouts are read: a data set per variable (`conv2d/kernel`, `quant_conv2d/kernel_min`), the
 * same below `quantized_weights` (checkpoints of qatop), Keras weights (`save_weights`), and a
 * whole saved QAT model, as .h5 (these two list their variables in layer_names and weight_names)
 * or as .keras (which numbers them).  All floating-point variables are read: kernels and biases,
 * and the ranges `<weight>_min`, `<weight>_max` (scalars, or one value per channel),
 * `pre_activation_min`, `post_activation_max`, `output_min`, `quantize_layer_min`, ...  Integer
 * variables (optimizer_step) are skipped.
 */
#ifndef MODEL_VARIABLES_H
#define MODEL_VARIABLES_H

#include <stddef.h>

#include "base/error.h"
#include "model/model.h"

struct variable {
    char layer[MODEL_NAME]; /* "dense" for both dense and quant_dense; "quantize_layer", without
                               the number that the file may append */
    char name[MODEL_NAME];  /* "kernel", "kernel_min", "post_activation_max", ... */
    int rank;               /* 0 for a scalar */
    size_t size[4];
    size_t count;
    float *values; /* [count], all finite */
};

struct variables {
    struct variable *list; /* [count], no layer and name twice */
    size_t count;
    char path[512]; /* of the file, for messages */
};

/* The caller frees with variables_free.  On failure *variables is NULL. */
enum status variables_load(const char *path, struct variables **variables, struct error *error);

struct keras_file;

/* The same from an open file, which stays open. */
enum status variables_read(struct keras_file *file, struct variables **variables,
                           struct error *error);

void variables_free(struct variables *variables);

/* The variable of that layer and name; NULL when there is none. */
const struct variable *variables_find(const struct variables *variables, const char *layer,
                                      const char *name);

#endif
