/* LEAKY_RELU: gemmlowp's fixed point (reference), or XNNPACK's with 8 fractional bits. */
#include <math.h>

#include "engine/operators.h"

static bool plan_slope(struct planner *planner) {
    if (!(planner->op->slope >= 0 && planner->op->slope <= 1))
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its alpha is not between 0 and 1");
    return true;
}

/* XNNPACK leaves other ratios to TFLite's own kernel. */
static bool has_eight_bits(float ratio) {
    return ratio >= 1.0f / 256 && ratio <= 128.0f;
}

bool plan_leaky_relu(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    if (!plan_same_size(planner) || !plan_slope(planner) || !plan_int8_only(planner)) return false;
    struct fixed above, below;
    float slope = planner->op->slope;
    float ratio = input->scale[0] / output->scale[0];
    float less = input->scale[0] * slope / output->scale[0];
    if (!plan_factor(planner, (double)ratio, &above) || !plan_factor(planner, (double)less, &below))
        return false;
    struct dot_table *table = plan_table(planner);
    if (!table) return false;
    bool eight_bits = planner->engine->runtime == RUNTIME_XNN && has_eight_bits(ratio) &&
                      has_eight_bits(ratio * slope);
    int32_t above_bits = (int32_t)lrint(256 * (double)ratio);
    int32_t below_bits = (int32_t)lrint(256 * (double)(ratio * slope));
    int32_t zero = output->zero_point[0];
    for (int byte = 0; byte < 256; byte++) {
        int32_t x = byte_as_int8(byte) - input->zero_point[0];
        int64_t q = eight_bits ? (zero * 256 + 128 + (x >= 0 ? above_bits : below_bits) * x) >> 8
                               : (int64_t)fixed_scale(x, x >= 0 ? above : below) + zero;
        table->bytes[byte] = (unsigned char)fixed_clamp(q, -128, 127);
    }
    dot_table_finish(table);
    return true;
}

/* ---- float32 ---- */

static void run_float(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    float slope = *(const float *)step->own;
    const float *x = step_input_float(step, begin);
    float *out = step_output_float(step, begin);
    for (size_t i = 0; i < (end - begin) * step->output->count; i++)
        out[i] = x[i] > 0 ? x[i] : x[i] * slope;
}

bool plan_leaky_relu_float(struct planner *planner) {
    float *slope = plan_own(planner, sizeof *slope);
    if (!slope || !plan_float_only(planner) || !plan_same_size(planner) || !plan_slope(planner))
        return false;
    *slope = planner->op->slope;
    planner->step->run = run_float;
    return true;
}
