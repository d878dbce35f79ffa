/* ADD of two tensors of one shape, or of a tensor and a constant. */
#include <math.h>
#include <string.h>

#include "engine/operators.h"

/* The second operand: another tensor, or a constant repeated to the output's shape. */
struct addend {
    const struct slot *slot;
    const void *constant;
};

struct add {
    struct addend addend;
    struct int8_range range;
    int32_t zero_other;
    int32_t *terms;          /* [2][256] what each byte of either input adds to the sum */
    struct fixed factor_out; /* reference: of the sum */
    int fraction_bits;       /* XNNPACK: of the sum */
};

static const void *addend_of(const struct addend *addend, size_t image) {
    return addend->constant ? addend->constant : addend->slot->data + image * addend->slot->bytes;
}

/* Steps in `other`, in elements, along each of the output's dimensions; 0 where it is repeated.
 * false when it cannot be repeated to the output's shape. */
static bool find_steps(const struct frozen_tensor *output, const struct frozen_tensor *other,
                       size_t steps[FROZEN_RANK]) {
    size_t step = 1;
    for (int i = output->rank - 1, j = other->rank - 1; i >= 0; i--, j--) {
        int size = j < 0 ? 1 : other->shape[j];
        if (size != 1 && (i == 0 || size != output->shape[i])) return false;
        steps[i] = size == 1 ? 0 : step;
        step *= (size_t)size;
    }
    return other->rank <= output->rank;
}

/* The constant, repeated to the output's shape as TFLite does. */
static bool plan_constant(struct planner *planner, const struct frozen_tensor *other,
                          struct addend *addend) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    size_t count = planner->step->output->count, size = frozen_type_size(output->type);
    size_t steps[FROZEN_RANK], at[FROZEN_RANK] = {0};
    bool is_same = input->rank == output->rank;
    for (int i = 1; i < output->rank && is_same; i++) is_same = input->shape[i] == output->shape[i];
    if (!is_same || other->type != output->type || !find_steps(output, other, steps))
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its constant does not fit its other input and its output");
    unsigned char *to = plan_memory(planner, count, size);
    if (!to) return false;
    addend->constant = to;
    for (size_t i = 0; i < count; i++, to += size) {
        size_t from = 0;
        for (int j = 1; j < output->rank; j++) from += at[j] * steps[j];
        memcpy(to, (const unsigned char *)other->data + from * size, size);
        for (int j = output->rank - 1; j > 0 && ++at[j] == (size_t)output->shape[j]; j--) at[j] = 0;
    }
    return true;
}

static bool same_size(struct planner *planner, const struct slot *slot) {
    if (slot->count != planner->step->output->count)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in size");
    return true;
}

/* The addend, of the output's type; `other` is its tensor. */
static bool plan_addend(struct planner *planner, const struct frozen_tensor *other,
                        struct addend *addend) {
    if (!same_size(planner, planner->step->input)) return false;
    if (other->data) return plan_constant(planner, other, addend);
    addend->slot = &planner->engine->slots[planner->op->inputs[1]];
    return same_size(planner, addend->slot);
}

/* ---- int8 ---- */

/* As the reference kernel: each input in units of twice the larger scale / 2^20, rounded; the sum
 * scaled once more. */
static void run_ref(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct add *add = step->own;
    size_t count = step->output->count;
    for (size_t image = begin; image < end; image++) {
        const unsigned char *a = step->input->data + image * count;
        const unsigned char *b = addend_of(&add->addend, image);
        int8_t *out = step_output(step, image);
        for (size_t i = 0; i < count; i++) {
            int32_t sum = fixed_add(add->terms[a[i]], add->terms[256 + b[i]]);
            int64_t q = fixed_scale(sum, add->factor_out);
            out[i] = (int8_t)fixed_clamp(q + add->range.zero_out, add->range.low, add->range.high);
        }
    }
}

/* As XNNPACK: each input times the ratio of its scale to the output's, in fixed point; the first
 * input's terms include a half, and the fraction bits of the sum are shifted out. */
static void run_xnn(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct add *add = step->own;
    size_t count = step->output->count;
    int32_t zero = add->range.zero_out, low = add->range.low - zero, high = add->range.high - zero;
    for (size_t image = begin; image < end; image++) {
        const unsigned char *a = step->input->data + image * count;
        const unsigned char *b = addend_of(&add->addend, image);
        int8_t *out = step_output(step, image);
        for (size_t i = 0; i < count; i++) {
            int32_t q = (add->terms[a[i]] + add->terms[256 + b[i]]) >> add->fraction_bits;
            out[i] = (int8_t)((q < low ? low : q > high ? high : q) + zero);
        }
    }
}

