/* MEAN and REDUCE_MAX over height and width: what Keras' global pooling becomes. */
#include <math.h>

#include "engine/internal.h"

/* acc[c] = sum over pixels of x[pixel][c] - zero, for up to DOT_GROUP channels. */
static void sum_few(size_t pixels, size_t channels, size_t count, const int8_t *x, int32_t zero,
                    int32_t *acc) {
    int32_t sum[DOT_GROUP] = {0};
    for (size_t i = 0; i < pixels; i++, x += channels)
        if (count == DOT_GROUP) /* a constant, for vectors */
            for (size_t c = 0; c < DOT_GROUP; c++) sum[c] += x[c];
        else
            for (size_t c = 0; c < count; c++) sum[c] += x[c];
    for (size_t c = 0; c < count; c++) acc[c] = sum[c] - (int32_t)pixels * zero;
}

static void run_mean(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                     unsigned char *scratch) {
    (void)engine;
    int32_t *acc = (int32_t *)(void *)scratch;
    size_t channels = step->output->count, pixels = step->input->count / channels;
    for (size_t image = begin; image < end; image++) {
        const int8_t *x = (const int8_t *)step->input->data + image * step->input->bytes;
        for (size_t c = 0; c < channels; c += DOT_GROUP)
            sum_few(pixels, channels, channels - c < DOT_GROUP ? channels - c : DOT_GROUP, x + c,
                    step->zero_in, acc + c);
        step->store(&step->scale, 1, acc,
                    (int8_t *)step->output->data + image * step->output->bytes);
    }
}

static void run_max(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)scratch;
    const struct window_plan *window = &step->window;
    size_t channels = (size_t)window->in_channels;
    struct dot_window all = {
        window->in_height, window->in_width, channels * (size_t)window->in_width, channels, 1, 0};
    for (size_t image = begin; image < end; image++)
        engine->kernels->largest((const int8_t *)step->input->data + image * step->input->bytes,
                                 &all, (int8_t *)step->output->data + image * step->output->bytes);
}

/* Division by the number of pixels goes into the factor, with as many bits as it has room for. */
static bool plan_mean(struct planner *planner, int32_t pixels) {
    struct step *step = planner->step;
    float in = planner->input->scale[0], out = planner->output->scale[0];
    struct fixed factor;
    if (pixels >= 1 << 23) /* sums of bytes less a zero point must fit 32 bits */
        return plan_refuse(planner, STATUS_UNSUPPORTED, "it has too many pixels");
    if (!plan_factor(planner, (double)in / (double)out, &factor)) return false;
    int room = 0;
    while ((int64_t)1 << (room + 1) <= pixels) room++;
    if (room > 31 + factor.shift) room = 31 + factor.shift;
    factor.value = (int32_t)(((int64_t)factor.value << room) / pixels);
    factor.shift -= room;
    float factor_float = in / out / (float)pixels;
    if (!isfinite(factor_float))
        return plan_refuse(planner, STATUS_FORMAT, "its scales are too far apart");
    step->low = -128;
    step->high = 127;
    if (!plan_scale_all(planner, planner->input->shape[3], factor, factor_float)) return false;
    step->scratch_bytes = (size_t)step->scale.groups * DOT_GROUP * sizeof(int32_t);
    step->run = run_mean;
    return true;
}

static bool reduces_pixels(const struct frozen_tensor *axes) {
    if (!axes->data || axes->type != TYPE_INT32 || axes->data_bytes != 2 * sizeof(int32_t))
        return false;
    const int32_t *axis = axes->data;
    int first = axis[0] < 0 && axis[0] >= -4 ? axis[0] + 4 : axis[0];
    int second = axis[1] < 0 && axis[1] >= -4 ? axis[1] + 4 : axis[1];
    return (first == 1 && second == 2) || (first == 2 && second == 1);
}

bool plan_reduced_axes(struct planner *planner) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    if (input->rank != 4 || op->input_count < 2 ||
        !reduces_pixels(&planner->engine->frozen->tensors[op->inputs[1]]))
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "is supported over the axes 1 and 2 of 4 dimensions");
    if (planner->step->output->count != (size_t)input->shape[3])
        return plan_refuse(planner, STATUS_FORMAT, "its output has another shape than it computes");
    return true;
}

bool plan_reduce(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    if (!plan_int8(planner, input) || !plan_int8(planner, planner->output) ||
        !plan_reduced_axes(planner))
        return false;
    step->zero_in = input->zero_point[0];
    step->zero_out = planner->output->zero_point[0];
    step->window.in_height = input->shape[1];
    step->window.in_width = input->shape[2];
    step->window.in_channels = input->shape[3];
    if (op->code == OP_MEAN) return plan_mean(planner, input->shape[1] * input->shape[2]);
    step->run = run_max;
    return plan_same_quantization(planner);
}
