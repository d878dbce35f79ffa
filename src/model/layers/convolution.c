/* Conv2D, DepthwiseConv2D, SeparableConv2D */
#include "model/fields.h"
#include "model/window.h"

/* ---- in common to all ----------------------------------------------------------------------- */

static enum status read_common(struct layer_builder *builder, const json_t *config) {
    static const int none[2] = {0, 0}, one[2] = {1, 1};
    struct layer *layer = builder->layer;
    struct window *window = &layer->window;
    const json_t *groups = json_object_get(config, "groups");
    enum status status =
        field_read_pair(builder, config, "kernel_size", none, &window->height, &window->width);
    if (!status)
        status =
            field_read_pair(builder, config, "strides", one, &window->stride_y, &window->stride_x);
    if (!status)
        status = field_read_pair(builder, config, "dilation_rate", one, &window->dilation_y,
                                 &window->dilation_x);
    if (!status) status = window_read_padding(builder, config);
    if (!status) status = field_check_format(builder, config);
    if (status) return status;
    if (json_is_integer(groups) && json_integer_value(groups) != 1)
        return field_unsupported(builder, "a grouped convolution", "groups=1 is");
    bool is_strided = window->stride_y > 1 || window->stride_x > 1;
    if (is_strided && (window->dilation_y > 1 || window->dilation_x > 1))
        return field_unsupported(builder, "strides together with dilation", "either of them is");
    layer->has_bias = field_read_flag(config, "use_bias", true);
    return field_read_activation(builder, config);
}

static int write_common(json_t *config, const struct layer *layer, const char *kernel) {
    const struct window *window = &layer->window;
    return json_object_update_new(config, json_pack("{s:[ii], s:[ii], s:s, s:s, s:[ii]}",
                                                    "kernel_size", window->height, window->width,
                                                    "strides", window->stride_y, window->stride_x,
                                                    "padding", window_padding_name(window->padding),
                                                    "data_format", "channels_last", "dilation_rate",
                                                    window->dilation_y, window->dilation_x)) |
           field_write_kernel(config, layer, kernel);
}

static void add_bias(struct layer_builder *builder) {
    struct layer *layer = builder->layer;
    if (layer->has_bias) layer->bias = layer_add_parameter(builder, "bias", true, 1, &layer->units);
}

/* ---- Conv2D --------------------------------------------------------------------------------- */

static enum status conv2d_read(struct layer_builder *builder, const json_t *config) {
    enum status status = field_read_size(builder, config, "filters", &builder->layer->units);
    return status ? status : read_common(builder, config);
}

static int conv2d_write(json_t *config, const struct layer *layer) {
    return json_object_set_new(config, "filters", json_integer(layer->units)) |
           json_object_set_new(config, "groups", json_integer(1)) |
           write_common(config, layer, "kernel");
}

static enum status conv2d_infer(struct layer_builder *builder, const struct shape *input) {
    return window_infer(builder, input, builder->layer->units);
}

static void conv2d_add_parameters(struct layer_builder *builder, int channels) {
    struct layer *layer = builder->layer;
    const int size[] = {layer->window.height, layer->window.width, channels, layer->units};
    layer->kernel = layer_add_parameter(builder, "kernel", true, 4, size);
    add_bias(builder);
}

const struct layer_type conv2d_layer = {
    .class_name = "Conv2D",
    .has_kernel = true,
    .read = conv2d_read,
    .write = conv2d_write,
    .infer = conv2d_infer,
    .add_parameters = conv2d_add_parameters,
};

/* ---- DepthwiseConv2D ------------------------------------------------------------------------ */

static enum status depthwise_read(struct layer_builder *builder, const json_t *config) {
    int *multiplier = &builder->layer->depth_multiplier;
    enum status status = STATUS_OK;
    *multiplier = 1;
    if (json_object_get(config, "depth_multiplier"))
        status = field_read_size(builder, config, "depth_multiplier", multiplier);
    return status ? status : read_common(builder, config);
}

static int depthwise_write(json_t *config, const struct layer *layer) {
    return json_object_set_new(config, "depth_multiplier", json_integer(layer->depth_multiplier)) |
           write_common(config, layer, "depthwise");
}

static enum status depthwise_infer(struct layer_builder *builder, const struct shape *input) {
    struct layer *layer = builder->layer;
    int channels = input->size[input->rank - 1];
    if (layer->depth_multiplier > MAX_LAYER_SIZE / channels)
        return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, layer,
                           "it has more than %d filters", MAX_LAYER_SIZE);
    layer->units = channels * layer->depth_multiplier;
    return window_infer(builder, input, layer->units);
}

static void add_depthwise_kernel(struct layer_builder *builder, int channels) {
    struct layer *layer = builder->layer;
    const int size[] = {layer->window.height, layer->window.width, channels,
                        layer->depth_multiplier};
    layer->kernel = layer_add_parameter(builder, "depthwise_kernel", true, 4, size);
}

static void depthwise_add_parameters(struct layer_builder *builder, int channels) {
    add_depthwise_kernel(builder, channels);
    add_bias(builder);
}

const struct layer_type depthwise_conv2d_layer = {
    .class_name = "DepthwiseConv2D",
    .has_kernel = true,
    .read = depthwise_read,
    .write = depthwise_write,
    .infer = depthwise_infer,
    .add_parameters = depthwise_add_parameters,
};

/* ---- SeparableConv2D, until it is split (split.h) ------------------------------------------- */

/* Its strides are for the depthwise part. */
static enum status separable_read(struct layer_builder *builder, const json_t *config) {
    enum status status = field_read_size(builder, config, "filters", &builder->layer->units);
    return status ? status : depthwise_read(builder, config);
}

/* The output of the depthwise part must not be too large either. */
static enum status separable_infer(struct layer_builder *builder, const struct shape *input) {
    struct layer *layer = builder->layer;
    int filters = layer->units;
    enum status status = depthwise_infer(builder, input);
    if (!status) status = layer_check_output(builder);
    layer->units = filters;
    layer->output.size[2] = filters;
    return status;
}

static void separable_add_parameters(struct layer_builder *builder, int channels) {
    struct layer *layer = builder->layer;
    const int pointwise[] = {1, 1, channels * layer->depth_multiplier, layer->units};
    add_depthwise_kernel(builder, channels);
    layer_add_parameter(builder, "pointwise_kernel", true, 4, pointwise);
    add_bias(builder);
}

const struct layer_type separable_conv2d_layer = {
    .class_name = "SeparableConv2D",
    .read = separable_read,
    .infer = separable_infer,
    .add_parameters = separable_add_parameters,
};
