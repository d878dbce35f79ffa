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

/* order[i] = the entry of `layers` that comes i-th in a Functional model that is a plain chain;
 * other graphs are refused.  order holds as many numbers as there are layers. */
enum status config_order_chain(const json_t *config, const json_t *layers, const char *path,
                               size_t *order, struct error *error);

#endif
