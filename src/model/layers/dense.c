/* Dense */
#include "model/fields.h"

static enum status dense_read(struct layer_builder *builder, const json_t *config) {
    enum status status = field_read_size(builder, config, "units", &builder->layer->units);
    if (status) return status;
    builder->layer->has_bias = field_read_flag(config, "use_bias", true);
    return field_read_activation(builder, config);
}

static int dense_write(json_t *config, const struct layer *layer) {
    return json_object_set_new(config, "units", json_integer(layer->units)) |
           field_write_kernel(config, layer, "kernel");
}

static enum status dense_infer(struct layer_builder *builder, const struct shape *input) {
    char text[64];
    if (input->rank != 1)
        return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, builder->layer,
                           "gets %s; Dense is supported after Flatten or global pooling only",
                           shape_text(input, text));
    builder->layer->output = (struct shape){.rank = 1, .size = {builder->layer->units}};
    return STATUS_OK;
}

static void dense_add_parameters(struct layer_builder *builder, int channels) {
    struct layer *layer = builder->layer;
    const int size[] = {channels, layer->units};
    layer->kernel = layer_add_parameter(builder, "kernel", true, 2, size);
    if (layer->has_bias) layer->bias = layer_add_parameter(builder, "bias", true, 1, &layer->units);
}

const struct layer_type dense_layer = {
    .class_name = "Dense",
    .has_kernel = true,
    .read = dense_read,
    .write = dense_write,
    .infer = dense_infer,
    .add_parameters = dense_add_parameters,
};
