/* MINIMUM and MAXIMUM of a tensor and one number, or of two tensors of one shape; of int8 they
 * compare codes, since all have the same scale. */
#include "engine/internal.h"

static void run_bytes(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const int8_t *a = (const int8_t *)step->input->data + begin * step->input->bytes;
    const int8_t *b = (const int8_t *)step->other->data + begin * step->other->bytes;
    int8_t *out = (int8_t *)step->output->data + begin * step->output->bytes;
    for (size_t i = 0; i < (end - begin) * step->output->count; i++)
        out[i] = step->is_minimum == (a[i] < b[i]) ? a[i] : b[i];
}

static void run_floats(const struct engine *engine, const struct step *step, size_t begin,
                       size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const float *a = (const float *)(const void *)step->input->data + begin * step->input->count;
    const float *b = NULL;
    if (step->other)
        b = (const float *)(const void *)step->other->data + begin * step->other->count;
    float *out = (float *)(void *)step->output->data + begin * step->output->count;
    for (size_t i = 0; i < (end - begin) * step->output->count; i++) {
        float other = b ? b[i] : step->factor_float;
        out[i] = step->is_minimum == (a[i] < other) ? a[i] : other;
    }
}

/* The second operand is one number: for bytes that is a table. */
static bool plan_number(struct planner *planner, const struct frozen_tensor *other) {
    struct step *step = planner->step;
    if (frozen_tensor_count(other) != 1)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its constant is more than one number");
    if (other->type == TYPE_FLOAT32) {
        step->factor_float = *(const float *)other->data;
        step->run = run_floats;
        return true;
    }
    int32_t number = *(const int8_t *)other->data;
    for (int byte = 0; byte < 256; byte++) {
        int32_t q = byte < 128 ? byte : byte - 256;
        int32_t chosen = step->is_minimum == (q < number) ? q : number;
        step->table.bytes[byte] = (unsigned char)chosen;
    }
    dot_table_finish(&step->table);
    step->run = run_table;
    return true;
}

bool plan_minimum(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    step->is_minimum = op->code == OP_MINIMUM;
    if (op->input_count < 2 || op->inputs[1] < 0)
        return plan_refuse(planner, STATUS_FORMAT, "it wants two inputs");
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    const struct frozen_tensor *other = &planner->engine->frozen->tensors[op->inputs[1]];
    if (step->input->count != step->output->count)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in size");
    if (other->type != input->type || output->type != input->type)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in type");
    if (input->type != TYPE_FLOAT32) {
        if (!plan_int8(planner, input) || !plan_int8(planner, other) || !plan_int8(planner, output))
            return false;
        bool is_same = other->scale[0] == input->scale[0] && input->scale[0] == output->scale[0] &&
                       other->zero_point[0] == input->zero_point[0] &&
                       input->zero_point[0] == output->zero_point[0];
        if (!is_same)
            return plan_refuse(planner, STATUS_UNSUPPORTED,
                               "its tensors differ in scale or zero point");
    }
    if (other->data) return plan_number(planner, other);
    step->other = &planner->engine->slots[op->inputs[1]];
    if (step->other->count != step->output->count)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in size");
    step->run = input->type == TYPE_FLOAT32 ? run_floats : run_bytes;
    return true;
}
