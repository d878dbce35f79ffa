/* LOGISTIC and TANH: of int8 a table of 256 values computed in float32.  The two runtimes differ
 * only where a value lies half way between two codes: the reference kernel computes
 * 1 / (1 + exp(-x)) with each step rounded to float32 and rounds before it adds the zero point;
 * XNNPACK is more exact and rounds afterwards. */
#include "kernel/activation.h"

#include <math.h>

#include "engine/operators.h"

static int32_t code_of(float x, enum runtime runtime, bool is_tanh) {
    if (is_tanh) return (int32_t)roundf(tanh_float(x) * 128);
    if (runtime == RUNTIME_XNN) return (int32_t)roundf(sigmoid_float(x) * 256 - 128);
    return (int32_t)roundf(1 / (1 + exp_float(-x)) * 256) - 128;
}

bool plan_activation(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    bool is_tanh = planner->op->code == OP_TANH;
    if (!plan_same_size(planner) || !plan_int8_only(planner)) return false;
    float scale = 1.0f / (is_tanh ? 128 : 256);
    if (output->scale[0] != scale || output->zero_point[0] != (is_tanh ? 0 : -128))
        return plan_refuse(planner, STATUS_FORMAT,
                           is_tanh ? "its output does not have scale 1/128 and zero point 0"
                                   : "its output does not have scale 1/256 and zero point -128");
    struct dot_table *table = plan_table(planner);
    if (!table) return false;
    for (int byte = 0; byte < 256; byte++) {
        float x = input->scale[0] * (float)(byte_as_int8(byte) - input->zero_point[0]);
        int32_t code = code_of(x, planner->engine->runtime, is_tanh);
        table->bytes[byte] = (unsigned char)fixed_clamp(code, -128, 127);
    }
    dot_table_finish(table);
    return true;
}

/* ---- float32 ---- */

static void run_logistic(const struct engine *engine, const struct step *step, size_t begin,
                         size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const float *x = step_input_float(step, begin);
    float *out = step_output_float(step, begin);
    for (size_t i = 0; i < (end - begin) * step->output->count; i++) out[i] = sigmoid_float(x[i]);
}

static void run_tanh(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                     unsigned char *scratch) {
    (void)engine, (void)scratch;
    const float *x = step_input_float(step, begin);
    float *out = step_output_float(step, begin);
    for (size_t i = 0; i < (end - begin) * step->output->count; i++) out[i] = tanh_float(x[i]);
}

bool plan_activation_float(struct planner *planner) {
    planner->step->run = planner->op->code == OP_TANH ? run_tanh : run_logistic;
    return plan_float_only(planner) && plan_same_size(planner);
}
