#include "engine/padded_input.h"

#include <string.h>

static size_t value_bytes(const struct engine *engine, const struct padded_input *padded) {
    return padded->is_words ? sizeof(int16_t) : (size_t)engine->kernels->activation_bytes;
}

size_t padded_input_bytes(const struct engine *engine, const struct padded_input *padded) {
    return (size_t)padded->height * (size_t)padded->width * (size_t)padded->window.in_channels *
           value_bytes(engine, padded);
}

/* ---- running ---- */

static bool has_border(const struct padded_input *padded) {
    const struct window_plan *window = &padded->window;
    return padded->width != window->in_width || padded->height != window->in_height;
}

void padded_input_clear(const struct engine *engine, const struct padded_input *padded,
                        unsigned char *packed) {
    /* Real 0 is the zero point; in words that is taken off already. */
    int border = value_bytes(engine, padded) == 1
                     ? padded->zero_point + engine->kernels->activation_offset
                     : 0;
    if (has_border(padded)) memset(packed, border, padded_input_bytes(engine, padded));
}

void padded_input_pack(const struct engine *engine, const struct padded_input *padded,
                       const int8_t *x, unsigned char *packed) {
    const struct window_plan *window = &padded->window;
    void (*pack)(size_t, const int8_t *, int, unsigned char *) =
        padded->is_words ? engine->kernels->pack_words : engine->kernels->pack;
    size_t pixel = (size_t)window->in_channels * value_bytes(engine, padded);
    size_t row = (size_t)window->in_width * (size_t)window->in_channels;
    if (!has_border(padded)) {
        pack(row * (size_t)window->in_height, x, padded->zero_point, packed);
        return;
    }
    size_t padded_row = (size_t)padded->width * pixel;
    packed += (size_t)window->pad_top * padded_row + (size_t)window->pad_left * pixel;
    for (int y = 0; y < window->in_height; y++)
        pack(row, x + (size_t)y * row, padded->zero_point, packed + (size_t)y * padded_row);
}

/* ---- planning ---- */

static int64_t padded_size(int in, int before, int out, int stride, int window, int dilation) {
    int64_t reached = (int64_t)(out - 1) * stride + (int64_t)(window - 1) * dilation + 1;
    int64_t held = (int64_t)before + in;
    return reached > held ? reached : held;
}

bool plan_padded_input(struct planner *planner, struct padded_input *padded, int32_t zero_point,
                       bool is_words) {
    const struct window_plan *window = &padded->window;
    padded->zero_point = zero_point;
    padded->is_words = is_words;
    int64_t rows = padded_size(window->in_height, window->pad_top, window->out_height,
                               window->stride_y, window->height, window->dilation_y);
    int64_t columns = padded_size(window->in_width, window->pad_left, window->out_width,
                                  window->stride_x, window->width, window->dilation_x);
    int64_t bytes = (int64_t)value_bytes(planner->engine, padded) * window->in_channels;
    if (rows > INT32_MAX || columns > INT32_MAX || rows * columns > INT32_MAX / 4 / bytes)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its padded input is too large");
    padded->height = (int)rows;
    padded->width = (int)columns;
    return true;
}

bool plan_padded_offsets(struct planner *planner, struct padded_input *padded, int columns,
                         uint32_t *part_offset) {
    const struct window_plan *window = &padded->window;
    size_t pixel = (size_t)window->in_channels;
    if (!padded->is_words) pixel *= (size_t)planner->engine->kernels->activation_bytes;
    size_t row = (size_t)padded->width * pixel;
    padded->positions = (size_t)window->out_height * (size_t)window->out_width;
    uint32_t *to = plan_memory(planner, padded->positions, sizeof *to);
    if (!to) return false;
    padded->position_offset = to;
    for (int y = 0; y < window->height; y++)
        for (int x = 0; x < columns; x++)
            *part_offset++ = (uint32_t)((size_t)y * (size_t)window->dilation_y * row +
                                        (size_t)x * (size_t)window->dilation_x * pixel);
    for (int y = 0; y < window->out_height; y++)
        for (int x = 0; x < window->out_width; x++)
            *to++ = (uint32_t)((size_t)y * (size_t)window->stride_y * row +
                               (size_t)x * (size_t)window->stride_x * pixel);
    return true;
}
