#include "model/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum status field_wrong(const struct layer_builder *builder, const char *field,
                        const char *expected) {
    return layer_error(builder->error, STATUS_FORMAT, builder->path, builder->layer,
                       "its config has no usable \"%s\" (%s expected)", field, expected);
}

enum status field_unsupported(const struct layer_builder *builder, const char *what,
                              const char *supported) {
    return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, builder->layer,
                       "%s is not supported; %s", what, supported);
}

enum status field_read_size(const struct layer_builder *builder, const json_t *config,
                            const char *field, int *size) {
    const json_t *value = json_object_get(config, field);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || number > MAX_LAYER_SIZE)
        return field_wrong(builder, field, "a whole number from 1 to 1048576");
    *size = (int)number;
    return STATUS_OK;
}

enum status field_read_pair(const struct layer_builder *builder, const json_t *config,
                            const char *field, const int fallback[2], int *y, int *x) {
    const json_t *value = json_object_get(config, field);
    *y = fallback[0];
    *x = fallback[1];
    if ((!value || json_is_null(value)) && fallback[0]) return STATUS_OK;
    const json_t *first = json_is_array(value) ? json_array_get(value, 0) : value;
    const json_t *second = json_is_array(value) ? json_array_get(value, 1) : value;
    if (json_is_array(value) && json_array_size(value) != 2)
        return field_wrong(builder, field, FIELD_PAIR);
    if (!json_is_integer(first) || !json_is_integer(second))
        return field_wrong(builder, field, FIELD_PAIR);
    json_int_t a = json_integer_value(first), b = json_integer_value(second);
    if (a < 1 || b < 1 || a > MAX_LAYER_SIZE || b > MAX_LAYER_SIZE)
        return field_wrong(builder, field, "numbers from 1 to 1048576");
    *y = (int)a;
    *x = (int)b;
    return STATUS_OK;
}

enum status field_read_fraction(const struct layer_builder *builder, const json_t *config,
                                const char *field, double fallback, double *number) {
    const json_t *value = json_object_get(config, field);
    *number = fallback;
    if (!value) return STATUS_OK;
    *number = json_number_value(value);
    if (!json_is_number(value) || !(*number >= 0) || !(*number <= 1))
        return field_wrong(builder, field, "a number from 0 to 1");
    return STATUS_OK;
}

bool field_read_flag(const json_t *config, const char *field, bool fallback) {
    const json_t *value = json_object_get(config, field);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

/* "relu", or {"class_name": "function"|..., "config": "relu"|{...}, "registered_name": ...}. */
static const char *activation_text(const json_t *value) {
    if (json_is_null(value) || !value) return "linear";
    if (json_is_string(value)) return json_string_value(value);
    const json_t *config = json_object_get(value, "config");
    if (json_is_string(config)) return json_string_value(config);
    const char *registered = json_string_value(json_object_get(value, "registered_name"));
    const char *class_name = json_string_value(json_object_get(value, "class_name"));
    return registered ? registered : class_name ? class_name : "?";
}

enum status field_read_activation(struct layer_builder *builder, const json_t *config) {
    const char *name = activation_text(json_object_get(config, "activation"));
    builder->layer->activation = activation_of(name);
    if (builder->layer->activation != ACTIVATIONS) return STATUS_OK;
    char what[128];
    snprintf(what, sizeof what, "activation '%s'", name);
    return field_unsupported(builder, what, "linear, relu, relu6, sigmoid, tanh and softmax are");
}

enum status field_check_format(struct layer_builder *builder, const json_t *config) {
    const char *format = json_string_value(json_object_get(config, "data_format"));
    if (format && strcmp(format, "channels_last"))
        return field_unsupported(builder, "data_format channels_first", "channels_last is");
    return STATUS_OK;
}

const json_t *field_axis(const json_t *config) {
    const json_t *axis = json_object_get(config, "axis");
    return json_is_array(axis) && json_array_size(axis) == 1 ? json_array_get(axis, 0) : axis;
}

const json_t *field_input_shape(const json_t *config) {
    const json_t *shape = json_object_get(config, "batch_shape");
    return json_is_array(shape) ? shape : json_object_get(config, "batch_input_shape");
}

/* ---- written -------------------------------------------------------------------------------- */

double field_shortest(float value) {
    char text[32];
    for (int samples = 6; samples < 9; samples++) {
        snprintf(text, sizeof text, "%.*g", samples, (double)value);
        double number = strtod(text, NULL);
        if ((float)number == value) return number;
    }
    return (double)value;
}

json_t *field_initializer(const char *class_name, json_t *config) {
    return json_pack("{s:s, s:s, s:o, s:n}", "module", "keras.initializers", "class_name",
                     class_name, "config", config, "registered_name");
}

int field_append_sizes(json_t *array, const struct shape *shape) {
    int failed = 0;
    for (int i = 0; i < shape->rank; i++)
        failed |= json_array_append_new(array, json_integer(shape->size[i]));
    return failed;
}

int field_write_kernel(json_t *config, const struct layer *layer, const char *kernel) {
    char initializer[32], regularizer[32], constraint[32];
    snprintf(initializer, sizeof initializer, "%s_initializer", kernel);
    snprintf(regularizer, sizeof regularizer, "%s_regularizer", kernel);
    snprintf(constraint, sizeof constraint, "%s_constraint", kernel);
    return json_object_update_new(
        config,
        json_pack("{s:s, s:b, s:o, s:o, s:n, s:n, s:n, s:n, s:n}", "activation",
                  activation_name(layer->activation), "use_bias", layer->has_bias, initializer,
                  field_initializer("GlorotUniform", json_pack("{s:n}", "seed")),
                  "bias_initializer", field_initializer("Zeros", json_object()), regularizer,
                  "bias_regularizer", "activity_regularizer", constraint, "bias_constraint"));
}
