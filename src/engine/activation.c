/* LOGISTIC and TANH: 256 values computed in float32.  The two runtimes agree but where a value lies
 * half way between two codes: the reference kernel takes 1 / (1 + exp(-x)) with each step rounded
 * to float32, and rounds before the zero point is added; XNNPACK is closer, and rounds after. */
#include "kernel/activation.h"

#include <math.h>

#include "engine/internal.h"

static void run_float(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const float *x = (const float *)(const void *)step->input->data + begin * step->input->count;
    float *out = (float *)(void *)step->output->data + begin * step->output->count;
    size_t count = (end - begin) * step->output->count;
    if (step->is_tanh)
        for (size_t i = 0; i < count; i++) out[i] = tanh_float(x[i]);
    else
        for (size_t i = 0; i < count; i++) out[i] = sigmoid_float(x[i]);
}

static int32_t code_of(float x, enum runtime runtime, bool is_tanh) {
    if (is_tanh) return (int32_t)roundf(tanh_float(x) * 128);
    if (runtime == RUNTIME_XNN) return (int32_t)roundf(sigmoid_float(x) * 256 - 128);
    return (int32_t)roundf(1 / (1 + exp_float(-x)) * 256) - 128;
}

bool plan_activation(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    step->is_tanh = planner->op->code == OP_TANH;
    if (step->input->count != step->output->count)
        return plan_refuse(planner, STATUS_FORMAT, "input and output differ in size");
    if (input->type == TYPE_FLOAT32) {
        step->run = run_float;
        return true;
    }
    if (!plan_int8(planner, input) || !plan_int8(planner, output)) return false;
    float scale = 1.0f / (step->is_tanh ? 128 : 256);
    if (output->scale[0] != scale || output->zero_point[0] != (step->is_tanh ? 0 : -128))
        return plan_refuse(planner, STATUS_FORMAT,
                           step->is_tanh ? "its output wants scale 1/128, zero point 0"
                                         : "its output wants scale 1/256, zero point -128");
    for (int byte = 0; byte < 256; byte++) {
        int32_t q = byte < 128 ? byte : byte - 256;
        float x = input->scale[0] * (float)(q - input->zero_point[0]);
        int32_t code = code_of(x, planner->engine->runtime, step->is_tanh);
        step->table.bytes[byte] = (unsigned char)fixed_clamp(code, -128, 127);
    }
    dot_table_finish(&step->table);
    step->run = run_table;
    return true;
}
