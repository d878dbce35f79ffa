/* LEAKY_RELU: gemmlowp's fixed point (reference), or XNNPACK's with 8 fractional bits. */
#include <math.h>

#include "engine/internal.h"

static void run_float(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const float *x = (const float *)(const void *)step->input->data + begin * step->input->count;
    float *out = (float *)(void *)step->output->data + begin * step->output->count;
    for (size_t i = 0; i < (end - begin) * step->output->count; i++)
        out[i] = x[i] > 0 ? x[i] : x[i] * step->factor_float;
}

/* XNNPACK leaves other ratios to TFLite's own kernel. */
static bool has_eight_bits(float ratio) {
    return ratio >= 1.0f / 256 && ratio <= 128.0f;
}

bool plan_leaky_relu(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    float slope = planner->op->slope;
    if (step->input->count != step->output->count)
        return plan_refuse(planner, STATUS_FORMAT, "input and output differ in size");
    if (!(slope >= 0 && slope <= 1))
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its alpha is not between 0 and 1");
    step->factor_float = slope;
    step->run = run_float;
    if (input->type == TYPE_FLOAT32) return true;
    if (!plan_int8(planner, input) || !plan_int8(planner, output)) return false;
    struct fixed above, below;
    float ratio = input->scale[0] / output->scale[0];
    float less = input->scale[0] * slope / output->scale[0];
    if (!plan_factor(planner, (double)ratio, &above) || !plan_factor(planner, (double)less, &below))
        return false;
    bool eight_bits = planner->engine->runtime == RUNTIME_XNN && has_eight_bits(ratio) &&
                      has_eight_bits(ratio * slope);
    int32_t above_bits = (int32_t)lrint(256 * (double)ratio);
    int32_t below_bits = (int32_t)lrint(256 * (double)(ratio * slope));
    int32_t zero = output->zero_point[0];
    for (int byte = 0; byte < 256; byte++) {
        int32_t x = (byte < 128 ? byte : byte - 256) - input->zero_point[0];
        int64_t q = eight_bits ? (zero * 256 + 128 + (x >= 0 ? above_bits : below_bits) * x) >> 8
                               : (int64_t)fixed_scale(x, x >= 0 ? above : below) + zero;
        step->table.bytes[byte] = (unsigned char)fixed_clamp(q, -128, 127);
    }
    dot_table_finish(&step->table);
    step->run = run_table;
    return true;
}
