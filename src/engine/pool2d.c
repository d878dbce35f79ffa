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

/* What runs over a row of windows: kernels->largest or kernels->average. */
typedef void row_of_windows(const struct engine *engine, const struct step *step, const int8_t *x,
                            const struct dot_window *windows, int8_t *out);

static void largest(const struct engine *engine, const struct step *step, const int8_t *x,
                    const struct dot_window *windows, int8_t *out) {
    engine->kernels->largest(x, windows, out);
    if (step->low == -128 && step->high == 127) return;
    for (size_t i = 0; i < windows->count * windows->channels; i++)
        out[i] = (int8_t)fixed_clamp(out[i], step->low, step->high);
}

static void average(const struct engine *engine, const struct step *step, const int8_t *x,
                    const struct dot_window *windows, int8_t *out) {
    engine->kernels->average(x, windows, step->low, step->high, out);
}

static void pool_image(const struct engine *engine, const struct step *step, row_of_windows *run,
                       const int8_t *x, int8_t *out) {
    const struct window_plan *window = &step->window;
    size_t channels = (size_t)window->in_channels, row = channels * (size_t)window->in_width;
    for (int y = 0; y < window->out_height; y++)
        for (int column = 0; column < window->out_width;) {
            struct view view = view_at(window, y, column);
            /* Windows that the image's sides do not cut are alike. */
            int alike = 1;
            if (view.width == window->width)
                while (column + alike < window->out_width &&
                       view_at(window, y, column + alike).width == window->width)
                    alike++;
            struct dot_window windows = {view.height,   view.width,
                                         row,           channels,
                                         (size_t)alike, (size_t)window->stride_x * channels};
            run(engine, step, x + (size_t)view.top * row + (size_t)view.left * channels, &windows,
                out);
            out += (size_t)alike * channels;
            column += alike;
        }
}

static void pool_images(const struct engine *engine, const struct step *step, row_of_windows *run,
                        size_t begin, size_t end) {
    for (size_t image = begin; image < end; image++)
        pool_image(engine, step, run,
                   (const int8_t *)step->input->data + image * step->input->bytes,
                   (int8_t *)step->output->data + image * step->output->bytes);
}

static void run_max(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)scratch;
    pool_images(engine, step, largest, begin, end);
}

static void run_average(const struct engine *engine, const struct step *step, size_t begin,
                        size_t end, unsigned char *scratch) {
    (void)scratch;
    pool_images(engine, step, average, begin, end);
}

bool plan_pool(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    if (!plan_int8(planner, planner->input) || !plan_int8(planner, planner->output)) return false;
    if (planner->input->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its input wants 4 dimensions");
    if (!plan_same_quantization(planner) || !plan_fused_activation(planner) ||
        !plan_window(planner, op->filter_height, op->filter_width, planner->input->shape[3]))
        return false;
    if (op->code == OP_AVERAGE_POOL_2D && (int64_t)op->filter_height * op->filter_width >= 1 << 23)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its window is too large");
    step->run = op->code == OP_MAX_POOL_2D ? run_max : run_average;
    if (op->code == OP_MAX_POOL_2D && conv2d_fuse_pool(planner)) step->run = NULL;
    return !planner->status;
}
