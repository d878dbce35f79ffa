/* MEAN and REDUCE_MAX over height and width: what Keras' global pooling becomes. */
#include <math.h>

#include "engine/operators.h"
#include "engine/pool2d.h"
#include "engine/product.h"

struct mean {
    int32_t zero_in;
    struct output_stage stage;
};

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
    const struct mean *mean = step->own;
    int32_t *acc = (int32_t *)(void *)scratch;
    size_t channels = step->output->count, pixels = step->input->count / channels;
    for (size_t image = begin; image < end; image++) {
        const int8_t *x = step_input(step, image);
        for (size_t c = 0; c < channels; c += DOT_GROUP)
            sum_few(pixels, channels, channels - c < DOT_GROUP ? channels - c : DOT_GROUP, x + c,
                    mean->zero_in, acc + c);
        mean->stage.store(&mean->stage.scale, 1, acc, step_output(step, image));
    }
}

/* step->own: one window as large as the image. */
static void run_max(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)scratch;
    for (size_t image = begin; image < end; image++)
        engine->kernels->largest(step_input(step, image), step->own, step_output(step, image));
}

/* ---- planning ---- */

static bool reduces_pixels(const struct frozen_tensor *axes) {
    if (!axes->data || axes->type != TYPE_INT32 || axes->data_bytes != 2 * sizeof(int32_t))
        return false;
    const int32_t *axis = axes->data;
    int first = axis[0] < 0 && axis[0] >= -4 ? axis[0] + 4 : axis[0];
    int second = axis[1] < 0 && axis[1] >= -4 ? axis[1] + 4 : axis[1];
    return (first == 1 && second == 2) || (first == 2 && second == 1);
}

static bool plan_reduced_axes(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *axes = plan_input(planner, 1);
    if (input->rank != 4 || !axes || !reduces_pixels(axes))
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "is supported only over axes 1 and 2 of 4 dimensions");
    if (planner->step->output->count != (size_t)input->shape[3])
        return plan_refuse(planner, STATUS_FORMAT,
                           "the shape of its output is not the one it computes");
    return true;
}

/* Division by the number of pixels goes into the factor, with as many bits as it has room for. */
bool plan_mean(struct planner *planner) {
    struct mean *mean = plan_own(planner, sizeof *mean);
    if (!mean || !plan_int8_only(planner) || !plan_reduced_axes(planner)) return false;
    float in = planner->input->scale[0], out = planner->output->scale[0];
    int32_t pixels = planner->input->shape[1] * planner->input->shape[2];
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
    mean->zero_in = planner->input->zero_point[0];
    struct int8_range range = {mean->zero_in, planner->output->zero_point[0], -128, 127};
    if (!plan_output_stage_uniform(planner, &mean->stage, planner->input->shape[3], range, factor,
                                   factor_float))
        return false;
    planner->step->scratch_bytes = (size_t)mean->stage.scale.groups * DOT_GROUP * sizeof(int32_t);
    planner->step->run = run_mean;
    return true;
}

bool plan_reduce_max(struct planner *planner) {
    struct dot_window *all = plan_own(planner, sizeof *all);
    if (!all || !plan_int8_only(planner) || !plan_reduced_axes(planner)) return false;
    const int *shape = planner->input->shape;
    size_t channels = (size_t)shape[3];
    *all = (struct dot_window){shape[1], shape[2], channels * (size_t)shape[2], channels, 1, 0};
    planner->step->run = run_max;
    return plan_same_quantization(planner);
}

/* ---- float32: one window as large as the image ---- */

bool plan_reduce_float(struct planner *planner) {
    if (!plan_float_only(planner) || !plan_reduced_axes(planner)) return false;
    const int *shape = planner->input->shape;
    struct window_plan window = {
        .in_height = shape[1],
        .in_width = shape[2],
        .in_channels = shape[3],
        .out_height = 1,
        .out_width = 1,
        .out_channels = shape[3],
        .height = shape[1],
        .width = shape[2],
        .stride_y = 1,
        .stride_x = 1,
        .dilation_y = 1,
        .dilation_x = 1,
    };
    return plan_float_pool(planner, &window, planner->op->code == OP_REDUCE_MAX);
}
