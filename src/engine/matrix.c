/* CONV_2D and FULLY_CONNECTED: both are rows of activations times packed weights. */
#include <math.h>
#include <string.h>

#include "engine/internal.h"

/* ---- running ---- */

static void rows_out(const struct engine *engine, const struct step *step,
                     const unsigned char *activations, size_t rows, const uint32_t *row_offset,
                     int32_t *acc, int8_t *out) {
    for (size_t row = 0; row < rows; row += ENGINE_ROWS) {
        size_t some = rows - row < ENGINE_ROWS ? rows - row : ENGINE_ROWS;
        engine->kernels->multiply(&step->dot, activations, some, row_offset + row, acc);
        step->store(&step->scale, some, acc, out + row * (size_t)step->scale.channels);
    }
}

static size_t acc_bytes(const struct step *step) {
    return (size_t)ENGINE_ROWS * (size_t)step->dot.groups * DOT_GROUP * sizeof(int32_t);
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

/* The image with its border of zeros, packed. */
static void pack_image(const struct engine *engine, const struct step *step, const int8_t *x,
                       unsigned char *packed) {
    const struct dot_kernels *kernels = engine->kernels;
    const struct window_plan *window = &step->window;
    size_t bytes = (size_t)kernels->activation_bytes;
    size_t row = (size_t)window->in_width * (size_t)window->in_channels;
    size_t padded = (size_t)step->padded_width * (size_t)window->in_channels * bytes;
    size_t left = (size_t)window->pad_left * (size_t)window->in_channels * bytes;
    if (padded == row * bytes && step->padded_height == window->in_height) {
        kernels->pack(row * (size_t)window->in_height, x, step->zero_in, packed);
        return;
    }
    /* Zero is the zero point: 0 in int16, zero point + 128 in uint8. */
    int border = bytes == 1 ? step->zero_in + 128 : 0;
    memset(packed, border, padded * (size_t)step->padded_height);
    for (int y = 0; y < window->in_height; y++)
        kernels->pack(row, x + (size_t)y * row, step->zero_in,
                      packed + (size_t)(y + window->pad_top) * padded + left);
}

static void run_conv(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                     unsigned char *scratch) {
    int32_t *acc = (int32_t *)(void *)scratch;
    unsigned char *packed = scratch + acc_bytes(step);
    for (size_t digit = begin; digit < end; digit++) {
        const int8_t *x = (const int8_t *)step->input->data + digit * step->input->bytes;
        int8_t *out = (int8_t *)step->output->data + digit * step->output->bytes;
        pack_image(engine, step, x, packed);
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

bool plan_scale(struct planner *planner, const struct frozen_tensor *weights, int channels) {
    struct step *step = planner->step;
    struct dot_output *scale = &step->scale;
    scale->groups = (channels + DOT_GROUP - 1) / DOT_GROUP;
    size_t padded = (size_t)scale->groups * DOT_GROUP;
    int32_t *multiplier = plan_memory(planner, 3 * padded, sizeof *multiplier);
    float *factor = plan_memory(planner, padded, sizeof *factor);
    double *exact = plan_memory(planner, padded, sizeof *exact);
    if (!multiplier || !factor || !exact) return false;
    float in = planner->input->scale[0], out = planner->output->scale[0];
    for (int c = 0; c < channels; c++) {
        float weight = weights->scale[weights->scale_count > 1 ? c : 0];
        exact[c] = (double)in * (double)weight / (double)out;
        factor[c] = in * weight / out;
        struct fixed fixed;
        if (!plan_factor(planner, exact[c], &fixed)) return false;
        if (!isfinite(factor[c])) return plan_refuse(planner, STATUS_FORMAT, "its scales overflow");
        multiplier[c] = fixed.value;
        multiplier[padded + (size_t)c] = fixed.shift > 0 ? fixed.shift : 0;
        multiplier[2 * padded + (size_t)c] = fixed.shift < 0 ? -fixed.shift : 0;
    }
    scale->channels = channels;
    scale->zero_point = step->zero_out;
    scale->low = step->low;
    scale->high = step->high;
    scale->multiplier = multiplier;
    scale->shift_left = multiplier + padded;
    scale->shift_right = multiplier + 2 * padded;
    scale->factor = factor;
    scale->exact_factor = exact;
    if (planner->engine->runtime == RUNTIME_XNN)
        step->store = planner->engine->kernels->output_float;
    else if (planner->op->code == OP_FULLY_CONNECTED)
        step->store = planner->engine->kernels->output_exact;
    else
        step->store = planner->engine->kernels->output_fixed;
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
    int32_t surplus = depth == 4 ? step->zero_in + 128 : 0;
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

/* Where each output position and each run of a window start in the packed image.  Without dilation
 * along x a row of the window is one run. */
static bool plan_offsets(struct planner *planner, int segments) {
    struct step *step = planner->step;
    const struct window_plan *window = &step->window;
    size_t pixel = (size_t)window->in_channels * (size_t)planner->engine->kernels->activation_bytes;
    size_t row = (size_t)step->padded_width * pixel;
    uint32_t *segment_offset = plan_memory(planner, (size_t)segments, sizeof *segment_offset);
    step->rows = (size_t)window->out_height * (size_t)window->out_width;
    step->row_offset = plan_memory(planner, step->rows, sizeof *step->row_offset);
    if (!segment_offset || !step->row_offset) return false;
    int columns = segments / window->height;
    for (int s = 0; s < segments; s++)
        segment_offset[s] = (uint32_t)((size_t)(s / columns) * (size_t)window->dilation_y * row +
                                       (size_t)(s % columns) * (size_t)window->dilation_x * pixel);
    uint32_t *to = step->row_offset;
    for (int y = 0; y < window->out_height; y++)
        for (int x = 0; x < window->out_width; x++)
            *to++ = (uint32_t)((size_t)y * (size_t)window->stride_y * row +
                               (size_t)x * (size_t)window->stride_x * pixel);
    step->dot.segment_offset = segment_offset;
    return true;
}

static int64_t padded_size(int in, int before, int out, int stride, int window, int dilation) {
    int64_t reached = (int64_t)(out - 1) * stride + (int64_t)(window - 1) * dilation + 1;
    int64_t held = (int64_t)before + in;
    return reached > held ? reached : held;
}

static bool plan_conv(struct planner *planner, const struct frozen_tensor *weights,
                      const struct frozen_tensor *bias) {
    struct step *step = planner->step;
    if (weights->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its weights want 4 dimensions");
    int channels = weights->shape[0], height = weights->shape[1], width = weights->shape[2];
    if (!plan_window(planner, height, width, channels)) return false;
    struct window_plan *window = &step->window;
    if (weights->shape[3] != window->in_channels)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its weights have other input channels than its input (groups are not "
                           "supported)");
    int64_t rows = padded_size(window->in_height, window->pad_top, window->out_height,
                               window->stride_y, height, window->dilation_y);
    int64_t columns = padded_size(window->in_width, window->pad_left, window->out_width,
                                  window->stride_x, width, window->dilation_x);
    int64_t bytes = planner->engine->kernels->activation_bytes * (int64_t)window->in_channels;
    if (rows > INT32_MAX || columns > INT32_MAX || rows * columns > INT32_MAX / 4 / bytes)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its padded input is too large");
    step->padded_height = (int)rows;
    step->padded_width = (int)columns;
    bool whole_rows = window->dilation_x == 1 || width == 1;
    int segments = whole_rows ? height : height * width;
    int count = window->in_channels * (whole_rows ? width : 1);
    if (!plan_constants(planner, weights, bias, channels, 0) ||
        !plan_weights(planner, weights, bias, channels, segments, count) ||
        !plan_scale(planner, weights, channels) || !plan_offsets(planner, segments))
        return false;
    step->scratch_bytes = acc_bytes(step) + (size_t)(rows * columns * bytes) + 64;
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
    if (!plan_activation(planner)) return false;
    return op->code == OP_CONV_2D ? plan_conv(planner, weights, bias)
                                  : plan_dense(planner, weights, bias);
}
