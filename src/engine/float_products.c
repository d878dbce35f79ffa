/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on float32: what a program computes that was not
 * quantized, or the part of one that the converter left in float.  Both runtimes run the same sums
 * here, equal to TFLite's but for the order in which these are rounded. */
#include <string.h>

#include "engine/operators.h"
#include "engine/product.h"
#include "engine/window.h"

struct float_product {
    const float *weights; /* [window][inputs][channels], depthwise [window][channels] */
    const float *bias;    /* NULL: none */
    size_t rows, inputs;  /* FULLY_CONNECTED: rows of one image, values of one row */
    struct window_plan window;
    int multiplier; /* depthwise: outputs of one input channel; else 0 */
    struct float_range range;
};

static void start_from_bias(const struct float_product *product, size_t channels, float *out) {
    if (product->bias)
        memcpy(out, product->bias, channels * sizeof *out);
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

static void run_fully_connected(const struct engine *engine, const struct step *step, size_t begin,
                                size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct float_product *product = step->own;
    size_t inputs = product->inputs, channels = step->output->count / product->rows;
    const float *x = step_input_float(step, begin);
    float *out = step_output_float(step, begin);
    for (size_t row = 0; row < (end - begin) * product->rows; row++) {
        start_from_bias(product, channels, out);
        add_product(inputs, channels, x, product->weights, out);
        clamp_floats(product->range, channels, out);
        x += inputs;
        out += channels;
    }
}

/* out[c * multiplier + m] += x[c] * w[c * multiplier + m] */
static void add_depthwise(size_t channels, size_t multiplier, const float *x, const float *w,
                          float *out) {
    for (size_t c = 0; c < channels; c++)
        for (size_t m = 0; m < multiplier; m++)
            out[c * multiplier + m] += x[c] * w[c * multiplier + m];
}

static void convolve(const struct float_product *product, int y, int column, const float *x,
                     float *out) {
    const struct window_plan *window = &product->window;
    size_t in_channels = (size_t)window->in_channels, channels = (size_t)window->out_channels;
    size_t taps = product->multiplier ? channels : in_channels * channels;
    start_from_bias(product, channels, out);
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
                product->weights + ((size_t)ky * (size_t)window->width + (size_t)kx) * taps;
            if (product->multiplier)
                add_depthwise(in_channels, (size_t)product->multiplier, from, w, out);
            else
                add_product(in_channels, channels, from, w, out);
        }
    }
    clamp_floats(product->range, channels, out);
}

static void run_convolution(const struct engine *engine, const struct step *step, size_t begin,
                            size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct float_product *product = step->own;
    const struct window_plan *window = &product->window;
    for (size_t image = begin; image < end; image++) {
        const float *x = step_input_float(step, image);
        float *out = step_output_float(step, image);
        for (int y = 0; y < window->out_height; y++)
            for (int column = 0; column < window->out_width; column++, out += window->out_channels)
                convolve(product, y, column, x, out);
    }
}

/* ---- planning ---- */

static struct float_product *plan_product(struct planner *planner, int rank,
                                          const struct frozen_tensor **weights) {
    const struct frozen_tensor *constant = plan_input(planner, 1), *bias;
    struct float_product *product = plan_own(planner, sizeof *product);
    if (!product || !plan_float_only(planner)) return NULL;
    if (constant && (constant->type != TYPE_FLOAT32 || !constant->data)) {
        plan_refuse(planner, STATUS_UNSUPPORTED, "its weights are not a float32 constant");
        return NULL;
    }
    if (!plan_weights(planner, rank, weights, &bias)) return NULL;
    product->weights = constant->data;
    product->range = plan_float_range(planner);
    return product;
}

static bool plan_bias(struct planner *planner, struct float_product *product, size_t channels) {
    const struct frozen_tensor *bias = plan_input(planner, 2);
    if (!bias) return true;
    if (bias->type != TYPE_FLOAT32 || !bias->data || frozen_tensor_count(bias) != channels)
        return plan_refuse(planner, STATUS_FORMAT,
                           "its bias is not a constant of one float32 for each output channel");
    product->bias = bias->data;
    return true;
}

/* w[c][k] to [k][c], so that neighbours in memory are sums that do not depend on each other. */
static bool transpose(struct planner *planner, struct float_product *product, size_t channels,
                      size_t k) {
    float *packed = plan_memory(planner, channels * k, sizeof *packed);
    if (!packed) return false;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < k; i++) packed[i * channels + c] = product->weights[c * k + i];
    product->weights = packed;
    return true;
}

bool plan_fully_connected_float(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *weights;
    struct float_product *product = plan_product(planner, 2, &weights);
    if (!product) return false;
    size_t channels = (size_t)weights->shape[0], inputs = (size_t)weights->shape[1];
    product->rows = step->input->count / inputs;
    product->inputs = inputs;
    if (product->rows == 0 || step->input->count % inputs ||
        step->output->count != product->rows * channels)
        return plan_refuse(planner, STATUS_FORMAT, "input, weights and output do not fit together");
    step->run = run_fully_connected;
    return transpose(planner, product, channels, inputs) && plan_bias(planner, product, channels);
}

bool plan_conv2d_float(struct planner *planner) {
    const struct frozen_tensor *weights;
    struct float_product *product = plan_product(planner, 4, &weights);
    if (!product) return false;
    int channels = weights->shape[0];
    if (!plan_window(planner, weights->shape[1], weights->shape[2], channels, &product->window))
        return false;
    if (weights->shape[3] != product->window.in_channels)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its weights and its input differ in channels (groups are not "
                           "supported)");
    planner->step->run = run_convolution;
    size_t k = frozen_tensor_count(weights) / (size_t)channels;
    return transpose(planner, product, (size_t)channels, k) &&
           plan_bias(planner, product, (size_t)channels);
}

bool plan_depthwise_conv2d_float(struct planner *planner) {
    const struct frozen_tensor *weights;
    struct float_product *product = plan_product(planner, 4, &weights);
    if (!product) return false;
    int channels = weights->shape[3];
    if (weights->shape[0] != 1)
        return plan_refuse(planner, STATUS_FORMAT,
                           "the shape of its weights is not [1, height, width, channels]");
    product->multiplier = planner->op->depth_multiplier;
    planner->step->run = run_convolution;
    return plan_window(planner, weights->shape[1], weights->shape[2], channels, &product->window) &&
           plan_depth_multiplier(planner, product->window.in_channels, channels) &&
           plan_bias(planner, product, (size_t)channels);
}
