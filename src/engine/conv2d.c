/* CONV_2D and FULLY_CONNECTED: both are rows of activations times packed weights. */
#include <math.h>
#include <string.h>

#include "engine/internal.h"

/* ---- running ---- */

static void rows_out(const struct engine *engine, const struct step *step,
                     const unsigned char *activations, size_t rows, const uint32_t *row_offset,
                     int32_t *acc, int8_t *out) {
    size_t window = (size_t)step->scale.window, most = ENGINE_ROWS / window * window;
    for (size_t row = 0; row < rows; row += most) {
        size_t some = rows - row < most ? rows - row : most;
        if (step->words)
            engine->kernels->multiply_taps(&step->taps, (const int16_t *)(const void *)activations,
                                           some, row_offset + row, acc);
        else
            engine->kernels->multiply(&step->dot, activations, some, row_offset + row, acc);
        step->store(&step->scale, some / window, acc,
                    out + row / window * (size_t)step->scale.channels);
    }
}

size_t acc_bytes(const struct step *step) {
    return (size_t)ENGINE_ROWS * (size_t)step->scale.groups * DOT_GROUP * sizeof(int32_t);
}

static void run_dense(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    int32_t *acc = (int32_t *)(void *)scratch;
    unsigned char *packed = scratch + acc_bytes(step);
    size_t k = step->row_count, channels = (size_t)step->scale.channels;
    const int8_t *x = (const int8_t *)step->input->data + begin * step->input->bytes;
    int8_t *out = (int8_t *)step->output->data + begin * step->output->bytes;
    for (size_t rows = (end - begin) * step->rows; rows;) {
        size_t some = rows < ENGINE_ROWS ? rows : ENGINE_ROWS;
        engine->kernels->pack(some * k, x, step->zero_in, packed);
        rows_out(engine, step, packed, some, step->row_offset, acc, out);
        x += some * k;
        out += some * channels;
        rows -= some;
    }
}

void run_conv(const struct engine *engine, const struct step *step, size_t begin, size_t end,
              unsigned char *scratch) {
    int32_t *acc = (int32_t *)(void *)scratch;
    unsigned char *packed = scratch + acc_bytes(step);
    padded_input_clear(engine, step, packed);
    for (size_t image = begin; image < end; image++) {
        const int8_t *x = (const int8_t *)step->input->data + image * step->input->bytes;
        int8_t *out = (int8_t *)step->output->data + image * step->output->bytes;
        padded_input_pack(engine, step, x, packed);
        rows_out(engine, step, packed, step->rows, step->row_offset, acc, out);
    }
}

/* ---- planning ---- */

bool plan_constants(struct planner *planner, const struct frozen_tensor *weights,
                    const struct frozen_tensor *bias, int channels, int dimension) {
    if (!weights->data || weights->type != TYPE_INT8)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its weights are no int8 constant");
    if (weights->scale_count != 1 &&
        (weights->scale_count != channels || weights->quantized_dimension != dimension))
        return plan_refuse(planner, STATUS_FORMAT,
                           "its weights want one scale, or one an output channel");
    for (int c = 0; c < weights->scale_count; c++)
        if (weights->zero_point[c])
            return plan_refuse(planner, STATUS_FORMAT, "its weights have a zero point");
    if (!bias) return true;
    if (!bias->data || bias->type != TYPE_INT32 || bias->data_bytes != (size_t)channels * 4)
        return plan_refuse(planner, STATUS_FORMAT,
                           "its bias is not one int32 constant an output channel");
    for (int c = 0; c < bias->scale_count; c++) {
        double product = (double)planner->input->scale[0] *
                         (double)weights->scale[weights->scale_count > 1 ? c : 0];
        double difference = fabs(product - (double)bias->scale[c]);
        /* The bound of TFLite's kernels. */
        if (c < weights->scale_count && !(difference / (double)planner->output->scale[0] <= 0.02))
            return plan_refuse(planner, STATUS_FORMAT,
                               "its bias has another scale than input times weights");
    }
    return true;
}

/* Where the factors go; the caller fills them. */
struct factors {
    int32_t *multiplier, *shift_left, *shift_right;
    float *factor;
    double *exact;
};

