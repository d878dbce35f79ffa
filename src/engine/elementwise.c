/* RELU and its kin, ADD and PAD. */
#include <math.h>
#include <string.h>

#include "engine/internal.h"

static bool same_shape(struct planner *planner, const struct slot *a, const struct slot *b) {
    if (a->count != b->count)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in size");
    return true;
}

/* round(value / scale) + zero point, in int8. */
static int32_t limit_of(float value, const struct frozen_tensor *output) {
    float steps = roundf(value / output->scale[0]);
    float least = (float)(-128 - output->zero_point[0]),
          most = (float)(127 - output->zero_point[0]);
    steps = steps < least ? least : steps > most ? most : steps;
    return output->zero_point[0] + (int32_t)steps;
}

bool plan_relu(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    struct fixed factor;
    if (!plan_int8(planner, input) || !plan_int8(planner, output) ||
        !same_shape(planner, step->input, step->output) ||
        !plan_factor(planner, (double)(input->scale[0] / output->scale[0]), &factor))
        return false;
    enum frozen_op code = planner->op->code;
    int32_t zero = output->zero_point[0];
    int32_t low = code == OP_RELU_N1_TO_1 ? limit_of(-1, output) : zero;
    int32_t high = code == OP_RELU6          ? limit_of(6, output)
                   : code == OP_RELU_N1_TO_1 ? limit_of(1, output)
                                             : 127;
    for (int byte = 0; byte < 256; byte++) {
        int32_t x = (byte < 128 ? byte : byte - 256) - input->zero_point[0];
        int64_t q = (int64_t)fixed_scale(x, factor) + zero;
        step->table.bytes[byte] = (unsigned char)fixed_clamp(q, low, high);
    }
    dot_table_finish(&step->table);
    step->run = run_table;
    return true;
}

/* ---- ADD ---- */

const void *addend_of(const struct step *step, size_t image) {
    return step->addend ? step->addend : step->other->data + image * step->other->bytes;
}

/* Elements from one to the next along each of the output's dimensions, 0 where `other` has one
 * alone; false when it does not fit there. */
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

bool plan_addend(struct planner *planner, const struct frozen_tensor *other) {
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
    planner->step->addend = to;
    for (size_t i = 0; i < count; i++, to += size) {
        size_t from = 0;
        for (int j = 1; j < output->rank; j++) from += at[j] * steps[j];
        memcpy(to, (const unsigned char *)other->data + from * size, size);
        for (int j = output->rank - 1; j > 0 && ++at[j] == (size_t)output->shape[j]; j--) at[j] = 0;
    }
    return true;
}

/* As the reference kernel: each input in units of twice the larger scale / 2^20, rounded; the sum
 * scaled once more. */
static void run_add(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)engine, (void)scratch;
    size_t count = step->output->count;
    for (size_t image = begin; image < end; image++) {
        const unsigned char *a = step->input->data + image * count;
        const unsigned char *b = addend_of(step, image);
        int8_t *out = (int8_t *)step->output->data + image * count;
        for (size_t i = 0; i < count; i++) {
            int32_t sum = fixed_add(step->terms[a[i]], step->terms[256 + b[i]]);
            int64_t q = fixed_scale(sum, step->factor_out);
            out[i] = (int8_t)fixed_clamp(q + step->zero_out, step->low, step->high);
        }
    }
}

/* As XNNPACK: each input times its scale over the output's in sum_shift fraction bits, a half among
 * the first input's terms, and the sum's whole part. */
static void run_add_xnn(const struct engine *engine, const struct step *step, size_t begin,
                        size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    size_t count = step->output->count;
    int32_t low = step->low - step->zero_out, high = step->high - step->zero_out;
    for (size_t image = begin; image < end; image++) {
        const unsigned char *a = step->input->data + image * count;
        const unsigned char *b = addend_of(step, image);
        int8_t *out = (int8_t *)step->output->data + image * count;
        for (size_t i = 0; i < count; i++) {
            int32_t q = (step->terms[a[i]] + step->terms[256 + b[i]]) >> step->sum_shift;
            out[i] = (int8_t)((q < low ? low : q > high ? high : q) + step->zero_out);
        }
    }
}

static int32_t signed_byte(int byte) {
    return byte < 128 ? byte : byte - 256;
}

static bool plan_add_ref(struct planner *planner, float a, float b, float out, int32_t *terms) {
    struct step *step = planner->step;
    struct fixed left, right;
    float twice = 2 * (a > b ? a : b);
    if (!plan_factor(planner, (double)a / (double)twice, &left) ||
        !plan_factor(planner, (double)b / (double)twice, &right) ||
        !plan_factor(planner, (double)twice / (double)((1 << 20) * out), &step->factor_out))
        return false;
    for (int byte = 0; byte < 256; byte++) {
        int32_t q = signed_byte(byte);
        terms[byte] = fixed_scale((q - step->zero_in) * (1 << 20), left);
        terms[256 + byte] = fixed_scale((q - step->zero_other) * (1 << 20), right);
    }
    step->run = run_add;
    return true;
}

