/* Operators on float32: what a program computes that was not quantized, or the part of one that the
 * converter left in float.  Both runtimes run the same sums here, equal to TFLite's but for the
 * order in which these are rounded. */
#include <math.h>
#include <string.h>

#include "engine/internal.h"

static const float *input_of(const struct step *step, size_t image) {
    return (const float *)(const void *)step->input->data + image * step->input->count;
}

static float *output_of(const struct step *step, size_t image) {
    return (float *)(void *)step->output->data + image * step->output->count;
}

static void clamp_all(const struct step *step, size_t count, float *out) {
    float low = step->low_float, high = step->high_float;
    for (size_t i = 0; i < count; i++) out[i] = out[i] < low ? low : out[i] > high ? high : out[i];
}

/* ---- products ---- */

static void start_from_bias(const struct step *step, size_t channels, float *out) {
    if (step->bias_float)
        memcpy(out, step->bias_float, channels * sizeof *out);
    else
        memset(out, 0, channels * sizeof *out);
}

#define BLOCK 16 /* sums that stay in registers */

/* out[c] += x[k] * w[k][c] */
static void add_product(size_t k, size_t channels, const float *x, const float *w, float *out) {
    size_t c = 0;
    for (; c + BLOCK <= channels; c += BLOCK) {
        float sum[BLOCK];
        memcpy(sum, out + c, sizeof sum);
        for (size_t i = 0; i < k; i++) {
            const float *row = w + i * channels + c;
            for (size_t j = 0; j < BLOCK; j++) sum[j] += x[i] * row[j];
        }
        memcpy(out + c, sum, sizeof sum);
    }
    for (; c < channels; c++)
        for (size_t i = 0; i < k; i++) out[c] += x[i] * w[i * channels + c];
}

static void run_dense(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    size_t k = step->row_count, channels = step->output->count / step->rows;
    const float *x = input_of(step, begin);
    float *out = output_of(step, begin);
    for (size_t row = 0; row < (end - begin) * step->rows; row++, x += k, out += channels) {
        start_from_bias(step, channels, out);
        add_product(k, channels, x, step->weights_float, out);
        clamp_all(step, channels, out);
    }
}

/* out[c * multiplier + m] += x[c] * w[c * multiplier + m] */
static void add_depthwise(size_t channels, size_t multiplier, const float *x, const float *w,
                          float *out) {
    for (size_t c = 0; c < channels; c++)
        for (size_t m = 0; m < multiplier; m++)
            out[c * multiplier + m] += x[c] * w[c * multiplier + m];
}

static void convolve(const struct step *step, int y, int column, const float *x, float *out) {
    const struct window_plan *window = &step->window;
    size_t in_channels = (size_t)window->in_channels, channels = (size_t)window->out_channels;
    size_t taps = step->multiplier ? channels : in_channels * channels;
    start_from_bias(step, channels, out);
    for (int ky = 0; ky < window->height; ky++) {
        int64_t in_y =
            (int64_t)y * window->stride_y + (int64_t)ky * window->dilation_y - window->pad_top;
        if (in_y < 0 || in_y >= window->in_height) continue;
        for (int kx = 0; kx < window->width; kx++) {
            int64_t in_x = (int64_t)column * window->stride_x + (int64_t)kx * window->dilation_x -
                           window->pad_left;
            if (in_x < 0 || in_x >= window->in_width) continue;
            const float *from =
                x + ((size_t)in_y * (size_t)window->in_width + (size_t)in_x) * in_channels;
            const float *w =
                step->weights_float + ((size_t)ky * (size_t)window->width + (size_t)kx) * taps;
            if (step->multiplier)
                add_depthwise(in_channels, (size_t)step->multiplier, from, w, out);
            else
                add_product(in_channels, channels, from, w, out);
        }
    }
    clamp_all(step, channels, out);
}

static void run_convolution(const struct engine *engine, const struct step *step, size_t begin,
                            size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct window_plan *window = &step->window;
    for (size_t image = begin; image < end; image++) {
        const float *x = input_of(step, image);
        float *out = output_of(step, image);
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++, out += window->out_channels)
                convolve(step, y, column, x, out);
    }
}

/* w[c][k] to [k][c], so that neighbours in memory are sums that do not depend on each other. */
static bool transpose(struct planner *planner, const float *w, size_t channels, size_t k) {
    float *packed = plan_memory(planner, channels * k, sizeof *packed);
    if (!packed) return false;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < k; i++) packed[i * channels + c] = w[c * k + i];
    planner->step->weights_float = packed;
    return true;
}

