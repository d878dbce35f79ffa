#include "tflite/requant.h"

#include "tflite/operators.h"

static enum requant_rule rule_of(const struct frozen_operator *op) {
    const struct operator_row *row = operator_row((int)op->code);
    return row ? row->requant : REQUANT_NONE;
}

static const struct frozen_tensor *input_of(const struct frozen *frozen,
                                            const struct frozen_operator *op, int index) {
    return index < op->input_count && op->inputs[index] >= 0 ? &frozen->tensors[op->inputs[index]]
                                                             : NULL;
}

static bool has_codes(const struct frozen_tensor *tensor) {
    return tensor && tensor->type != TYPE_FLOAT32 && tensor->scale_count == 1;
}

int requant_count(const struct frozen *frozen, const struct frozen_operator *op) {
    const struct frozen_tensor *second = input_of(frozen, op, 1);
    if (!has_codes(input_of(frozen, op, 0)) || !has_codes(&frozen->tensors[op->outputs[0]]))
        return 0;
    switch (rule_of(op)) {
    case REQUANT_WEIGHTS:
        return second ? second->scale_count : 0;
    case REQUANT_RATIO:
    case REQUANT_RATIO_FLOAT:
        return 1;
    case REQUANT_ADD:
        return has_codes(second) ? 3 : 0;
    default:
        return 0;
    }
}

/* As in the kernel: the doubled larger scale and the product with 2^20 are rounded to float32. */
static double add_real(double a, double b, double out, int index) {
    double twice = (double)(float)(2 * (a > b ? a : b));
    if (index < 2) return (index ? b : a) / twice;
    return twice / (double)(float)(1048576 * out);
}

double requant_real(const struct frozen *frozen, const struct frozen_operator *op, int index) {
    const struct frozen_tensor *second = input_of(frozen, op, 1);
    double in = (double)input_of(frozen, op, 0)->scale[0];
    double out = (double)frozen->tensors[op->outputs[0]].scale[0];
    switch (rule_of(op)) {
    case REQUANT_ADD:
        return add_real(in, (double)second->scale[0], out, index);
    case REQUANT_WEIGHTS:
        return in * (double)second->scale[index] / out;
    case REQUANT_RATIO_FLOAT:
        return (double)(float)(in / out);
    default:
        return in / out;
    }
}

const char *requant_formula(const struct frozen *frozen, const struct frozen_operator *op) {
    switch (rule_of(op)) {
    case REQUANT_ADD:
        return "M[a, b, out]";
    case REQUANT_WEIGHTS:
        return requant_count(frozen, op) > 1 ? "M[c] = s_in * s_weights[c] / s_out"
                                             : "M = s_in * s_weights / s_out";
    default:
        return "M = s_in / s_out";
    }
}
