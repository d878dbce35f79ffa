/* BatchNormalization */
#include "model/fields.h"

/* "axis" is [3] in tf_keras and -1 in Keras 3. */
static enum status normalization_read(struct layer_builder *builder, const json_t *config) {
    struct normalization *normalization = &builder->layer->normalization;
    const json_t *axis = field_axis(config);
    json_int_t number = axis ? json_integer_value(axis) : -1;
    if ((axis && !json_is_integer(axis)) || number < -1 || number > 4)
        return field_unsupported(builder, "its axis", "the last one, -1, is");
    normalization->axis = (int)number;
    normalization->has_gamma = field_read_flag(config, "scale", true);
    normalization->has_beta = field_read_flag(config, "center", true);
    enum status status =
        field_read_fraction(builder, config, "momentum", 0.99, &normalization->momentum);
    if (status) return status;
    return field_read_fraction(builder, config, "epsilon", 0.001, &normalization->epsilon);
}

static int normalization_write(json_t *config, const struct layer *layer) {
    const struct normalization *normalization = &layer->normalization;
    return json_object_update_new(
        config,
        json_pack("{s:i, s:f, s:f, s:b, s:b, s:o, s:o, s:o, s:o, s:n, s:n, s:n, s:n}", "axis", -1,
                  "momentum", normalization->momentum, "epsilon", normalization->epsilon, "center",
                  normalization->has_beta, "scale", normalization->has_gamma, "beta_initializer",
                  field_initializer("Zeros", json_object()), "gamma_initializer",
                  field_initializer("Ones", json_object()), "moving_mean_initializer",
                  field_initializer("Zeros", json_object()), "moving_variance_initializer",
                  field_initializer("Ones", json_object()), "beta_regularizer", "gamma_regularizer",
                  "beta_constraint", "gamma_constraint"));
}

static enum status normalization_infer(struct layer_builder *builder, const struct shape *input) {
    int axis = builder->layer->normalization.axis;
    char text[64];
    if (axis == -1 || axis == input->rank) return STATUS_OK;
    return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, builder->layer,
                       "axis %d is not the last axis of its input, %s; only the last is supported",
                       axis, shape_text(input, text));
}

static void normalization_add_parameters(struct layer_builder *builder, int channels) {
    struct normalization *normalization = &builder->layer->normalization;
    normalization->gamma = normalization->beta = -1;
    if (normalization->has_gamma)
        normalization->gamma = layer_add_parameter(builder, "gamma", true, 1, &channels);
    if (normalization->has_beta)
        normalization->beta = layer_add_parameter(builder, "beta", true, 1, &channels);
    normalization->moving_mean = layer_add_parameter(builder, "moving_mean", false, 1, &channels);
    normalization->moving_variance =
        layer_add_parameter(builder, "moving_variance", false, 1, &channels);
}

const struct layer_type batch_normalization_layer = {
    .class_name = "BatchNormalization",
    .read = normalization_read,
    .write = normalization_write,
    .infer = normalization_infer,
    .add_parameters = normalization_add_parameters,
};
