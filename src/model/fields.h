/* fields: the fields of a layer's config in Keras' JSON, read with checks, and written.
 *
 * Readers refuse values that are out of range or not supported; the error names the layer.  Writers
 * use the names of tf_keras 2 that Keras 3 also accepts.
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

/* A whole number, 1 to MAX_LAYER_SIZE. */
enum status field_read_size(const struct layer_builder *builder, const json_t *config,
                            const char *field, int *size);

/* [2, 2] or 2; when absent or null, the default unless that is 0. */
enum status field_read_pair(const struct layer_builder *builder, const json_t *config,
                            const char *field, const int fallback[2], int *y, int *x);

/* A number from 0 to 1; when absent, the default. */
enum status field_read_fraction(const struct layer_builder *builder, const json_t *config,
                                const char *field, double fallback, double *number);

bool field_read_flag(const json_t *config, const char *field, bool fallback);

/* "activation" into the layer. */
enum status field_read_activation(struct layer_builder *builder, const json_t *config);

/* "data_format" must be channels_last. */
enum status field_check_format(struct layer_builder *builder, const json_t *config);

/* "axis": a number, or in some versions an array of one; NULL when absent. */
const json_t *field_axis(const json_t *config);

/* The shape of an input, batch first: Keras 3 calls it batch_shape, tf_keras batch_input_shape. */
const json_t *field_input_shape(const json_t *config);

/* ---- written -------------------------------------------------------------------------------- */

/* The double with the fewest digits that reads back as the same float: 0.2f is written 0.2. */
double field_shortest(float value);

json_t *field_initializer(const char *class_name, json_t *config);

/* Append the sizes to the array; nonzero when out of memory. */
int field_append_sizes(json_t *array, const struct shape *shape);

/* Fields of all layers with a kernel: activation, bias, initializers and so on.  `kernel`: "kernel"
 * or "depthwise". */
int field_write_kernel(json_t *config, const struct layer *layer, const char *kernel);

#endif
