/* config: a model's layers as Keras describes them in JSON. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "model/model.h"

/* Layers (no weights yet) from the JSON text of model_config. */
enum status config_read(const char *json, size_t length, const char *path, struct model **model,
                        struct error *error);

/* Rewrite the config of a model that TensorFlow Model Optimization prepared for quantization to
 * that of the float model in it; *is_wrapped tells whether it was one. */
enum status config_unwrap(json_t *config, bool *is_wrapped, const char *path, struct error *error);

/* JSON text of model_config, for free(); NULL when memory is short. */
char *config_write(const struct model *model);

/* A layer's place among the others. */
struct config_node {
    size_t entry;                   /* which of `layers` it is */
    int inputs[MODEL_LAYER_INPUTS]; /* the nodes that it reads, all of them before it */
    int input_count;
};

/* nodes[i] = what comes i-th in a Functional model, in Keras' order; as many nodes as there are
 * layers.  The input is first and the output last.  Refuses, in one line, layers called twice,
 * cycles, names that do not exist, more than one input or output, and layers without use. */
enum status config_order(const json_t *config, const json_t *layers, const char *path,
                         struct config_node *nodes, struct error *error);

#endif