static bool plan_ref(struct planner *planner, struct add *add, float a, float b, float out) {
    struct fixed left, right;
    float twice = 2 * (a > b ? a : b);
    if (!plan_factor(planner, (double)a / (double)twice, &left) ||
        !plan_factor(planner, (double)b / (double)twice, &right) ||
        !plan_factor(planner, (double)twice / (double)((1 << 20) * out), &add->factor_out))
        return false;
    for (int byte = 0; byte < 256; byte++) {
        int32_t q = byte_as_int8(byte);
        add->terms[byte] = fixed_scale((q - add->range.zero_in) * (1 << 20), left);
        add->terms[256 + byte] = fixed_scale((q - add->zero_other) * (1 << 20), right);
    }
    planner->step->run = run_ref;
    return true;
}

/* Two multipliers below 2^21, the larger one at least 2^20, rounded half to even; so a sum of two
 * terms and the half stays below 2^31.  `a` and `b` are scales over the output's, from 2^-10 up to
 * below 2^8.  TFLite leaves smaller ones to a kernel that equals the reference instead of XNNPACK,
 * and larger ones to one that overflows. */
static bool plan_xnn(struct planner *planner, struct add *add, float a, float b) {
    int exponent;
    frexpf(a > b ? a : b, &exponent); /* of a mantissa in [0.5, 1) */
    add->fraction_bits = 20 - (exponent - 1);
    int32_t left = (int32_t)lrintf(ldexpf(a, add->fraction_bits));
    int32_t right = (int32_t)lrintf(ldexpf(b, add->fraction_bits));
    for (int byte = 0; byte < 256; byte++) {
        int32_t q = byte_as_int8(byte);
        add->terms[byte] = (q - add->range.zero_in) * left + (1 << (add->fraction_bits - 1));
        add->terms[256 + byte] = (q - add->zero_other) * right;
    }
    planner->step->run = run_xnn;
    return true;
}

bool plan_add(struct planner *planner) {
    const struct frozen_tensor *other = plan_input(planner, 1);
    if (!other) return plan_refuse(planner, STATUS_FORMAT, "it needs two inputs");
    struct add *add = plan_own(planner, sizeof *add);
    if (!add || !plan_int8(planner, planner->input) || !plan_int8(planner, other) ||
        !plan_int8(planner, planner->output) || !plan_addend(planner, other, &add->addend))
        return false;
    add->range = plan_int8_range(planner);
    add->zero_other = other->zero_point[0];
    add->terms = plan_memory(planner, 512, sizeof *add->terms);
    if (!add->terms) return false;
    float a = planner->input->scale[0], b = other->scale[0], out = planner->output->scale[0];
    if (planner->engine->runtime == RUNTIME_REF || a / out < 0x1p-10f || b / out < 0x1p-10f)
        return plan_ref(planner, add, a, b, out);
    if (a / out >= 0x1p8f || b / out >= 0x1p8f)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "the scale of an input is 256 times its output's; only the runtime ref "
                           "supports that");
    return plan_xnn(planner, add, a / out, b / out);
}

/* ---- float32 ---- */

struct float_add {
    struct addend addend;
    struct float_range range;
};

static void run_float(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct float_add *add = step->own;
    size_t count = step->output->count;
    for (size_t image = begin; image < end; image++) {
        const float *a = step_input_float(step, image), *b = addend_of(&add->addend, image);
        float *out = step_output_float(step, image);
        for (size_t i = 0; i < count; i++) out[i] = a[i] + b[i];
        clamp_floats(add->range, count, out);
    }
}

bool plan_add_float(struct planner *planner) {
    const struct frozen_tensor *other = plan_input(planner, 1);
    if (!other) return plan_refuse(planner, STATUS_FORMAT, "it needs two inputs");
    struct float_add *add = plan_own(planner, sizeof *add);
    if (!add || !plan_float_only(planner) || !plan_addend(planner, other, &add->addend))
        return false;
    if (other->type != TYPE_FLOAT32)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in type");
    add->range = plan_float_range(planner);
    planner->step->run = run_float;
    return true;
}
