/* MAX_POOL_2D and AVERAGE_POOL_2D. */
#include "engine/internal.h"

struct view view_at(const struct window_plan *window, int y, int x) {
    int top = y * window->stride_y - window->pad_top;
    int left = x * window->stride_x - window->pad_left;
    int bottom = top + window->height, right = left + window->width;
    if (bottom > window->in_height) bottom = window->in_height;
    if (right > window->in_width) right = window->in_width;
    if (top < 0) top = 0;
    if (left < 0) left = 0;
    return (struct view){top, left, bottom - top, right - left};
}

static const int8_t *view_start(const struct window_plan *window, struct view view,
                                const int8_t *x) {
    return x + ((size_t)view.top * (size_t)window->in_width + (size_t)view.left) *
                   (size_t)window->in_channels;
}

static void clamp_all(const struct step *step, size_t count, int8_t *out) {
    if (step->low == -128 && step->high == 127) return;
    for (size_t i = 0; i < count; i++) out[i] = (int8_t)fixed_clamp(out[i], step->low, step->high);
}

static void run_max(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)scratch;
    const struct window_plan *window = &step->window;
    size_t channels = (size_t)window->in_channels, row = channels * (size_t)window->in_width;
    for (size_t digit = begin; digit < end; digit++) {
        const int8_t *x = (const int8_t *)step->input->data + digit * step->input->bytes;
        int8_t *out = (int8_t *)step->output->data + digit * step->output->bytes;
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++, out += channels) {
                struct view view = view_at(window, y, column);
                engine->kernels->largest(view_start(window, view, x), view.height, view.width, row,
                                         channels, out);
            }
        clamp_all(step, step->output->count,
                  (int8_t *)step->output->data + digit * step->output->bytes);
    }
}

/* Sums of up to DOT_GROUP channels; below 2^23 pixels they fit. */
static void average_few(const struct step *step, struct view view, size_t row, size_t count,
                        const int8_t *x, int8_t *out) {
    size_t channels = (size_t)step->window.in_channels;
    int32_t pixels = view.height * view.width, half = pixels / 2, sum[DOT_GROUP] = {0};
    for (int y = 0; y < view.height; y++)
        for (int column = 0; column < view.width; column++) {
            const int8_t *from = x + (size_t)y * row + (size_t)column * channels;
            if (count == DOT_GROUP) /* a constant, for vectors */
                for (size_t c = 0; c < DOT_GROUP; c++) sum[c] += from[c];
            else
                for (size_t c = 0; c < count; c++) sum[c] += from[c];
        }
    for (size_t c = 0; c < count; c++) {
        int32_t rounded = (sum[c] > 0 ? sum[c] + half : sum[c] - half) / pixels;
        out[c] = (int8_t)fixed_clamp(rounded, step->low, step->high);
    }
}

static void average(const struct step *step, struct view view, const int8_t *x, int8_t *out) {
    size_t channels = (size_t)step->window.in_channels;
    size_t row = channels * (size_t)step->window.in_width;
    for (size_t c = 0; c < channels; c += DOT_GROUP) {
        size_t count = channels - c < DOT_GROUP ? channels - c : DOT_GROUP;
        average_few(step, view, row, count, x + c, out + c);
    }
}

static void run_average(const struct engine *engine, const struct step *step, size_t begin,
                        size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct window_plan *window = &step->window;
    for (size_t digit = begin; digit < end; digit++) {
        const int8_t *x = (const int8_t *)step->input->data + digit * step->input->bytes;
        int8_t *out = (int8_t *)step->output->data + digit * step->output->bytes;
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++) {
                struct view view = view_at(window, y, column);
                average(step, view, view_start(window, view, x), out);
                out += window->in_channels;
            }
    }
}

bool plan_pool(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    if (!plan_int8(planner, planner->input) || !plan_int8(planner, planner->output)) return false;
    if (planner->input->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its input wants 4 dimensions");
    if (!plan_same_quantization(planner) || !plan_activation(planner) ||
        !plan_window(planner, op->filter_height, op->filter_width, planner->input->shape[3]))
        return false;
    if (op->code == OP_AVERAGE_POOL_2D && (int64_t)op->filter_height * op->filter_width >= 1 << 23)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its window is too large");
    step->run = op->code == OP_MAX_POOL_2D ? run_max : run_average;
    return true;
}