/* Two multipliers below 2^21, the larger one at least 2^20, rounded half to even; so a sum of two
 * terms and the half stays below 2^31.  `a` and `b` are scales over the output's, from 2^-10 up to
 * below 2^8: what is smaller TFLite does not give to XNNPACK but to a kernel that is equal to the
 * reference, and what is larger to one that overflows. */
static bool plan_add_xnn(struct planner *planner, float a, float b, int32_t *terms) {
    struct step *step = planner->step;
    int exponent;
    frexpf(a > b ? a : b, &exponent); /* of a mantissa in [0.5, 1) */
    step->sum_shift = 20 - (exponent - 1);
    int32_t left = (int32_t)lrintf(ldexpf(a, step->sum_shift));
    int32_t right = (int32_t)lrintf(ldexpf(b, step->sum_shift));
    for (int byte = 0; byte < 256; byte++) {
        int32_t q = signed_byte(byte);
        terms[byte] = (q - step->zero_in) * left + (1 << (step->sum_shift - 1));
        terms[256 + byte] = (q - step->zero_other) * right;
    }
    step->run = run_add_xnn;
    return true;
}

bool plan_add(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    if (op->input_count < 2) return plan_refuse(planner, STATUS_FORMAT, "it wants two inputs");
    const struct frozen_tensor *other = &planner->engine->frozen->tensors[op->inputs[1]];
    step->other = &planner->engine->slots[op->inputs[1]];
    if (!plan_int8(planner, planner->input) || !plan_int8(planner, other) ||
        !plan_int8(planner, planner->output) || !same_shape(planner, step->input, step->output) ||
        !(other->data ? plan_addend(planner, other)
                      : same_shape(planner, step->other, step->output)) ||
        !plan_fused_activation(planner))
        return false;
    step->zero_other = other->zero_point[0];
    float a = planner->input->scale[0], b = other->scale[0], out = planner->output->scale[0];
    int32_t *terms = plan_memory(planner, 512, sizeof *terms);
    if (!terms) return false;
    step->terms = terms;
    if (planner->engine->runtime == RUNTIME_REF || a / out < 0x1p-10f || b / out < 0x1p-10f)
        return plan_add_ref(planner, a, b, out, terms);
    if (a / out >= 0x1p8f || b / out >= 0x1p8f)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "the scale of an input is 256 times its output's; that is supported by "
                           "the runtime ref only");
    return plan_add_xnn(planner, a / out, b / out, terms);
}

static void run_pad(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct window_plan *window = &step->window;
    size_t in_channels = (size_t)window->in_channels, channels = (size_t)window->out_channels;
    for (size_t image = begin; image < end; image++) {
        const int8_t *x = (const int8_t *)step->input->data + image * step->input->bytes;
        int8_t *out = (int8_t *)step->output->data + image * step->output->bytes;
        memset(out, step->zero_in, step->output->bytes);
        for (int y = 0; y < window->in_height; y++)
            for (int column = 0; column < window->in_width; column++, x += in_channels) {
                size_t at = (size_t)(y + step->pad_before[0]) * (size_t)window->out_width +
                            (size_t)(column + step->pad_before[1]);
                memcpy(out + at * channels + (size_t)step->pad_before[2], x, in_channels);
            }
    }
}

bool plan_pad(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    bool is_float = input->type == TYPE_FLOAT32 && output->type == TYPE_FLOAT32;
    if (!is_float && (!plan_int8(planner, input) || !plan_int8(planner, output))) return false;
    int bytes = (int)frozen_type_size(input->type);
    if (input->rank != 4 || output->rank != 4 || op->input_count < 2)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "is supported for 4 dimensions");
    const struct frozen_tensor *paddings = &planner->engine->frozen->tensors[op->inputs[1]];
    if (!paddings->data || paddings->type != TYPE_INT32 ||
        paddings->data_bytes != 8 * sizeof(int32_t))
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its paddings are no int32 constant [4, 2]");
    const int32_t *pad = paddings->data;
    for (int i = 0; i < 4; i++) {
        int64_t size = (int64_t)input->shape[i] + pad[2 * i] + pad[2 * i + 1];
        bool is_batch = i == 0;
        if (pad[2 * i] < 0 || pad[2 * i + 1] < 0 || size != output->shape[i] ||
            (is_batch && (pad[0] || pad[1])))
            return plan_refuse(planner, STATUS_FORMAT, "its paddings do not lead to its output");
        if (!is_batch) step->pad_before[i - 1] = pad[2 * i];
    }
    step->zero_in = is_float ? 0 : input->zero_point[0];
    step->window.in_height = input->shape[1];
    step->window.in_width = input->shape[2];
    /* Bytes, as run_pad moves them. */
    step->window.in_channels = input->shape[3] * bytes;
    step->window.out_width = output->shape[2];
    step->window.out_channels = output->shape[3] * bytes;
    step->pad_before[2] *= bytes;
    step->run = run_pad;
    return is_float || plan_same_quantization(planner);
}
