/* DEPTHWISE_CONV_2D on int8: output channel c * multiplier + m comes from input channel c alone.
 * With the usual multiplier 1 it runs as a conv2d by kernels->multiply_taps; here is the rest. */
#include <string.h>

#include "engine/conv2d.h"
#include "engine/operators.h"

struct depthwise {
    struct window_plan window;
    int multiplier;        /* outputs of one input channel */
    const int8_t *weights; /* [height][width][channels] */
    const int32_t *bias;   /* NULL: none */
    int32_t zero_in;
    struct output_stage stage;
};

static void accumulate(const struct depthwise *depthwise, const int8_t *x, int y, int column,
                       int32_t *acc) {
    const struct window_plan *window = &depthwise->window;
    size_t in_channels = (size_t)window->in_channels, multiplier = (size_t)depthwise->multiplier;
    for (int ky = 0; ky < window->height; ky++) {
        int64_t in_y =
            (int64_t)y * window->stride_y + (int64_t)ky * window->dilation_y - window->pad_top;
        if (in_y < 0 || in_y >= window->in_height) continue;
        for (int kx = 0; kx < window->width; kx++) {
            int64_t in_x = (int64_t)column * window->stride_x + (int64_t)kx * window->dilation_x -
                           window->pad_left;
            if (in_x < 0 || in_x >= window->in_width) continue;
            const int8_t *from =
                x + ((size_t)in_y * (size_t)window->in_width + (size_t)in_x) * in_channels;
            const int8_t *w =
                depthwise->weights +
                ((size_t)ky * (size_t)window->width + (size_t)kx) * in_channels * multiplier;
            for (size_t c = 0; c < in_channels; c++)
                for (size_t m = 0; m < multiplier; m++, w++)
                    acc[c * multiplier + m] =
                        fixed_add(acc[c * multiplier + m], (from[c] - depthwise->zero_in) * *w);
        }
    }
}

static void run_depthwise(const struct engine *engine, const struct step *step, size_t begin,
                          size_t end, unsigned char *scratch) {
    (void)engine;
    const struct depthwise *depthwise = step->own;
    const struct window_plan *window = &depthwise->window;
    int32_t *acc = (int32_t *)(void *)scratch;
    size_t channels = (size_t)window->out_channels;
    for (size_t image = begin; image < end; image++) {
        const int8_t *x = step_input(step, image);
        int8_t *out = step_output(step, image);
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++, out += channels) {
                memset(acc, 0, channels * sizeof *acc);
                if (depthwise->bias) memcpy(acc, depthwise->bias, channels * sizeof *acc);
                accumulate(depthwise, x, y, column, acc);
                depthwise->stage.store(&depthwise->stage.scale, 1, acc, out);
            }
    }
}

static bool plan_taps(struct planner *planner, const struct depthwise *depthwise) {
    struct conv2d *conv = plan_own(planner, sizeof *conv);
    if (!conv) return false;
    const struct window_plan *window = &depthwise->window;
    conv->input.window = *window;
    conv->product.stage = depthwise->stage;
    conv->product.has_taps = true;
    if (!plan_padded_input(planner, &conv->input, depthwise->zero_in, true)) return false;
    size_t taps = (size_t)window->height * (size_t)window->width, pairs = (taps + 1) / 2;
    size_t channels = (size_t)depthwise->stage.scale.groups * DOT_GROUP;
    uint32_t *offset = plan_memory(planner, 2 * pairs, sizeof *offset);
    int32_t *start = plan_memory(planner, channels, sizeof *start);
    int16_t *weights = plan_memory(planner, pairs * channels, 2 * sizeof *weights);
    if (!offset || !start || !weights ||
        !plan_padded_offsets(planner, &conv->input, window->width, offset))
        return false;
    dot_pack_taps(window->out_channels, (int)taps, depthwise->weights, weights);
    if (depthwise->bias)
        memcpy(start, depthwise->bias, (size_t)window->out_channels * sizeof *start);
    conv->product.taps =
        (struct dot_taps){weights, depthwise->stage.scale.groups, (int)pairs, offset, start};
    plan_conv2d_run(planner, conv);
    return true;
}

bool plan_depthwise_conv2d(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *weights, *bias;
    struct depthwise depthwise = {.multiplier = planner->op->depth_multiplier};
    if (!plan_int8_only(planner) || !plan_weights(planner, 4, &weights, &bias)) return false;
    if (weights->shape[0] != 1)
        return plan_refuse(planner, STATUS_FORMAT,
                           "the shape of its weights is not [1, height, width, channels]");
    int channels = weights->shape[3];
    struct int8_range range = plan_int8_range(planner);
    if (!plan_window(planner, weights->shape[1], weights->shape[2], channels, &depthwise.window) ||
        !plan_depth_multiplier(planner, depthwise.window.in_channels, channels) ||
        !plan_constants(planner, weights, bias, channels, 3) ||
        !plan_output_stage(planner, &depthwise.stage, weights, channels, range))
        return false;
    depthwise.zero_in = range.zero_in;
    depthwise.weights = weights->data;
    depthwise.bias = bias ? bias->data : NULL;
    if (depthwise.multiplier == 1) return plan_taps(planner, &depthwise);
    struct depthwise *own = plan_own(planner, sizeof *own);
    if (!own) return false;
    *own = depthwise;
    step->scratch_bytes = (size_t)depthwise.stage.scale.groups * DOT_GROUP * sizeof(int32_t);
    step->run = run_depthwise;
    return true;
}
