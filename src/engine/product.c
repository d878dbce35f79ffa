#include "engine/product.h"

#include <math.h>

/* ---- running ---- */

size_t product_sum_bytes(const struct product *product) {
    return (size_t)PRODUCT_ROWS * (size_t)product->stage.scale.groups * DOT_GROUP * sizeof(int32_t);
}

void product_rows(const struct engine *engine, const struct product *product,
                  const unsigned char *activations, size_t rows, const uint32_t *row_offset,
                  int32_t *sums, int8_t *out) {
    const struct dot_output *scale = &product->stage.scale;
    size_t window = (size_t)scale->window, most = PRODUCT_ROWS / window * window;
    for (size_t row = 0; row < rows; row += most) {
        size_t some = rows - row < most ? rows - row : most;
        if (product->has_taps)
            engine->kernels->multiply_taps(&product->taps,
                                           (const int16_t *)(const void *)activations, some,
                                           row_offset + row, sums);
        else
            engine->kernels->multiply(&product->dot, activations, some, row_offset + row, sums);
        product->stage.store(scale, some / window, sums,
                             out + row / window * (size_t)scale->channels);
    }
}

/* ---- planning: weights and bias ---- */

bool plan_weights(struct planner *planner, int rank, const struct frozen_tensor **weights,
                  const struct frozen_tensor **bias) {
    *weights = plan_input(planner, 1);
    *bias = plan_input(planner, 2);
    if (!*weights) return plan_refuse(planner, STATUS_FORMAT, "it has no weights");
    if ((*weights)->rank != rank)
        return plan_refuse(planner, STATUS_FORMAT,
                           rank == 2 ? "its weights do not have 2 dimensions"
                                     : "its weights do not have 4 dimensions");
    return true;
}

bool plan_constants(struct planner *planner, const struct frozen_tensor *weights,
                    const struct frozen_tensor *bias, int channels, int dimension) {
    if (!weights->data || weights->type != TYPE_INT8)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its weights are not an int8 constant");
    if (weights->scale_count != 1 &&
        (weights->scale_count != channels || weights->quantized_dimension != dimension))
        return plan_refuse(planner, STATUS_FORMAT,
                           "its weights need one scale, or one for each output channel");
    for (int c = 0; c < weights->scale_count; c++)
        if (weights->zero_point[c])
            return plan_refuse(planner, STATUS_FORMAT, "its weights have a zero point");
    if (!bias) return true;
    if (!bias->data || bias->type != TYPE_INT32 || bias->data_bytes != (size_t)channels * 4)
        return plan_refuse(planner, STATUS_FORMAT,
                           "its bias is not a constant of one int32 for each output channel");
    for (int c = 0; c < bias->scale_count; c++) {
        double product = (double)planner->input->scale[0] *
                         (double)weights->scale[weights->scale_count > 1 ? c : 0];
        double difference = fabs(product - (double)bias->scale[c]);
        /* The bound of TFLite's kernels. */
        if (c < weights->scale_count && !(difference / (double)planner->output->scale[0] <= 0.02))
            return plan_refuse(
                planner, STATUS_FORMAT,
                "the scale of its bias is not the product of those of input and weights");
    }
    return true;
}

bool plan_depth_multiplier(struct planner *planner, int in_channels, int channels) {
    int multiplier = planner->op->depth_multiplier;
    if (multiplier < 1 || (int64_t)multiplier * in_channels != channels)
        return plan_refuse(planner, STATUS_FORMAT,
                           "its weights do not have the channels of its depth multiplier");
    return true;
}

bool plan_dot(struct planner *planner, struct product *product, const struct frozen_tensor *weights,
              const struct frozen_tensor *bias, int channels, int segments, int count,
              int32_t zero_in) {
    struct dot *dot = &product->dot;
    const struct dot_kernels *kernels = planner->engine->kernels;
    int depth = kernels->depth;
    dot->groups = (channels + DOT_GROUP - 1) / DOT_GROUP;
    dot->segments = segments;
    dot->steps = (count + depth - 1) / depth;
    size_t bytes = dot_weights_bytes(kernels, dot->groups, segments, dot->steps);
    unsigned char *packed = plan_memory(planner, bytes, 1);
    int32_t *start = plan_memory(planner, (size_t)dot->groups * DOT_GROUP, sizeof *start);
    if (!packed || !start) return false;
    const int8_t *w = weights->data;
    dot_pack_weights(kernels, channels, segments, count, w, packed);
    size_t k = (size_t)segments * (size_t)count;
    int32_t surplus = depth == 4 ? zero_in + kernels->activation_offset : 0;
    for (size_t c = 0; c < (size_t)channels; c++) {
        uint32_t sum = 0;
        for (size_t i = 0; i < k; i++) sum += (uint32_t)w[c * k + i];
        uint32_t first = bias ? (uint32_t)((const int32_t *)bias->data)[c] : 0;
        start[c] = (int32_t)(first - (uint32_t)surplus * sum);
    }
    dot->weights = packed;
    dot->start = start;
    return true;
}

/* ---- planning: from sums to the output ---- */

/* Where the factors go; the caller fills them. */
struct factors {
    int32_t *multiplier, *shift_left, *shift_right;
    float *factor;
    double *exact;
};

static bool plan_factors(struct planner *planner, struct output_stage *stage, int channels,
                         struct int8_range range, struct factors *factors) {
    int groups = (channels + DOT_GROUP - 1) / DOT_GROUP;
    size_t padded = (size_t)groups * DOT_GROUP;
    factors->multiplier = plan_memory(planner, 3 * padded, sizeof *factors->multiplier);
    factors->factor = plan_memory(planner, padded, sizeof *factors->factor);
    factors->exact = plan_memory(planner, padded, sizeof *factors->exact);
    if (!factors->multiplier || !factors->factor || !factors->exact) return false;
    factors->shift_left = factors->multiplier + padded;
    factors->shift_right = factors->shift_left + padded;
    stage->scale = (struct dot_output){
        .channels = channels,
        .groups = groups,
        .window = 1,
        .zero_point = range.zero_out,
        .low = range.low,
        .high = range.high,
        .multiplier = factors->multiplier,
        .shift_left = factors->shift_left,
        .shift_right = factors->shift_right,
        .factor = factors->factor,
        .exact_factor = factors->exact,
    };
    stage->store = planner->engine->runtime == RUNTIME_XNN ? planner->engine->kernels->output_float
                                                           : planner->engine->kernels->output_fixed;
    return true;
}

static void set_fixed(const struct factors *factors, int c, struct fixed fixed) {
    factors->multiplier[c] = fixed.value;
    factors->shift_left[c] = fixed.shift > 0 ? fixed.shift : 0;
    factors->shift_right[c] = fixed.shift < 0 ? -fixed.shift : 0;
}

bool plan_output_stage_uniform(struct planner *planner, struct output_stage *stage, int channels,
                               struct int8_range range, struct fixed fixed, float factor) {
    struct factors factors;
    if (!plan_factors(planner, stage, channels, range, &factors)) return false;
    for (int c = 0; c < channels; c++) {
        set_fixed(&factors, c, fixed);
        factors.factor[c] = factor;
    }
    return true;
}

bool plan_output_stage(struct planner *planner, struct output_stage *stage,
                       const struct frozen_tensor *weights, int channels, struct int8_range range) {
    struct factors factors;
    if (!plan_factors(planner, stage, channels, range, &factors)) return false;
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
    return true;
}