static bool plan_dense(struct planner *planner, const struct frozen_tensor *weights) {
    struct step *step = planner->step;
    if (weights->rank != 2)
        return plan_refuse(planner, STATUS_FORMAT, "its weights want 2 dimensions");
    size_t channels = (size_t)weights->shape[0], k = (size_t)weights->shape[1];
    step->rows = step->input->count / k;
    step->row_count = k;
    if (step->rows == 0 || step->input->count % k || step->output->count != step->rows * channels)
        return plan_refuse(planner, STATUS_FORMAT, "input, weights and output do not fit together");
    step->run = run_dense;
    return transpose(planner, weights->data, channels, k);
}

static bool plan_convolution(struct planner *planner, const struct frozen_tensor *weights) {
    struct step *step = planner->step;
    bool is_depthwise = planner->op->code == OP_DEPTHWISE_CONV_2D;
    if (weights->rank != 4 || (is_depthwise && weights->shape[0] != 1))
        return plan_refuse(planner, STATUS_FORMAT, "its weights have another shape than it wants");
    int channels = weights->shape[is_depthwise ? 3 : 0];
    if (!plan_window(planner, weights->shape[1], weights->shape[2], channels)) return false;
    int in_channels = step->window.in_channels;
    step->run = run_convolution;
    if (is_depthwise) {
        int64_t wanted = (int64_t)planner->op->depth_multiplier * in_channels;
        if (planner->op->depth_multiplier < 1 || wanted != channels)
            return plan_refuse(planner, STATUS_FORMAT,
                               "its weights do not have the depth multiplier's channels");
        step->multiplier = planner->op->depth_multiplier;
        step->weights_float = weights->data;
        return true;
    }
    if (weights->shape[3] != in_channels)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its weights have other input channels than its input (groups are not "
                           "supported)");
    size_t k = frozen_tensor_count(weights) / (size_t)channels;
    return transpose(planner, weights->data, (size_t)channels, k);
}

static bool plan_product(struct planner *planner) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *tensors = planner->engine->frozen->tensors;
    if (op->input_count < 2) return plan_refuse(planner, STATUS_FORMAT, "it has no weights");
    const struct frozen_tensor *weights = &tensors[op->inputs[1]];
    if (weights->type != TYPE_FLOAT32 || !weights->data)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its weights are no float32 constant");
    bool good = op->code == OP_FULLY_CONNECTED ? plan_dense(planner, weights)
                                               : plan_convolution(planner, weights);
    if (!good || op->input_count < 3 || op->inputs[2] < 0) return good;
    const struct frozen_tensor *bias = &tensors[op->inputs[2]];
    size_t channels = op->code == OP_FULLY_CONNECTED ? (size_t)weights->shape[0]
                                                     : (size_t)planner->step->window.out_channels;
    if (bias->type != TYPE_FLOAT32 || !bias->data || frozen_tensor_count(bias) != channels)
        return plan_refuse(planner, STATUS_FORMAT, "its bias is not one float32 a channel");
    planner->step->bias_float = bias->data;
    return true;
}

/* ---- windows and whole images ---- */

static void pool_view(const struct step *step, struct view view, bool is_max, const float *x,
                      float *out) {
    size_t channels = (size_t)step->window.in_channels;
    size_t row = channels * (size_t)step->window.in_width;
    x += (size_t)view.top * row + (size_t)view.left * channels;
    for (size_t c = 0; c < channels; c++) {
        float sum = 0, most = x[c];
        for (int y = 0; y < view.height; y++)
            for (int column = 0; column < view.width; column++) {
                float value = x[(size_t)y * row + (size_t)column * channels + c];
                sum += value;
                most = value > most ? value : most;
            }
        out[c] = is_max ? most : sum / ((float)view.height * (float)view.width);
    }
    clamp_all(step, channels, out);
}

static void pool_all(const struct step *step, size_t begin, size_t end, bool is_max) {
    const struct window_plan *window = &step->window;
    for (size_t image = begin; image < end; image++) {
        float *out = output_of(step, image);
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++, out += window->in_channels)
                pool_view(step, view_at(window, y, column), is_max, input_of(step, image), out);
    }
}

static void run_max(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)engine, (void)scratch;
    pool_all(step, begin, end, true);
}

static void run_average(const struct engine *engine, const struct step *step, size_t begin,
                        size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    pool_all(step, begin, end, false);
}

static bool plan_windows(struct planner *planner) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    if (input->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its input wants 4 dimensions");
    planner->step->run = op->code == OP_MAX_POOL_2D ? run_max : run_average;
    return plan_window(planner, op->filter_height, op->filter_width, input->shape[3]);
}

