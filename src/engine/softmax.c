/* SOFTMAX.  Of int8 to int8 of scale 1/256: gemmlowp's fixed-point exponential (reference), or a
 * table of floats (XNNPACK's and TFLite's optimized kernels). */
#include <math.h>

#include "engine/operators.h"

struct softmax {
    size_t rows, row_count; /* of one image; values of each */
    struct fixed factor;
    int diff_min;            /* values further below the largest count as 0 */
    float *exponent;         /* [256] exp of minus that many steps */
    int32_t *exponent_fixed; /* the same in fixed point */
};

/* Q numbers below name the integer bits: Q5 has 5 of them, Q0 none. */

static int32_t saturate(int64_t x) {
    return fixed_clamp(x, INT32_MIN, INT32_MAX);
}

/* exp(a) in Q0 of a <= 0 in Q5: by Taylor on [-1/4, 0), then a factor for each higher bit. */
static int32_t exponential(int32_t a) {
    static const struct {
        int bit;
        int32_t factor;
    } factors[] = {{24, 1672461947}, {25, 1302514674}, {26, 790015084}, {27, 290630308},
                   {28, 39332535},   {29, 720401},     {30, 242}};
    if (a == 0) return INT32_MAX;
    const int32_t quarter = 1 << 24;
    int32_t near = (a & (quarter - 1)) - quarter;
    int32_t u = saturate((int64_t)near * 32 + (1 << 28));
    int32_t u2 = fixed_multiply_high(u, u);
    int32_t u3 = fixed_multiply_high(u2, u);
    int32_t u4 = fixed_multiply_high(u2, u2);
    int32_t sum = fixed_multiply_high(fixed_add(fixed_shift_right(u4, 2), u3), 715827883);
    int32_t t = fixed_shift_right(fixed_add(sum, u2), 1);
    const int32_t eighth = 1895147668; /* exp(-1/8) */
    int32_t y = saturate((int64_t)eighth + fixed_multiply_high(eighth, fixed_add(u, t)));
    uint32_t rest = (uint32_t)near - (uint32_t)a;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (rest & (uint32_t)1 << factors[i].bit) y = fixed_multiply_high(y, factors[i].factor);
    return y;
}

/* 1 / (1 + z) in Q0 of z in [0, 1) in Q0: Newton's method on the halved denominator. */
static int32_t reciprocal(int32_t z) {
    int32_t half = (int32_t)(((int64_t)z + INT32_MAX + 1) / 2);
    int32_t v = fixed_add(1515870810, fixed_multiply_high(half, -1010580540)); /* 48/17, -32/17 */
    for (int i = 0; i < 3; i++) {
        int32_t product = fixed_multiply_high(half, v);
        int32_t error = fixed_multiply_high(v, fixed_add(1 << 29, -product));
        v = saturate((int64_t)v + saturate((int64_t)error * 4));
    }
    return saturate((int64_t)v * 2);
}

static int leading_zeros(uint32_t x) {
    return x ? __builtin_clz(x) : 32;
}

