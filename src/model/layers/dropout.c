/* Dropout */
#include "model/fields.h"

static enum status dropout_read(struct layer_builder *builder, const json_t *config) {
    const json_t *rate = json_object_get(config, "rate");
    double value = json_number_value(rate);
    if (!json_is_number(rate) || !(value >= 0 && (float)value < 1))
        return field_wrong(builder, "rate", "a number from 0 up to, not including, 1");
    const json_t *noise = json_object_get(config, "noise_shape");
    if (noise && !json_is_null(noise))
        return field_unsupported(builder, "a noise_shape", "Dropout of single numbers is");
    builder->layer->rate = (float)value;
    return STATUS_OK;
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