static bool plan_factors(struct planner *planner, int channels, struct factors *factors) {
    struct step *step = planner->step;
    struct dot_output *scale = &step->scale;
    int groups = (channels + DOT_GROUP - 1) / DOT_GROUP;
    size_t padded = (size_t)groups * DOT_GROUP;
    factors->multiplier = plan_memory(planner, 3 * padded, sizeof *factors->multiplier);
    factors->factor = plan_memory(planner, padded, sizeof *factors->factor);
    factors->exact = plan_memory(planner, padded, sizeof *factors->exact);
    if (!factors->multiplier || !factors->factor || !factors->exact) return false;
    factors->shift_left = factors->multiplier + padded;
    factors->shift_right = factors->shift_left + padded;
    *scale = (struct dot_output){
        .channels = channels,
        .groups = groups,
        .window = 1,
        .zero_point = step->zero_out,
        .low = step->low,
        .high = step->high,
        .multiplier = factors->multiplier,
        .shift_left = factors->shift_left,
        .shift_right = factors->shift_right,
        .factor = factors->factor,
        .exact_factor = factors->exact,
    };
    step->store = planner->engine->runtime == RUNTIME_XNN ? planner->engine->kernels->output_float
                                                          : planner->engine->kernels->output_fixed;
    return true;
}

static void set_fixed(const struct factors *factors, int c, struct fixed fixed) {
    factors->multiplier[c] = fixed.value;
    factors->shift_left[c] = fixed.shift > 0 ? fixed.shift : 0;
    factors->shift_right[c] = fixed.shift < 0 ? -fixed.shift : 0;
}

bool plan_scale_all(struct planner *planner, int channels, struct fixed fixed, float factor) {
    struct factors factors;
    if (!plan_factors(planner, channels, &factors)) return false;
    for (int c = 0; c < channels; c++) {
        set_fixed(&factors, c, fixed);
        factors.factor[c] = factor;
    }
    return true;
}

bool plan_scale(struct planner *planner, const struct frozen_tensor *weights, int channels) {
    struct factors factors;
    if (!plan_factors(planner, channels, &factors)) return false;
    float in = planner->input->scale[0], out = planner->output->scale[0];
    for (int c = 0; c < channels; c++) {
        float weight = weights->scale[weights->scale_count > 1 ? c : 0];
        factors.exact[c] = (double)in * (double)weight / (double)out;
        factors.factor[c] = in * weight / out;
        struct fixed fixed;
        if (!plan_factor(planner, factors.exact[c], &fixed)) return false;
        if (!isfinite(factors.factor[c]))
            return plan_refuse(planner, STATUS_FORMAT, "its scales overflow");
        set_fixed(&factors, c, fixed);
    }
    if (planner->engine->runtime == RUNTIME_REF && planner->op->code == OP_FULLY_CONNECTED)
        planner->step->store = planner->engine->kernels->output_exact;
    return true;
}

/* Pack weights w[channels][segments][count] and the sums' starts. */
static bool plan_weights(struct planner *planner, const struct frozen_tensor *weights,
                         const struct frozen_tensor *bias, int channels, int segments, int count) {
    struct step *step = planner->step;
    const struct dot_kernels *kernels = planner->engine->kernels;
    int depth = kernels->depth;
    step->dot.groups = (channels + DOT_GROUP - 1) / DOT_GROUP;
    step->dot.segments = segments;
    step->dot.steps = (count + depth - 1) / depth;
    size_t bytes = dot_weights_bytes(kernels, step->dot.groups, segments, step->dot.steps);
    unsigned char *packed = plan_memory(planner, bytes, 1);
    int32_t *start = plan_memory(planner, (size_t)step->dot.groups * DOT_GROUP, sizeof *start);
    if (!packed || !start) return false;
    const int8_t *w = weights->data;
    dot_pack_weights(kernels, channels, segments, count, w, packed);
    size_t k = (size_t)segments * (size_t)count;
    int32_t surplus = depth == 4 ? step->zero_in + kernels->activation_offset : 0;
    for (size_t c = 0; c < (size_t)channels; c++) {
        uint32_t sum = 0;
        for (size_t i = 0; i < k; i++) sum += (uint32_t)w[c * k + i];
        uint32_t first = bias ? (uint32_t)((const int32_t *)bias->data)[c] : 0;
        start[c] = (int32_t)(first - (uint32_t)surplus * sum);
    }
    step->dot.weights = packed;
    step->dot.start = start;
    return true;
}

