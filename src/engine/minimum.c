/* MINIMUM and MAXIMUM of a tensor and one number, or of two tensors of one shape; of int8 they
 * compare codes, since all have the same scale. */
#include "engine/operators.h"

struct minimum {
    bool is_minimum;         /* false: MAXIMUM */
    const struct slot *slot; /* the second operand; NULL: */
    float number;            /* it is this (float32) */
};

/* The tensors have one type and size.  `*constant` is the second operand when it is a constant,
 * which is one number then; else NULL, and step->own is set. */
static bool plan_operands(struct planner *planner, const struct frozen_tensor **constant) {
    struct minimum *minimum = plan_own(planner, sizeof *minimum);
    if (!minimum) return false;
    minimum->is_minimum = planner->op->code == OP_MINIMUM;
    const struct frozen_tensor *other = plan_input(planner, 1);
    if (!other) return plan_refuse(planner, STATUS_FORMAT, "it needs two inputs");
    const struct step *step = planner->step;
    const struct slot *slot = &planner->engine->slots[planner->op->inputs[1]];
    if (other->type != planner->input->type || planner->output->type != planner->input->type)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in type");
    if (step->input->count != step->output->count ||
        (!other->data && slot->count != step->output->count))
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in size");
    if (other->data && frozen_tensor_count(other) != 1)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its constant is more than one number");
    *constant = other->data ? other : NULL;
    minimum->slot = other->data ? NULL : slot;
    return true;
}

/* ---- int8 ---- */

static void run_bytes(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct minimum *minimum = step->own;
    const int8_t *a = step_input(step, begin);
    const int8_t *b = (const int8_t *)minimum->slot->data + begin * minimum->slot->bytes;
    int8_t *out = step_output(step, begin);
    for (size_t i = 0; i < (end - begin) * step->output->count; i++)
        out[i] = minimum->is_minimum == (a[i] < b[i]) ? a[i] : b[i];
}

static bool plan_number(struct planner *planner, bool is_minimum, int32_t number) {
    struct dot_table *table = plan_table(planner);
    if (!table) return false;
    for (int byte = 0; byte < 256; byte++) {
        int32_t q = byte_as_int8(byte);
        table->bytes[byte] = (unsigned char)(is_minimum == (q < number) ? q : number);
    }
    dot_table_finish(table);
    return true;
}

bool plan_minimum(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *output = planner->output, *constant;
    if (!plan_operands(planner, &constant)) return false;
    const struct frozen_tensor *other = plan_input(planner, 1);
    if (!plan_int8(planner, input) || !plan_int8(planner, other) || !plan_int8(planner, output))
        return false;
    if (other->scale[0] != input->scale[0] || input->scale[0] != output->scale[0] ||
        other->zero_point[0] != input->zero_point[0] ||
        input->zero_point[0] != output->zero_point[0])
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its tensors differ in scale or zero point");
    if (constant)
        return plan_number(planner, planner->op->code == OP_MINIMUM,
                           *(const int8_t *)constant->data);
    planner->step->run = run_bytes;
    return true;
}

/* ---- float32 ---- */

static void run_floats(const struct engine *engine, const struct step *step, size_t begin,
                       size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct minimum *minimum = step->own;
    const float *a = step_input_float(step, begin), *b = NULL;
    if (minimum->slot)
        b = (const float *)(const void *)minimum->slot->data + begin * minimum->slot->count;
    float *out = step_output_float(step, begin);
    for (size_t i = 0; i < (end - begin) * step->output->count; i++) {
        float other = b ? b[i] : minimum->number;
        out[i] = minimum->is_minimum == (a[i] < other) ? a[i] : other;
    }
}

bool plan_minimum_float(struct planner *planner) {
    const struct frozen_tensor *constant;
    if (!plan_float_only(planner) || !plan_operands(planner, &constant)) return false;
    struct minimum *minimum = planner->step->own;
    if (constant) minimum->number = *(const float *)constant->data;
    planner->step->run = run_floats;
    return true;
}
