/* config: a model's layers as Keras describes them in JSON. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "model/model.h"

/* Read the layers, without weights, from the JSON text of a model_config. */
enum status config_read(const char *json, size_t length, const char *path, struct model **model,
                        struct error *error);

/* If TensorFlow Model Optimization prepared the model for quantization, replace its config by that
 * of the float model inside, and set *is_wrapped. */
enum status config_unwrap(json_t *config, bool *is_wrapped, const char *path, struct error *error);

/* JSON text of a model_config, to be freed with free(); NULL when out of memory. */
char *config_write(const struct model *model);

/* A layer in its order. */
struct config_node {
    size_t entry;                 /* its index in `layers` */
    int inputs[MAX_LAYER_INPUTS]; /* the nodes that it reads; all come before it */
    int input_count;
};

/* Put the layers of a Functional model in Keras' order, one node for each layer; the input comes
 * first and the output last.  Refuses layers called twice, cycles, names that do not exist, more
 * than one input or output, and layers that the output does not need. */
enum status config_order(const json_t *config, const json_t *layers, const char *path,
                         struct config_node *nodes, struct error *error);

#endif
