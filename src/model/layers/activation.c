/* Activation, ReLU, LeakyReLU, Softmax */
#include <math.h>
#include <stdio.h>

#include "model/fields.h"

/* ---- Activation ----------------------------------------------------------------------------- */

static int activation_write(json_t *config, const struct layer *layer) {
    return json_object_set_new(config, "activation",
                               json_string(activation_name(layer->activation)));
}

const struct layer_type activation_layer = {
    .class_name = "Activation",
    .read = field_read_activation,
    .write = activation_write,
};

/* ---- ReLU ----------------------------------------------------------------------------------- */

static enum status relu_read(struct layer_builder *builder, const json_t *config) {
    const json_t *max_value = json_object_get(config, "max_value");
    char what[64];
    bool has_limit = max_value && !json_is_null(max_value);
    float limit = (float)json_number_value(max_value);
    if (has_limit && (!json_is_number(max_value) || !(limit > 0) || !isfinite(limit)))
        return field_wrong(builder, "max_value", "null or a number above 0");
    static const char *const fields[] = {"negative_slope", "threshold"};
    for (int i = 0; i < 2; i++) {
        const json_t *value = json_object_get(config, fields[i]);
        if (!value || json_is_null(value)) continue;
        if (!json_is_number(value)) return field_wrong(builder, fields[i], "a number");
        if (json_number_value(value) == 0) continue;
        snprintf(what, sizeof what, "%s %g", fields[i], json_number_value(value));
        return field_unsupported(builder, what, "0 is");
    }
    bool is_relu6 = has_limit && limit == 6;
    builder->layer->activation = is_relu6 ? ACTIVATION_RELU6 : ACTIVATION_RELU;
    if (has_limit && !is_relu6) builder->layer->limit = limit;
    return STATUS_OK;
}

static int relu_write(json_t *config, const struct layer *layer) {
    json_t *limit = layer->activation == ACTIVATION_RELU6 ? json_real(6)
                    : layer->limit > 0                    ? json_real(field_shortest(layer->limit))
                                                          : json_null();
    return json_object_update_new(config, json_pack("{s:o, s:f, s:f}", "max_value", limit,
                                                    "negative_slope", 0.0, "threshold", 0.0));
}

const struct layer_type relu_layer = {
    .class_name = "ReLU",
    .read = relu_read,
    .write = relu_write,
};

/* ---- LeakyReLU ------------------------------------------------------------------------------ */

/* Keras 3 says negative_slope, tf_keras alpha. */
static enum status leaky_relu_read(struct layer_builder *builder, const json_t *config) {
    const char *field = json_object_get(config, "negative_slope") ? "negative_slope" : "alpha";
    double slope;
    enum status status = field_read_fraction(builder, config, field, 0.3, &slope);
    builder->layer->slope = (float)slope;
    return status;
}

static int leaky_relu_write(json_t *config, const struct layer *layer) {
    return json_object_set_new(config, "alpha", json_real(field_shortest(layer->slope)));
}

const struct layer_type leaky_relu_layer = {
    .class_name = "LeakyReLU",
    .read = leaky_relu_read,
    .write = leaky_relu_write,
};

/* ---- Softmax -------------------------------------------------------------------------------- */

static enum status softmax_read(struct layer_builder *builder, const json_t *config) {
    const json_t *axis = field_axis(config);
    json_int_t number = json_integer_value(axis);
    if (axis && !(json_is_integer(axis) && (number == -1 || number == 1)))
        return field_unsupported(builder, "an axis other than the last", "axis=-1 is");
    builder->layer->activation = ACTIVATION_SOFTMAX;
    return STATUS_OK;
}

static int softmax_write(json_t *config, const struct layer *layer) {
    (void)layer;
    return json_object_set_new(config, "axis", json_integer(-1));
}

const struct layer_type softmax_layer = {
    .class_name = "Softmax",
    .read = softmax_read,
    .write = softmax_write,
};
