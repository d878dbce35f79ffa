/* Dropout, SpatialDropout2D */
#include "model/fields.h"

static enum status read_rate(struct layer_builder *builder, const json_t *config) {
    const json_t *rate = json_object_get(config, "rate");
    double value = json_number_value(rate);
    if (!json_is_number(rate) || !(value >= 0 && (float)value < 1))
        return field_wrong(builder, "rate", "a number from 0 up to, not including, 1");
    builder->layer->rate = (float)value;
    return STATUS_OK;
}

/* ---- Dropout -------------------------------------------------------------------------------- */

static enum status dropout_read(struct layer_builder *builder, const json_t *config) {
    const json_t *noise = json_object_get(config, "noise_shape");
    enum status status = read_rate(builder, config);
    if (!status && noise && !json_is_null(noise))
        return field_unsupported(builder, "a noise_shape", "dropout of single values is");
    return status;
}

static int dropout_write(json_t *config, const struct layer *layer) {
    return json_object_update_new(
        config,
        json_pack("{s:f, s:n, s:n}", "rate", field_shortest(layer->rate), "noise_shape", "seed"));
}

const struct layer_type dropout_layer = {
    .class_name = "Dropout",
    .read = dropout_read,
    .write = dropout_write,
};

/* ---- SpatialDropout2D ----------------------------------------------------------------------- */

static enum status spatial_dropout_read(struct layer_builder *builder, const json_t *config) {
    enum status status = read_rate(builder, config);
    return status ? status : field_check_format(builder, config);
}

/* Keras 3 refuses a config with "trainable" or "noise_shape", which tf_keras does not need. */
static int spatial_dropout_write(json_t *config, const struct layer *layer) {
    return json_object_del(config, "trainable") |
           json_object_update_new(config,
                                  json_pack("{s:f, s:n, s:s}", "rate", field_shortest(layer->rate),
                                            "seed", "data_format", "channels_last"));
}

const struct layer_type spatial_dropout2d_layer = {
    .class_name = "SpatialDropout2D",
    .read = spatial_dropout_read,
    .write = spatial_dropout_write,
    .infer = layer_check_image,
};
