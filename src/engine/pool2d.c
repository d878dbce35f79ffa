/* MAX_POOL_2D and AVERAGE_POOL_2D. */
#include "engine/pool2d.h"

#include "engine/conv2d.h"
#include "engine/operators.h"

struct pool2d {
    struct window_plan window;
    struct int8_range range;
};

/* What runs over a row of windows: kernels->largest or kernels->average. */
typedef void row_of_windows(const struct engine *engine, const struct pool2d *pool, const int8_t *x,
                            const struct dot_window *windows, int8_t *out);

static void largest(const struct engine *engine, const struct pool2d *pool, const int8_t *x,
                    const struct dot_window *windows, int8_t *out) {
    engine->kernels->largest(x, windows, out);
    if (pool->range.low == -128 && pool->range.high == 127) return;
    for (size_t i = 0; i < windows->count * windows->channels; i++)
        out[i] = (int8_t)fixed_clamp(out[i], pool->range.low, pool->range.high);
}

static void average(const struct engine *engine, const struct pool2d *pool, const int8_t *x,
                    const struct dot_window *windows, int8_t *out) {
    engine->kernels->average(x, windows, pool->range.low, pool->range.high, out);
}

static void pool_image(const struct engine *engine, const struct pool2d *pool, row_of_windows *run,
                       const int8_t *x, int8_t *out) {
    const struct window_plan *window = &pool->window;
    size_t channels = (size_t)window->in_channels, row = channels * (size_t)window->in_width;
    for (int y = 0; y < window->out_height; y++)
        for (int column = 0; column < window->out_width;) {
            struct view view = window_view(window, y, column);
            /* Windows that the image's sides do not cut are alike. */
            int alike = 1;
            if (view.width == window->width)
                while (column + alike < window->out_width &&
                       window_view(window, y, column + alike).width == window->width)
                    alike++;
            struct dot_window windows = {view.height,   view.width,
                                         row,           channels,
                                         (size_t)alike, (size_t)window->stride_x * channels};
            run(engine, pool, x + (size_t)view.top * row + (size_t)view.left * channels, &windows,
                out);
            out += (size_t)alike * channels;
            column += alike;
        }
}

static void pool_images(const struct engine *engine, const struct step *step, row_of_windows *run,
                        size_t begin, size_t end) {
    for (size_t image = begin; image < end; image++)
        pool_image(engine, step->own, run, step_input(step, image), step_output(step, image));
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

static bool plan_pool2d(struct planner *planner, step_run *run) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    struct pool2d *pool = plan_own(planner, sizeof *pool);
    if (!pool || !plan_int8_only(planner)) return false;
    if (input->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its input does not have 4 dimensions");
    pool->range = plan_int8_range(planner);
    planner->step->run = run;
    return plan_same_quantization(planner) &&
           plan_window(planner, op->filter_height, op->filter_width, input->shape[3],
                       &pool->window);
}

bool plan_max_pool2d(struct planner *planner) {
    if (!plan_pool2d(planner, run_max)) return false;
    const struct pool2d *pool = planner->step->own;
    if (conv2d_fuse_pool(planner, &pool->window)) planner->step->run = NULL;
    return !planner->status;
}

bool plan_average_pool2d(struct planner *planner) {
    if (!plan_pool2d(planner, run_average)) return false;
    if ((int64_t)planner->op->filter_height * planner->op->filter_width >= 1 << 23)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its window is too large");
    return true;
}

/* ---- float32 ---- */

struct float_pool {
    struct window_plan window;
    bool is_max;
    struct float_range range;
};

static void pool_view(const struct float_pool *pool, struct view view, const float *x, float *out) {
    size_t channels = (size_t)pool->window.in_channels;
    size_t row = channels * (size_t)pool->window.in_width;
    x += (size_t)view.top * row + (size_t)view.left * channels;
    for (size_t c = 0; c < channels; c++) {
        float sum = 0, most = x[c];
        for (int y = 0; y < view.height; y++)
            for (int column = 0; column < view.width; column++) {
                float value = x[(size_t)y * row + (size_t)column * channels + c];
                sum += value;
                most = value > most ? value : most;
            }
        out[c] = pool->is_max ? most : sum / ((float)view.height * (float)view.width);
    }
    clamp_floats(pool->range, channels, out);
}

static void run_float(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct float_pool *pool = step->own;
    const struct window_plan *window = &pool->window;
    for (size_t image = begin; image < end; image++) {
        float *out = step_output_float(step, image);
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++, out += window->in_channels)
                pool_view(pool, window_view(window, y, column), step_input_float(step, image), out);
    }
}

bool plan_float_pool(struct planner *planner, const struct window_plan *window, bool is_max) {
    struct float_pool *pool = plan_own(planner, sizeof *pool);
    if (!pool) return false;
    *pool = (struct float_pool){*window, is_max, plan_float_range(planner)};
    planner->step->run = run_float;
    return true;
}

bool plan_pool2d_float(struct planner *planner) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    struct window_plan window;
    if (!plan_float_only(planner)) return false;
    if (input->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its input does not have 4 dimensions");
    return plan_window(planner, op->filter_height, op->filter_width, input->shape[3], &window) &&
           plan_float_pool(planner, &window, op->code == OP_MAX_POOL_2D);
}
