/* CONV_2D on int8. */
#include "engine/conv2d.h"

#include "base/array.h"
#include "engine/operators.h"

/* Image after image: packed, multiplied, stored. */
static void run_conv2d(const struct engine *engine, const struct step *step, size_t begin,
                       size_t end, unsigned char *scratch) {
    const struct conv2d *conv = step->own;
    int32_t *sums = (int32_t *)(void *)scratch;
    unsigned char *packed = scratch + product_sum_bytes(&conv->product);
    padded_input_clear(engine, &conv->input, packed);
    for (size_t image = begin; image < end; image++) {
        padded_input_pack(engine, &conv->input, step_input(step, image), packed);
        product_rows(engine, &conv->product, packed, conv->input.positions,
                     conv->input.position_offset, sums, step_output(step, image));
    }
}

/* ---- planning ---- */

void plan_conv2d_run(struct planner *planner, const struct conv2d *conv) {
    planner->step->scratch_bytes =
        product_sum_bytes(&conv->product) + padded_input_bytes(planner->engine, &conv->input) + 64;
    planner->step->run = run_conv2d;
}

bool plan_conv2d(struct planner *planner) {
    const struct frozen_tensor *weights, *bias;
    struct conv2d *conv = plan_own(planner, sizeof *conv);
    if (!conv || !plan_int8_only(planner) || !plan_weights(planner, 4, &weights, &bias))
        return false;
    const struct window_plan *window = &conv->input.window;
    int channels = weights->shape[0], height = weights->shape[1], width = weights->shape[2];
    if (!plan_window(planner, height, width, channels, &conv->input.window)) return false;
    if (weights->shape[3] != window->in_channels)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its weights and its input differ in channels (groups are not "
                           "supported)");
    struct int8_range range = plan_int8_range(planner);
    if (!plan_padded_input(planner, &conv->input, range.zero_in, false)) return false;
    /* Without dilation along x a row of the window is one run. */
    bool whole_rows = window->dilation_x == 1 || width == 1;
    int segments = whole_rows ? height : height * width;
    int count = window->in_channels * (whole_rows ? width : 1);
    uint32_t *segment_offset = plan_memory(planner, (size_t)segments, sizeof *segment_offset);
    if (!segment_offset || !plan_constants(planner, weights, bias, channels, 0) ||
        !plan_dot(planner, &conv->product, weights, bias, channels, segments, count,
                  range.zero_in) ||
        !plan_output_stage(planner, &conv->product.stage, weights, channels, range) ||
        !plan_padded_offsets(planner, &conv->input, segments / height, segment_offset))
        return false;
    conv->product.dot.segment_offset = segment_offset;
    plan_conv2d_run(planner, conv);
    return true;
}

/* ---- fusing ---- */

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

bool conv2d_fuse_pool(struct planner *planner, const struct window_plan *pool) {
    struct engine *engine = planner->engine;
    struct step *before = planner->step - 1;
    size_t area = (size_t)pool->height * (size_t)pool->width;
    if (engine->is_inspectable || planner->index < 1 || before->run != run_conv2d ||
        before->output != planner->step->input || planner->op->activation != FUSED_NONE ||
        !is_only_reader(planner))
        return false;
    struct conv2d *conv = before->own;
    if (!is_monotone(&conv->product.stage.scale)) return false;
    /* Windows side by side, all in the image. */
    if (pool->stride_y != pool->height || pool->stride_x != pool->width || area > PRODUCT_ROWS ||
        (int64_t)pool->out_height * pool->height > pool->in_height ||
        (int64_t)pool->out_width * pool->width > pool->in_width)
        return false;
    size_t windows = (size_t)pool->out_height * (size_t)pool->out_width;
    uint32_t *to = plan_memory(planner, windows * area, sizeof *to);
    if (!to) return false;
    const uint32_t *from = conv->input.position_offset;
    conv->input.position_offset = to;
    for (size_t i = 0; i < windows * area; i++) {
        size_t y = i / area / (size_t)pool->out_width * (size_t)pool->height;
        size_t x = i / area % (size_t)pool->out_width * (size_t)pool->width;
        y += i % area / (size_t)pool->width;
        x += i % area % (size_t)pool->width;
        *to++ = from[y * (size_t)pool->in_width + x];
    }
    conv->input.positions = windows * area;
    conv->product.stage.scale.window = (int)area;
    struct slot *between = &engine->slots[planner->op->inputs[0]];
    array_free(between->data);
    between->data = NULL;
    before->output = planner->step->output;
    return true;
}
