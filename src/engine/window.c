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
    for (size_t i = 0; i < count; i++)
        out[i] = (int8_t)fixed_clamp(out[i], step->low, step->high);
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
                engine->kernels->largest(view_start(window, view, x), view.height, view.width,
                                         row, channels, out);
            }
        clamp_all(step, step->output->count,
                  (int8_t *)step->output->data + digit * step->output->bytes);
    }
}

static void average(const struct step *step, struct view view, const int8_t *x, int8_t *out) {
    const struct window_plan *window = &step->window;
    size_t channels = (size_t)window->in_channels, row = channels * (size_t)window->in_width;
    int64_t count = (int64_t)view.height * view.width;
    for (size_t c = 0; c < channels; c++) {
        int64_t sum = 0;
        for (int y = 0; y < view.height; y++)
            for (int column = 0; column < view.width; column++)
                sum += x[(size_t)y * row + (size_t)column * channels + c];
        sum = sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
        out[c] = (int8_t)fixed_clamp(sum, step->low, step->high);
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
    step->run = op->code == OP_MAX_POOL_2D ? run_max : run_average;
    return true;
}
