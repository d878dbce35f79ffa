/* DEPTHWISE_CONV_2D: output channel c * multiplier + m comes from input channel c alone.  With the
 * usual multiplier 1 it is a matter of kernels->multiply_taps; here is the rest. */
#include <string.h>

#include "engine/internal.h"

static void accumulate(const struct step *step, const int8_t *x, int y, int column, int32_t *acc) {
    const struct window_plan *window = &step->window;
    size_t in_channels = (size_t)window->in_channels, multiplier = (size_t)step->multiplier;
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
            const int8_t *w = step->weights + ((size_t)ky * (size_t)window->width + (size_t)kx) *
                                                  in_channels * multiplier;
            for (size_t c = 0; c < in_channels; c++)
                for (size_t m = 0; m < multiplier; m++, w++)
                    acc[c * multiplier + m] =
                        fixed_add(acc[c * multiplier + m], (from[c] - step->zero_in) * *w);
        }
    }
}

static void run_depthwise(const struct engine *engine, const struct step *step, size_t begin,
                          size_t end, unsigned char *scratch) {
    (void)engine;
    const struct window_plan *window = &step->window;
    int32_t *acc = (int32_t *)(void *)scratch;
    size_t channels = (size_t)window->out_channels;
    for (size_t image = begin; image < end; image++) {
        const int8_t *x = (const int8_t *)step->input->data + image * step->input->bytes;
        int8_t *out = (int8_t *)step->output->data + image * step->output->bytes;
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++, out += channels) {
                memset(acc, 0, channels * sizeof *acc);
                if (step->bias) memcpy(acc, step->bias, channels * sizeof *acc);
                accumulate(step, x, y, column, acc);
                step->store(&step->scale, 1, acc, out);
            }
    }
}

static bool plan_taps(struct planner *planner) {
    struct step *step = planner->step;
    const struct window_plan *window = &step->window;
    if (!plan_padded_input(planner, true)) return false;
    size_t taps = (size_t)window->height * (size_t)window->width, pairs = (taps + 1) / 2;
    size_t channels = (size_t)step->scale.groups * DOT_GROUP;
    uint32_t *offset = plan_memory(planner, 2 * pairs, sizeof *offset);
    int32_t *start = plan_memory(planner, channels, sizeof *start);
    int16_t *weights = plan_memory(planner, pairs * channels, 2 * sizeof *weights);
    if (!offset || !start || !weights || !plan_padded_offsets(planner, window->width, offset))
        return false;
    dot_pack_taps(window->out_channels, (int)taps, step->weights, weights);
    if (step->bias) memcpy(start, step->bias, (size_t)window->out_channels * sizeof *start);
    step->taps = (struct dot_taps){weights, step->scale.groups, (int)pairs, offset, start};
    step->scratch_bytes = acc_bytes(step) + padded_input_bytes(planner->engine, step) + 64;
    step->run = run_conv;
    return true;
}

bool plan_depthwise(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *tensors = planner->engine->frozen->tensors;
    if (!plan_int8(planner, planner->input) || !plan_int8(planner, planner->output)) return false;
    if (op->input_count < 2) return plan_refuse(planner, STATUS_FORMAT, "it has no weights");
    const struct frozen_tensor *weights = &tensors[op->inputs[1]];
    const struct frozen_tensor *bias =
        op->input_count > 2 && op->inputs[2] >= 0 ? &tensors[op->inputs[2]] : NULL;
    if (weights->rank != 4 || weights->shape[0] != 1)
        return plan_refuse(planner, STATUS_FORMAT, "its weights want shape [1, h, w, channels]");
    int channels = weights->shape[3];
    if (!plan_fused_activation(planner) ||
        !plan_window(planner, weights->shape[1], weights->shape[2], channels))
        return false;
    int64_t wanted = (int64_t)op->depth_multiplier * step->window.in_channels;
    if (op->depth_multiplier < 1 || wanted != channels)
        return plan_refuse(planner, STATUS_FORMAT,
                           "its weights do not have the depth multiplier's channels");
    if (!plan_constants(planner, weights, bias, channels, 3) ||
        !plan_scale(planner, weights, channels))
        return false;
    step->multiplier = op->depth_multiplier;
    step->weights = weights->data;
    step->bias = bias ? bias->data : NULL;
    if (step->multiplier == 1) return plan_taps(planner);
    step->scratch_bytes = (size_t)step->scale.groups * DOT_GROUP * sizeof(int32_t);
    step->run = run_depthwise;
    return true;
}