static bool plan_dense(struct planner *planner, const struct frozen_tensor *weights,
                       const struct frozen_tensor *bias) {
    struct step *step = planner->step;
    const struct dot_kernels *kernels = planner->engine->kernels;
    if (weights->rank != 2)
        return plan_refuse(planner, STATUS_FORMAT, "its weights want 2 dimensions");
    int channels = weights->shape[0], k = weights->shape[1];
    size_t in = step->input->count;
    if (in % (size_t)k || step->output->count != in / (size_t)k * (size_t)channels)
        return plan_refuse(planner, STATUS_FORMAT, "input, weights and output do not fit together");
    size_t row_bytes = (size_t)k * (size_t)kernels->activation_bytes;
    if (row_bytes > INT32_MAX / ENGINE_ROWS)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its weights have too many inputs");
    step->rows = in / (size_t)k;
    step->row_count = (size_t)k;
    if (!plan_constants(planner, weights, bias, channels, 0) ||
        !plan_weights(planner, weights, bias, channels, 1, k) ||
        !plan_scale(planner, weights, channels))
        return false;
    uint32_t *segment_offset = plan_memory(planner, 1, sizeof *segment_offset);
    step->row_offset = plan_memory(planner, ENGINE_ROWS, sizeof *step->row_offset);
    if (!segment_offset || !step->row_offset) return false;
    for (size_t row = 0; row < ENGINE_ROWS; row++)
        step->row_offset[row] = (uint32_t)(row * row_bytes);
    step->dot.segment_offset = segment_offset;
    step->scratch_bytes = acc_bytes(step) + ENGINE_ROWS * row_bytes + 64;
    step->run = run_dense;
    return true;
}

static bool plan_conv(struct planner *planner, const struct frozen_tensor *weights,
                      const struct frozen_tensor *bias) {
    struct step *step = planner->step;
    if (weights->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its weights want 4 dimensions");
    int channels = weights->shape[0], height = weights->shape[1], width = weights->shape[2];
    if (!plan_window(planner, height, width, channels)) return false;
    const struct window_plan *window = &step->window;
    if (weights->shape[3] != window->in_channels)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its weights have other input channels than its input (groups are not "
                           "supported)");
    if (!plan_padded_input(planner, false)) return false;
    /* Without dilation along x a row of the window is one run. */
    bool whole_rows = window->dilation_x == 1 || width == 1;
    int segments = whole_rows ? height : height * width;
    int count = window->in_channels * (whole_rows ? width : 1);
    uint32_t *segment_offset = plan_memory(planner, (size_t)segments, sizeof *segment_offset);
    if (!segment_offset || !plan_constants(planner, weights, bias, channels, 0) ||
        !plan_weights(planner, weights, bias, channels, segments, count) ||
        !plan_scale(planner, weights, channels) ||
        !plan_padded_offsets(planner, segments / height, segment_offset))
        return false;
    step->dot.segment_offset = segment_offset;
    step->scratch_bytes = acc_bytes(step) + padded_input_bytes(planner->engine, step) + 64;
    step->run = run_conv;
    return true;
}

bool plan_matrix(struct planner *planner) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *tensors = planner->engine->frozen->tensors;
    if (!plan_int8(planner, planner->input) || !plan_int8(planner, planner->output)) return false;
    if (op->input_count < 2) return plan_refuse(planner, STATUS_FORMAT, "it has no weights");
    const struct frozen_tensor *weights = &tensors[op->inputs[1]];
    const struct frozen_tensor *bias =
        op->input_count > 2 && op->inputs[2] >= 0 ? &tensors[op->inputs[2]] : NULL;
    if (!plan_fused_activation(planner)) return false;
    return op->code == OP_CONV_2D ? plan_conv(planner, weights, bias)
                                  : plan_dense(planner, weights, bias);
}