static void softmax_fixed(const struct softmax *softmax, size_t count, const int8_t *x,
                          int8_t *out) {
    int most = x[0];
    for (size_t i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        if (x[i] - most >= softmax->diff_min)
            sum = fixed_add(sum, fixed_shift_right(softmax->exponent_fixed[most - x[i]], 12));
    int headroom = leading_zeros((uint32_t)sum);
    int32_t shifted = (int32_t)((int64_t)((uint32_t)sum << headroom) - ((int64_t)1 << 31));
    int32_t inverse = reciprocal(shifted);
    int bits = 12 - headroom + 31 - 8;
    for (size_t i = 0; i < count; i++) {
        out[i] = -128;
        if (x[i] - most < softmax->diff_min) continue;
        int32_t product = fixed_multiply_high(inverse, softmax->exponent_fixed[most - x[i]]);
        int32_t y = fixed_shift_right(product, bits < 31 ? bits : 31);
        out[i] = (int8_t)fixed_clamp((int64_t)y - 128, -128, 127);
    }
}

static void softmax_table(const struct softmax *softmax, size_t count, const int8_t *x,
                          int8_t *out) {
    int most = x[0];
    for (size_t i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
    float sum = 0;
    for (size_t i = 0; i < count; i++) sum += softmax->exponent[most - x[i]];
    float inverse = 256.0f / sum;
    for (size_t i = 0; i < count; i++) {
        float y = softmax->exponent[most - x[i]] * inverse;
        out[i] = (int8_t)fixed_clamp(fixed_round((double)y) - 128, -128, 127);
    }
}

static void run_softmax(const struct engine *engine, const struct step *step, size_t begin,
                        size_t end, unsigned char *scratch) {
    (void)scratch;
    const struct softmax *softmax = step->own;
    const int8_t *x = step_input(step, begin);
    int8_t *out = step_output(step, begin);
    for (size_t row = 0; row < (end - begin) * softmax->rows; row++) {
        if (engine->runtime == RUNTIME_XNN)
            softmax_table(softmax, softmax->row_count, x, out);
        else
            softmax_fixed(softmax, softmax->row_count, x, out);
        x += softmax->row_count;
        out += softmax->row_count;
    }
}

/* What int8 and float32 have in common. */
static bool plan_rows(struct planner *planner, size_t *rows, size_t *row_count) {
    const struct frozen_tensor *input = planner->input;
    float beta = planner->op->beta;
    if (!plan_same_size(planner)) return false;
    if (!(beta > 0) || !isfinite(beta))
        return plan_refuse(planner, STATUS_FORMAT, "its beta is not a positive number");
    if (input->rank < 2)
        return plan_refuse(planner, STATUS_FORMAT, "its input has fewer than 2 dimensions");
    *row_count = (size_t)input->shape[input->rank - 1];
    *rows = planner->step->input->count / *row_count;
    return true;
}

bool plan_softmax(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    float beta = planner->op->beta;
    struct softmax *softmax = plan_own(planner, sizeof *softmax);
    if (!softmax || !plan_int8_only(planner)) return false;
    /* The bound of TFLite's kernels. */
    if (!(fabsf(output->scale[0] - 1.0f / 256) <= 0.001f / 256) || output->zero_point[0] != -128)
        return plan_refuse(planner, STATUS_FORMAT,
                           "its output does not have scale 1/256 and zero point -128");
    if (!plan_rows(planner, &softmax->rows, &softmax->row_count)) return false;
    double real = (double)beta * (double)input->scale[0] * (1 << 26);
    if (real > 2147483647.0) real = 2147483647.0;
    /* fixed_from_double refuses numbers above 2^30: divide here, and correct the shift. */
    if (!plan_factor(planner, real / 4, &softmax->factor)) return false;
    softmax->factor.shift += 2;
    if (softmax->factor.shift < 0 || softmax->factor.value == 0)
        return plan_refuse(planner, STATUS_FORMAT, "its input's scale is too small");
    softmax->diff_min = -(int)floor(31.0 * (1 << 26) / ldexp(1, softmax->factor.shift));
    softmax->exponent = plan_memory(planner, 256, sizeof *softmax->exponent);
    softmax->exponent_fixed = plan_memory(planner, 256, sizeof *softmax->exponent_fixed);
    if (!softmax->exponent || !softmax->exponent_fixed) return false;
    for (int i = 0; i < 256; i++) {
        softmax->exponent[i] = expf(-input->scale[0] * beta * (float)i);
        if (-i >= softmax->diff_min)
            softmax->exponent_fixed[i] = exponential(fixed_scale(-i, softmax->factor));
    }
    planner->step->run = run_softmax;
    return true;
}

/* ---- float32 ---- */

struct float_softmax {
    size_t rows, row_count;
    float beta;
};

static void run_float(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct float_softmax *softmax = step->own;
    size_t count = softmax->row_count;
    const float *x = step_input_float(step, begin);
    float *out = step_output_float(step, begin);
    for (size_t row = 0; row < (end - begin) * softmax->rows; row++, x += count, out += count) {
        float most = x[0], sum = 0;
        for (size_t i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
        for (size_t i = 0; i < count; i++) sum += out[i] = expf((x[i] - most) * softmax->beta);
        for (size_t i = 0; i < count; i++) out[i] /= sum;
    }
}

bool plan_softmax_float(struct planner *planner) {
    struct float_softmax *softmax = plan_own(planner, sizeof *softmax);
    if (!softmax || !plan_float_only(planner) ||
        !plan_rows(planner, &softmax->rows, &softmax->row_count))
        return false;
    softmax->beta = planner->op->beta;
    planner->step->run = run_float;
    return true;
}
