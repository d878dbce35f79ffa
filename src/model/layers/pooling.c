/* MaxPooling2D, AveragePooling2D, GlobalMaxPooling2D, GlobalAveragePooling2D */
#include "model/fields.h"
#include "model/window.h"

static enum status pooling_read(struct layer_builder *builder, const json_t *config) {
    static const int two[2] = {2, 2};
    struct window *window = &builder->layer->window;
    window->dilation_y = window->dilation_x = 1;
    enum status status =
        field_read_pair(builder, config, "pool_size", two, &window->height, &window->width);
    const int pool_size[2] = {window->height, window->width};
    if (!status)
        status = field_read_pair(builder, config, "strides", pool_size, &window->stride_y,
                                 &window->stride_x);
    if (!status) status = window_read_padding(builder, config);
    if (!status) status = field_check_format(builder, config);
    return status;
}

static int pooling_write(json_t *config, const struct layer *layer) {
    const struct window *window = &layer->window;
    return json_object_update_new(
        config, json_pack("{s:[ii], s:s, s:[ii], s:s}", "pool_size", window->height, window->width,
                          "padding", window_padding_name(window->padding), "strides",
                          window->stride_y, window->stride_x, "data_format", "channels_last"));
}

static enum status pooling_infer(struct layer_builder *builder, const struct shape *input) {
    return window_infer(builder, input, input->size[2]);
}

static enum status global_read(struct layer_builder *builder, const json_t *config) {
    builder->layer->keeps_dimensions = field_read_flag(config, "keepdims", false);
    return field_check_format(builder, config);
}

static int global_write(json_t *config, const struct layer *layer) {
    return json_object_update_new(config, json_pack("{s:s, s:b}", "data_format", "channels_last",
                                                    "keepdims", layer->keeps_dimensions));
}

static enum status global_infer(struct layer_builder *builder, const struct shape *input) {
    struct layer *layer = builder->layer;
    layer->window = (struct window){
        input->size[0], input->size[1], input->size[0], input->size[1], 1, 1, PADDING_VALID};
    enum status status = window_infer(builder, input, input->size[2]);
    if (!status && !layer->keeps_dimensions)
        layer->output = (struct shape){.rank = 1, .size = {input->size[2]}};
    return status;
}

const struct layer_type max_pooling2d_layer = {
    .class_name = "MaxPooling2D",
    .read = pooling_read,
    .write = pooling_write,
    .infer = pooling_infer,
};

const struct layer_type average_pooling2d_layer = {
    .class_name = "AveragePooling2D",
    .read = pooling_read,
    .write = pooling_write,
    .infer = pooling_infer,
};

const struct layer_type global_max_pooling2d_layer = {
    .class_name = "GlobalMaxPooling2D",
    .read = global_read,
    .write = global_write,
    .infer = global_infer,
};

const struct layer_type global_average_pooling2d_layer = {
    .class_name = "GlobalAveragePooling2D",
    .read = global_read,
    .write = global_write,
    .infer = global_infer,
};
