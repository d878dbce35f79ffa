#include "model/internal.h"

/* Output size along one axis; 0 when the window does not fit. */
static int windowed_size(int size, int window, int stride, int dilation, enum padding padding) {
    long extent = (long)(window - 1) * dilation + 1;
    if (padding == PADDING_SAME) return (size + stride - 1) / stride;
    if (extent > size) return 0;
    return (int)((size - extent) / stride) + 1;
}

static enum status infer_window(struct layer *layer, const struct shape *input, int channels,
                                const char *path, struct error *error) {
    const struct window *window = &layer->window;
    char text[64];
    if (input->rank != 3)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                           "gets %s; it needs height x width x channels", shape_text(input, text));
    int height = windowed_size(input->size[0], window->height, window->stride_y, window->dilation_y,
                               window->padding);
    int width = windowed_size(input->size[1], window->width, window->stride_x, window->dilation_x,
                              window->padding);
    if (!height || !width)
        return layer_error(error, STATUS_FORMAT, path, layer,
                           "its %dx%d window (dilation %dx%d) does not fit into %s", window->height,
                           window->width, window->dilation_y, window->dilation_x,
                           shape_text(input, text));
    layer->output = (struct shape){.rank = 3, .size = {height, width, channels}};
    return STATUS_OK;
}

static enum status check_count(const struct layer *layer, const char *path, struct error *error) {
    size_t count = 1;
    for (int i = 0; i < layer->output.rank; i++) {
        count *= (size_t)layer->output.size[i];
        if (count > ACTIVATIONS_MAX)
            return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                               "its output is larger than %zu numbers", ACTIVATIONS_MAX);
    }
    return STATUS_OK;
}

static enum status infer_depthwise(struct layer *layer, const struct shape *input, const char *path,
                                   struct error *error) {
    int channels = input->size[input->rank - 1];
    if (layer->depth_multiplier > SIZE_MAX_LAYER / channels)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer, "it has more than %d filters",
                           SIZE_MAX_LAYER);
    layer->units = channels * layer->depth_multiplier;
    return infer_window(layer, input, layer->units, path, error);
}

/* What lies between the two parts must fit as well. */
static enum status infer_separable(struct layer *layer, const struct shape *input, const char *path,
                                   struct error *error) {
    int filters = layer->units;
    enum status status = infer_depthwise(layer, input, path, error);
    if (!status) status = check_count(layer, path, error);
    layer->units = filters;
    layer->output.size[2] = filters;
    return status;
}

static enum status infer_global(struct layer *layer, const struct shape *input, const char *path,
                                struct error *error) {
    layer->window = (struct window){
        input->size[0], input->size[1], input->size[0], input->size[1], 1, 1, PADDING_VALID};
    enum status status = infer_window(layer, input, input->size[2], path, error);
    if (!status && !layer->keeps_dimensions)
        layer->output = (struct shape){.rank = 1, .size = {input->size[2]}};
    return status;
}

static enum status infer_padding(struct layer *layer, const struct shape *input, const char *path,
                                 struct error *error) {
    char text[64];
    if (input->rank != 3)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                           "gets %s; it needs height x width x channels", shape_text(input, text));
    for (int i = 0; i < 2; i++) layer->output.size[i] += layer->margin[i][0] + layer->margin[i][1];
    return STATUS_OK;
}

static enum status infer_reshape(struct layer *layer, const struct shape *input, const char *path,
                                 struct error *error) {
    long known = 1, count = (long)shape_count(input);
    int open = -1;
    char text[64];
    layer->output = layer->target;
    for (int i = 0; i < layer->target.rank; i++) {
        if (layer->target.size[i] < 0)
            open = i;
        else
            known *= layer->target.size[i];
        if (known > count) break;
    }
    if (open >= 0 && known <= count) layer->output.size[open] = (int)(count / known);
    if (known > count || (open < 0 ? known != count : count % known))
        return layer_error(error, STATUS_FORMAT, path, layer,
                           "its target_shape does not hold the %ld numbers of %s", count,
                           shape_text(input, text));
    return STATUS_OK;
}

static enum status check_input_count(const struct layer *layer, const char *path,
                                     struct error *error) {
    if (layer->kind == LAYER_ADD && layer->input_count != 2)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                           "adds %d tensor; two are to be added", layer->input_count);
    if (layer->kind != LAYER_ADD && layer->input_count > 1)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                           "takes %d inputs; only Add takes more than one", layer->input_count);
    return STATUS_OK;
}

static enum status check_sum(const struct model *model, const struct layer *layer, const char *path,
                             struct error *error) {
    const struct shape *a = &model->layers[layer->inputs[0]].output;
    const struct shape *b = &model->layers[layer->inputs[1]].output;
    char text[64], other[64];
    bool is_same = a->rank == b->rank;
    for (int i = 0; i < a->rank && is_same; i++) is_same = a->size[i] == b->size[i];
    if (is_same) return STATUS_OK;
    return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                       "adds %s and %s; only tensors of one shape are added", shape_text(a, text),
                       shape_text(b, other));
}

enum status layer_infer_shape(const struct model *model, struct layer *layer, const char *path,
                              struct error *error) {
    if (layer->kind == LAYER_INPUT) return check_count(layer, path, error);
    const struct shape *input = &model->layers[layer->inputs[0]].output;
    enum status status = check_input_count(layer, path, error);
    char text[64];
    if (status) return status;
    layer->output = *input;
    switch (layer->kind) {
    case LAYER_DENSE:
        if (input->rank != 1)
            return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                               "gets %s; Dense is supported after Flatten or global pooling only",
                               shape_text(input, text));
        layer->output = (struct shape){.rank = 1, .size = {layer->units}};
        break;
    case LAYER_CONV2D:
        status = infer_window(layer, input, layer->units, path, error);
        break;
    case LAYER_DEPTHWISE_CONV2D:
        status = infer_depthwise(layer, input, path, error);
        break;
    case LAYER_SEPARABLE_CONV2D:
        status = infer_separable(layer, input, path, error);
        break;
    case LAYER_BATCH_NORMALIZATION:
        if (layer->normalization.axis != -1 && layer->normalization.axis != input->rank)
            return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                               "axis %d is not the last of what it gets, %s; only that is"
                               " supported",
                               layer->normalization.axis, shape_text(input, text));
        break;
    case LAYER_ADD:
        status = check_sum(model, layer, path, error);
        break;
    case LAYER_ZERO_PADDING2D:
        status = infer_padding(layer, input, path, error);
        break;
    case LAYER_RESHAPE:
        status = infer_reshape(layer, input, path, error);
        break;
    case LAYER_GLOBAL_MAX_POOLING2D:
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        status = infer_global(layer, input, path, error);
        break;
    case LAYER_AVERAGE_POOLING2D:
    case LAYER_MAX_POOLING2D:
        status = infer_window(layer, input, input->size[2], path, error);
        break;
    case LAYER_FLATTEN:
        layer->output = (struct shape){.rank = 1, .size = {(int)shape_count(input)}};
        break;
    default:
        break;
    }
    if (status) return status;
    if (layer->activation == ACTIVATION_SOFTMAX && layer->output.rank != 1)
        return layer_error(error, STATUS_UNSUPPORTED, path, layer,
                           "softmax over %s; it is supported over a single row of numbers only",
                           shape_text(&layer->output, text));
    return check_count(layer, path, error);
}
