#include "model/window.h"

#include <string.h>

#include "model/fields.h"

enum status window_read_padding(struct layer_builder *builder, const json_t *config) {
    const char *padding = json_string_value(json_object_get(config, "padding"));
    if (!padding || !strcmp(padding, "valid"))
        builder->layer->window.padding = PADDING_VALID;
    else if (!strcmp(padding, "same"))
        builder->layer->window.padding = PADDING_SAME;
    else
        return field_wrong(builder, "padding", "\"valid\" or \"same\"");
    return STATUS_OK;
}

const char *window_padding_name(enum padding padding) {
    return padding == PADDING_SAME ? "same" : "valid";
}

/* Output size along one axis; 0 when the window does not fit. */
static int windowed_size(int size, int window, int stride, int dilation, enum padding padding) {
    long extent = (long)(window - 1) * dilation + 1;
    if (padding == PADDING_SAME) return (size + stride - 1) / stride;
    if (extent > size) return 0;
    return (int)((size - extent) / stride) + 1;
}

enum status window_infer(struct layer_builder *builder, const struct shape *input, int channels) {
    const struct window *window = &builder->layer->window;
    char text[64];
    enum status status = layer_check_image(builder, input);
    if (status) return status;
    int height = windowed_size(input->size[0], window->height, window->stride_y, window->dilation_y,
                               window->padding);
    int width = windowed_size(input->size[1], window->width, window->stride_x, window->dilation_x,
                              window->padding);
    if (!height || !width)
        return layer_error(builder->error, STATUS_FORMAT, builder->path, builder->layer,
                           "its %dx%d window (dilation %dx%d) does not fit into %s", window->height,
                           window->width, window->dilation_y, window->dilation_x,
                           shape_text(input, text));
    builder->layer->output = (struct shape){.rank = 3, .size = {height, width, channels}};
    return STATUS_OK;
}
