/* fields: what the config of a layer says in Keras' JSON, read with checks, and written.
 *
 * Readers refuse what is out of range, or not supported, by the layer's name.  Writers use the
 * words of tf_keras 2 that Keras 3 also understands.
 */
#ifndef MODEL_FIELDS_H
#define MODEL_FIELDS_H

#include "model/layer.h"

#define FIELD_PAIR "a whole number or a pair of them"

/* "its config has no usable "FIELD" (EXPECTED expected)"; "WHAT is not supported; SUPPORTED" */
enum status field_wrong(const struct layer_builder *builder, const char *field,
                        const char *expected);
enum status field_unsupported(const struct layer_builder *builder, const char *what,
                              const char *supported);

/* A whole number from 1 on. */
enum status field_read_size(const struct layer_builder *builder, const json_t *config,
                            const char *field, int *size);

/* [2, 2] or 2; absent or null gives the default where there is one (not 0). */
enum status field_read_pair(const struct layer_builder *builder, const json_t *config,
                            const char *field, const int fallback[2], int *y, int *x);

/* A number from 0 to 1; absent gives the default. */
enum status field_read_fraction(const struct layer_builder *builder, const json_t *config,
                                const char *field, double fallback, double *number);

bool field_read_flag(const json_t *config, const char *field, bool fallback);

/* "activation" into the layer. */
enum status field_read_activation(struct layer_builder *builder, const json_t *config);

/* "data_format" has to be channels_last. */
enum status field_check_format(struct layer_builder *builder, const json_t *config);

/* "axis": a number, in some versions an array of one; NULL without one. */
const json_t *field_axis(const json_t *config);

/* The shape of an input, batch first: Keras 3 calls it batch_shape, tf_keras batch_input_shape. */
const json_t *field_input_shape(const json_t *config);

/* ---- written -------------------------------------------------------------------------------- */

/* The double with the fewest digits that reads back as the same float: 0.2f is written 0.2. */
double field_shortest(float value);

json_t *field_initializer(const char *class_name, json_t *config);

/* Append the sizes to the array; not 0 when memory is short. */
int field_append_sizes(json_t *array, const struct shape *shape);

/* What layers with a kernel have after their own fields; `kernel` is "kernel" or "depthwise". */
int field_write_kernel(json_t *config, const struct layer *layer, const char *kernel);

#endif