/* Height and width at once: one window as large as the image. */
static bool plan_whole(struct planner *planner) {
    struct step *step = planner->step;
    if (!plan_reduced_axes(planner)) return false;
    const int *shape = planner->input->shape;
    step->window = (struct window_plan){
        .in_height = shape[1],
        .in_width = shape[2],
        .in_channels = shape[3],
        .out_height = 1,
        .out_width = 1,
        .out_channels = shape[3],
        .height = shape[1],
        .width = shape[2],
        .stride_y = 1,
        .stride_x = 1,
        .dilation_y = 1,
        .dilation_x = 1,
    };
    step->run = planner->op->code == OP_REDUCE_MAX ? run_max : run_average;
    return true;
}

/* ---- elements and rows ---- */

static void run_relu(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                     unsigned char *scratch) {
    (void)engine, (void)scratch;
    size_t count = (end - begin) * step->output->count;
    memcpy(output_of(step, begin), input_of(step, begin), count * sizeof(float));
    clamp_all(step, count, output_of(step, begin));
}

static void run_add(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)engine, (void)scratch;
    size_t count = step->output->count;
    for (size_t image = begin; image < end; image++) {
        const float *a = input_of(step, image), *b = addend_of(step, image);
        float *out = output_of(step, image);
        for (size_t i = 0; i < count; i++) out[i] = a[i] + b[i];
        clamp_all(step, count, out);
    }
}

static void run_softmax(const struct engine *engine, const struct step *step, size_t begin,
                        size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    size_t count = step->row_count;
    const float *x = input_of(step, begin);
    float *out = output_of(step, begin);
    for (size_t row = 0; row < (end - begin) * step->rows; row++, x += count, out += count) {
        float most = x[0], sum = 0;
        for (size_t i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
        for (size_t i = 0; i < count; i++) sum += out[i] = expf((x[i] - most) * step->factor_float);
        for (size_t i = 0; i < count; i++) out[i] /= sum;
    }
}

static bool plan_elements(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    if (step->input->count != step->output->count)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its tensors differ in size");
    if (op->code == OP_RELU || op->code == OP_RELU6 || op->code == OP_RELU_N1_TO_1) {
        step->low_float = op->code == OP_RELU_N1_TO_1 ? -1 : 0;
        if (op->code != OP_RELU) step->high_float = op->code == OP_RELU6 ? 6 : 1;
        step->run = run_relu;
        return true;
    }
    if (op->code == OP_SOFTMAX) {
        if (!(op->beta > 0) || !isfinite(op->beta))
            return plan_refuse(planner, STATUS_FORMAT, "its beta is not a positive number");
        if (input->rank < 2)
            return plan_refuse(planner, STATUS_FORMAT, "its input wants 2 dimensions");
        step->factor_float = op->beta;
        step->row_count = (size_t)input->shape[input->rank - 1];
        step->rows = step->input->count / step->row_count;
        step->run = run_softmax;
        return true;
    }
    if (op->input_count < 2) return plan_refuse(planner, STATUS_FORMAT, "it wants two inputs");
    const struct frozen_tensor *other = &planner->engine->frozen->tensors[op->inputs[1]];
    step->other = &planner->engine->slots[op->inputs[1]];
    step->run = run_add;
    if (other->data) return plan_addend(planner, other);
    if (other->type != TYPE_FLOAT32 || step->other->count != step->output->count)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its second input is of another type or size");
    return true;
}

bool plan_float(struct planner *planner) {
    struct step *step = planner->step;
    if (planner->output->type != TYPE_FLOAT32)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its input is float32, its output is not");
    enum frozen_activation activation = planner->op->activation;
    step->low_float = activation == FUSED_NONE ? -INFINITY : 0;
    step->high_float = activation == FUSED_RELU6 ? 6 : INFINITY;
    switch (planner->op->code) {
    case OP_CONV_2D:
    case OP_DEPTHWISE_CONV_2D:
    case OP_FULLY_CONNECTED:
        return plan_product(planner);
    case OP_MAX_POOL_2D:
    case OP_AVERAGE_POOL_2D:
        return plan_windows(planner);
    case OP_MEAN:
    case OP_REDUCE_MAX:
        return plan_whole(planner);
    case OP_ADD:
    case OP_RELU:
    case OP_RELU6:
    case OP_RELU_N1_TO_1:
    case OP_SOFTMAX:
        return plan_elements(planner);
    case OP_LEAKY_RELU:
        return plan_leaky_relu(planner);
    case OP_LOGISTIC:
    case OP_TANH:
        return plan_activation(planner);
    case OP_MINIMUM:
    case OP_MAXIMUM:
        return plan_minimum(planner);
    default:
        return plan_refuse(planner, STATUS_UNSUPPORTED, "is not supported for float32");
    }
}
