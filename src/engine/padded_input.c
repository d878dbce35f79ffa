/* The packed input of convolutions, and where their windows lie in it. */
#include <string.h>

#include "base/array.h"
#include "engine/internal.h"

static size_t value_bytes(const struct engine *engine, const struct step *step) {
    return step->words ? sizeof(int16_t) : (size_t)engine->kernels->activation_bytes;
}

size_t padded_input_bytes(const struct engine *engine, const struct step *step) {
    return (size_t)step->padded_height * (size_t)step->padded_width *
           (size_t)step->window.in_channels * value_bytes(engine, step);
}

/* ---- running ---- */

static bool has_border(const struct step *step) {
    const struct window_plan *window = &step->window;
    return step->padded_width != window->in_width || step->padded_height != window->in_height;
}

void padded_input_clear(const struct engine *engine, const struct step *step,
                        unsigned char *packed) {
    /* Real 0 is the zero point; in words that is taken off already. */
    int border =
        value_bytes(engine, step) == 1 ? step->zero_in + engine->kernels->activation_offset : 0;
    if (has_border(step)) memset(packed, border, padded_input_bytes(engine, step));
}

void padded_input_pack(const struct engine *engine, const struct step *step, const int8_t *x,
                       unsigned char *packed) {
    const struct window_plan *window = &step->window;
    void (*pack)(size_t, const int8_t *, int, unsigned char *) =
        step->words ? engine->kernels->pack_words : engine->kernels->pack;
    size_t pixel = (size_t)window->in_channels * value_bytes(engine, step);
    size_t row = (size_t)window->in_width * (size_t)window->in_channels;
    if (!has_border(step)) {
        pack(row * (size_t)window->in_height, x, step->zero_in, packed);
        return;
    }
    size_t padded = (size_t)step->padded_width * pixel;
    packed += (size_t)window->pad_top * padded + (size_t)window->pad_left * pixel;
    for (int y = 0; y < window->in_height; y++)
        pack(row, x + (size_t)y * row, step->zero_in, packed + (size_t)y * padded);
}

/* ---- planning ---- */

static int64_t padded_size(int in, int before, int out, int stride, int window, int dilation) {
    int64_t reached = (int64_t)(out - 1) * stride + (int64_t)(window - 1) * dilation + 1;
    int64_t held = (int64_t)before + in;
    return reached > held ? reached : held;
}

bool plan_padded_input(struct planner *planner, bool words) {
    struct step *step = planner->step;
    const struct window_plan *window = &step->window;
    step->words = words;
    int64_t rows = padded_size(window->in_height, window->pad_top, window->out_height,
                               window->stride_y, window->height, window->dilation_y);
    int64_t columns = padded_size(window->in_width, window->pad_left, window->out_width,
                                  window->stride_x, window->width, window->dilation_x);
    int64_t bytes = (int64_t)value_bytes(planner->engine, step) * window->in_channels;
    if (rows > INT32_MAX || columns > INT32_MAX || rows * columns > INT32_MAX / 4 / bytes)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its padded input is too large");
    step->padded_height = (int)rows;
    step->padded_width = (int)columns;
    return true;
}

bool plan_padded_offsets(struct planner *planner, int columns, uint32_t *part_offset) {
    struct step *step = planner->step;
    const struct window_plan *window = &step->window;
    size_t pixel = (size_t)window->in_channels;
    if (!step->words) pixel *= (size_t)planner->engine->kernels->activation_bytes;
    size_t row = (size_t)step->padded_width * pixel;
    step->rows = (size_t)window->out_height * (size_t)window->out_width;
    step->row_offset = plan_memory(planner, step->rows, sizeof *step->row_offset);
    if (!step->row_offset) return false;
    for (int y = 0; y < window->height; y++)
        for (int x = 0; x < columns; x++)
            *part_offset++ = (uint32_t)((size_t)y * (size_t)window->dilation_y * row +
                                        (size_t)x * (size_t)window->dilation_x * pixel);
    uint32_t *to = step->row_offset;
    for (int y = 0; y < window->out_height; y++)
        for (int x = 0; x < window->out_width; x++)
            *to++ = (uint32_t)((size_t)y * (size_t)window->stride_y * row +
                               (size_t)x * (size_t)window->stride_x * pixel);
    return true;
}

/* Whether only this operator reads its input. */
static bool is_only_reader(const struct planner *planner) {
    const struct frozen *frozen = planner->engine->frozen;
    int tensor = planner->op->inputs[0], readers = 0;
    for (int i = 0; i < frozen->operator_count; i++)
        for (int j = 0; j < frozen->operators[i].input_count; j++)
            readers += frozen->operators[i].inputs[j] == tensor;
    return readers == 1 && frozen->output != tensor;
}

/* Scaling never falls as a sum grows, unless a shift to the left throws bits away. */
static bool is_monotone(const struct dot_output *scale) {
    for (int c = 0; c < scale->channels; c++)
        if (scale->shift_left[c]) return false;
    return true;
}

bool conv2d_fuse_pool(struct planner *planner) {
    struct engine *engine = planner->engine;
    const struct window_plan *pool = &planner->step->window;
    struct step *conv = planner->step - 1;
    size_t area = (size_t)pool->height * (size_t)pool->width;
    if (engine->is_inspectable || planner->index < 1 || conv->run != run_conv ||
        conv->output != planner->step->input || planner->op->activation != FUSED_NONE ||
        !is_only_reader(planner) || !is_monotone(&conv->scale))
        return false;
    /* Windows side by side, all in the image. */
    if (pool->stride_y != pool->height || pool->stride_x != pool->width || area > ENGINE_ROWS ||
        (int64_t)pool->out_height * pool->height > pool->in_height ||
        (int64_t)pool->out_width * pool->width > pool->in_width)
        return false;
    size_t windows = (size_t)pool->out_height * (size_t)pool->out_width;
    uint32_t *to = plan_memory(planner, windows * area, sizeof *to);
    if (!to) return false;
    const uint32_t *from = conv->row_offset;
    conv->row_offset = to;
    for (size_t i = 0; i < windows * area; i++) {
        size_t y = i / area / (size_t)pool->out_width * (size_t)pool->height;
        size_t x = i / area % (size_t)pool->out_width * (size_t)pool->width;
        y += i % area / (size_t)pool->width;
        x += i % area % (size_t)pool->width;
        *to++ = from[y * (size_t)pool->in_width + x];
    }
    conv->rows = windows * area;
    conv->scale.window = (int)area;
    struct slot *between = &engine->slots[planner->op->inputs[0]];
    array_free(between->data);
    between->data = NULL;
    conv->output = planner->step->output;
    return true;
}
