#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/random.h"
#include "chain.h"
#include "network/work.h"

enum { MAX_VALUES = 28 * 28 * 8 };

/* ---- a second way through a model: one digit, double precision, plain loops ---- */

static double *new_values(size_t count) {
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

static void again_dense(const struct model *model, const struct layer *layer, const double *weights,
                        const double *x, double *y) {
    const struct parameter *kernel = &model->parameters[layer->kernel];
    size_t inputs = kernel->count / (size_t)layer->units;
    for (int u = 0; u < layer->units; u++) {
        y[u] = weights[model->parameters[layer->bias].offset + (size_t)u];
        for (size_t i = 0; i < inputs; i++)
            y[u] += x[i] * weights[kernel->offset + i * (size_t)layer->units + (size_t)u];
    }
}

static int padding_before(int in, int out, int side, int stride, enum padding padding) {
    int needed = (out - 1) * stride + side - in;
    return padding == PADDING_SAME && needed > 0 ? needed / 2 : 0;
}

/* What a window covers along one axis. */
static int reach(int side, int dilation) {
    return (side - 1) * dilation + 1;
}

static void again_conv2d(const struct model *model, const struct layer *layer,
                         const double *weights, const double *x, double *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output, *out = &layer->output;
    const struct window *w = &layer->window;
    const double *kernel = weights + model->parameters[layer->kernel].offset;
    int top = padding_before(in->size[0], out->size[0], reach(w->height, w->dilation_y),
                             w->stride_y, w->padding);
    int left = padding_before(in->size[1], out->size[1], reach(w->width, w->dilation_x),
                              w->stride_x, w->padding);
    for (int i = 0; i < out->size[0] * out->size[1] * out->size[2]; i++) {
        int f = i % out->size[2], column = i / out->size[2] % out->size[1];
        int row = i / out->size[2] / out->size[1];
        double sum = weights[model->parameters[layer->bias].offset + (size_t)f];
        for (int t = 0; t < w->height * w->width * in->size[2]; t++) {
            int c = t % in->size[2], k_x = t / in->size[2] % w->width;
            int k_y = t / in->size[2] / w->width;
            int from_y = row * w->stride_y - top + k_y * w->dilation_y;
            int from_x = column * w->stride_x - left + k_x * w->dilation_x;
            if (from_y < 0 || from_y >= in->size[0] || from_x < 0 || from_x >= in->size[1])
                continue;
            sum +=
                x[(from_y * in->size[1] + from_x) * in->size[2] + c] * kernel[t * out->size[2] + f];
        }
        y[i] = sum;
    }
}

static void again_max_pooling(const struct model *model, const struct layer *layer, const double *x,
                              double *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output, *out = &layer->output;
    const struct window *w = &layer->window;
    for (int i = 0; i < out->size[0] * out->size[1] * out->size[2]; i++) {
        int c = i % out->size[2], column = i / out->size[2] % out->size[1];
        int row = i / out->size[2] / out->size[1];
        y[i] = (double)-INFINITY;
        for (int k = 0; k < w->height * w->width; k++) {
            int from_y = row * w->stride_y + k / w->width;
            int from_x = column * w->stride_x + k % w->width;
            y[i] = fmax(y[i], x[(from_y * in->size[1] + from_x) * in->size[2] + c]);
        }
    }
}

static void again_depthwise(const struct model *model, const struct layer *layer,
                            const double *weights, const double *x, double *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output, *out = &layer->output;
    const struct window *w = &layer->window;
    const double *kernel = weights + model->parameters[layer->kernel].offset;
    int top = padding_before(in->size[0], out->size[0], reach(w->height, w->dilation_y),
                             w->stride_y, w->padding);
    int left = padding_before(in->size[1], out->size[1], reach(w->width, w->dilation_x),
                              w->stride_x, w->padding);
    for (int i = 0; i < out->size[0] * out->size[1] * out->size[2]; i++) {
        int o = i % out->size[2], column = i / out->size[2] % out->size[1];
        int row = i / out->size[2] / out->size[1];
        y[i] = layer->bias < 0 ? 0 : weights[model->parameters[layer->bias].offset + (size_t)o];
        for (int t = 0; t < w->height * w->width; t++) {
            int from_y = row * w->stride_y - top + t / w->width * w->dilation_y;
            int from_x = column * w->stride_x - left + t % w->width * w->dilation_x;
            if (from_y < 0 || from_y >= in->size[0] || from_x < 0 || from_x >= in->size[1])
                continue;
            y[i] += x[(from_y * in->size[1] + from_x) * in->size[2] + o / layer->depth_multiplier] *
                    kernel[t * out->size[2] + o];
        }
    }
}

static void again_average(const struct model *model, const struct layer *layer, const double *x,
                          double *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output;
    const struct window *w = &layer->window;
    bool is_global = layer->kind == LAYER_GLOBAL_AVERAGE_POOLING2D;
    int channels = in->size[2], width = is_global ? 1 : layer->output.size[1];
    int height = is_global ? 1 : layer->output.size[0];
    int top = padding_before(in->size[0], height, w->height, w->stride_y, w->padding);
    int left = padding_before(in->size[1], width, w->width, w->stride_x, w->padding);
    for (int i = 0; i < height * width * channels; i++) {
        int c = i % channels, column = i / channels % width, row = i / channels / width, cells = 0;
        double sum = 0;
        for (int k = 0; k < w->height * w->width; k++) {
            int from_y = row * w->stride_y - top + k / w->width;
            int from_x = column * w->stride_x - left + k % w->width;
            if (from_y < 0 || from_y >= in->size[0] || from_x < 0 || from_x >= in->size[1])
                continue;
            sum += x[(from_y * in->size[1] + from_x) * channels + c];
            cells++;
        }
        y[i] = sum / cells;
    }
}

static void again_global_max(const struct model *model, const struct layer *layer, const double *x,
                             double *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output;
    int channels = in->size[2];
    for (int c = 0; c < channels; c++) {
        y[c] = (double)-INFINITY;
        for (int i = 0; i < in->size[0] * in->size[1]; i++) y[c] = fmax(y[c], x[i * channels + c]);
    }
}

static void again_padding(const struct model *model, const struct layer *layer, const double *x,
                          double *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output, *out = &layer->output;
    for (int i = 0; i < out->size[0] * out->size[1] * out->size[2]; i++) {
        int c = i % out->size[2], column = i / out->size[2] % out->size[1] - layer->margin[1][0];
        int row = i / out->size[2] / out->size[1] - layer->margin[0][0];
        bool is_inside = row >= 0 && row < in->size[0] && column >= 0 && column < in->size[1];
        y[i] = is_inside ? x[(row * in->size[1] + column) * in->size[2] + c] : 0;
    }
}

/* Which values of a Dropout are kept: the definition in words 4 * (index / 4) + index % 4. */
static bool keeps(const struct pass *pass, int layer, float rate, size_t index) {
    uint32_t words[4];
    random_philox(pass->seed, RANDOM_DROPOUT, pass->step | (uint64_t)layer << 48,
                  (uint32_t)(index / 4), words);
    return random_unit(words[index % 4]) >= rate;
}

/* SpatialDropout2D draws once for each channel of each image. */
static size_t draw_of(const struct layer *layer, int digit, size_t i) {
    size_t channels = (size_t)layer->output.size[2];
    return layer->kind == LAYER_DROPOUT ? (size_t)digit * shape_count(&layer->output) + i
                                        : (size_t)digit * channels + i % channels;
}

/* One layer but BatchNormalization, for one digit; `other` is what an Add reads besides. */
static void again_layer(const struct model *model, const struct pass *pass, const double *weights,
                        int index, int digit, const double *x, const double *other, double *y) {
    const struct layer *layer = &model->layers[index];
    size_t count = shape_count(&layer->output);
    memcpy(y, x, count * sizeof *y);
    for (size_t i = 0; i < count && layer->kind == LAYER_ADD; i++) y[i] += other[i];
    if (layer->kind == LAYER_DENSE) again_dense(model, layer, weights, x, y);
    if (layer->kind == LAYER_CONV2D) again_conv2d(model, layer, weights, x, y);
    if (layer->kind == LAYER_DEPTHWISE_CONV2D) again_depthwise(model, layer, weights, x, y);
    if (layer->kind == LAYER_MAX_POOLING2D) again_max_pooling(model, layer, x, y);
    if (layer->kind == LAYER_GLOBAL_MAX_POOLING2D) again_global_max(model, layer, x, y);
    if (layer->kind == LAYER_ZERO_PADDING2D) again_padding(model, layer, x, y);
    if (layer->kind == LAYER_AVERAGE_POOLING2D || layer->kind == LAYER_GLOBAL_AVERAGE_POOLING2D)
        again_average(model, layer, x, y);
    for (size_t i = 0; i < count; i++) {
        if (layer->activation == ACTIVATION_RELU) y[i] = fmax(y[i], 0);
        if (layer->activation == ACTIVATION_RELU6) y[i] = fmin(fmax(y[i], 0), 6);
        if (layer->limit > 0) y[i] = fmin(y[i], (double)layer->limit);
        if (layer->kind == LAYER_LEAKY_RELU && y[i] < 0) y[i] *= (double)layer->slope;
        if (layer->activation == ACTIVATION_SIGMOID) y[i] = 1 / (1 + exp(-y[i]));
        if (layer->activation == ACTIVATION_TANH) y[i] = tanh(y[i]);
        bool drops = layer->kind == LAYER_DROPOUT || layer->kind == LAYER_SPATIAL_DROPOUT2D;
        if (drops && pass->dropout)
            y[i] = keeps(pass, index, layer->rate, draw_of(layer, digit, i))
                       ? y[i] / (1 - (double)layer->rate)
                       : 0;
    }
}

static double value_of(const struct model *model, const double *weights, int parameter, size_t c,
                       double fallback) {
    return parameter < 0 ? fallback : weights[model->parameters[parameter].offset + c];
}

/* In place for all digits: x[DIGITS][MAX_VALUES]. */
static void again_normalization(const struct model *model, const struct layer *layer,
                                const struct pass *pass, const double *weights, double *x) {
    const struct normalization *by = &layer->normalization;
    size_t count = shape_count(&layer->output);
    size_t channels = (size_t)layer->output.size[layer->output.rank - 1];
    for (size_t c = 0; c < channels; c++) {
        double n = (double)pass->count * (double)(count / channels), mean = 0, variance = 0;
        for (int d = 0; d < pass->count; d++)
            for (size_t i = c; i < count; i += channels) mean += x[(size_t)d * MAX_VALUES + i] / n;
        for (int d = 0; d < pass->count; d++)
            for (size_t i = c; i < count; i += channels)
                variance += pow(x[(size_t)d * MAX_VALUES + i] - mean, 2) / n;
        if (!pass->batch_statistics) {
            mean = value_of(model, weights, by->moving_mean, c, 0);
            variance = value_of(model, weights, by->moving_variance, c, 0);
        }
        double factor = value_of(model, weights, by->gamma, c, 1) / sqrt(variance + by->epsilon);
        double shift = value_of(model, weights, by->beta, c, 0);
        for (int d = 0; d < pass->count; d++)
            for (size_t i = c; i < count; i += channels) {
                double *value = &x[(size_t)d * MAX_VALUES + i];
                *value = (*value - mean) * factor + shift;
            }
    }
}

/* Mean cross-entropy of the digits, which go through every layer together. */
static double again_mean_loss(const struct model *model, const struct pass *pass,
                              const double *weights, const uint16_t *labels) {
    const size_t size = DIGITS * MAX_VALUES;
    double *values = malloc((size_t)model->layer_count * size * sizeof *values), loss = 0;
    assert_non_null(values);
    for (int d = 0; d < pass->count; d++)
        for (int i = 0; i < PIXELS; i++)
            values[d * MAX_VALUES + i] = (double)pass->samples->bytes[d * PIXELS + i] / 255;
    for (int l = 1; l < model->layer_count; l++) {
        const struct layer *layer = &model->layers[l];
        double *from = values + (size_t)layer->inputs[0] * size, *y = values + (size_t)l * size;
        double *other = values + (size_t)layer->inputs[1] * size;
        if (layer->kind == LAYER_BATCH_NORMALIZATION) {
            memcpy(y, from, size * sizeof *y);
            again_normalization(model, layer, pass, weights, y);
            continue;
        }
        for (int d = 0; d < pass->count; d++, from += MAX_VALUES, other += MAX_VALUES)
            again_layer(model, pass, weights, l, d, from, other, y + d * MAX_VALUES);
    }
    const double *x = values + (size_t)(model->layer_count - 1) * size;
    for (int d = 0; d < pass->count; d++) {
        double sum = 0;
        for (int c = 0; c < 10; c++) sum += exp(x[d * MAX_VALUES + c]);
        loss += (log(sum) - x[d * MAX_VALUES + labels[d]]) / pass->count;
    }
    free(values);
    return loss;
}

/* ---- gradients ---- */

/* About 40 weights of every parameter, by central differences in double. */
static void assert_gradients(struct model *model, bool dropout, bool batch_statistics) {
    struct work work;
    work_begin(&work, model, NULL);
    work.pass.dropout = dropout;
    work.pass.batch_statistics = batch_statistics;
    work_run(&work);
    double *weights = new_values(model->weight_count);
    for (size_t i = 0; i < model->weight_count; i++) weights[i] = (double)model->weights[i];
    assert_near(work.loss, again_mean_loss(model, &work.pass, weights, work.labels), 2e-6);
    for (int p = 0; p < model->parameter_count; p++) {
        const struct parameter *parameter = &model->parameters[p];
        size_t stride = parameter->count / 40 + 1;
        double largest = 0;
        if (!parameter->is_trained) continue; /* below: its gradient is 0 */
        for (size_t i = p % 2; i < parameter->count; i += stride) {
            size_t at = parameter->offset + i;
            double kept = weights[at], h = 1e-7; /* small: a maximum or a ReLU must not turn over */
            weights[at] = kept + h;
            double above = again_mean_loss(model, &work.pass, weights, work.labels);
            weights[at] = kept - h;
            double below = again_mean_loss(model, &work.pass, weights, work.labels);
            weights[at] = kept;
            double want = (above - below) / (2 * h);
            largest = fmax(largest, fabs(want));
            assert_near(work.gradient[at], want, 2e-6 + 2e-5 * fabs(want));
        }
        /* It was a test of something; only a bias that the batch's mean takes off has no effect. */
        bool has_effect = parameter->rank > 1 || !batch_statistics ||
                          model->layers[parameter->layer + 1].kind != LAYER_BATCH_NORMALIZATION;
        assert_true(largest > 1e-4 || !has_effect);
    }
    free(weights);
    work_end(&work);
    model_free(model);
}

static void dense_with_and_without_relu_has_the_gradient_of_the_loss(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "a", 17, ACTIVATION_RELU);
    chain_dense(model, "b", 9, ACTIVATION_LINEAR);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 1);
    assert_gradients(model, false, false);
}

static void convolutions_and_pooling_have_the_gradient_of_the_loss(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 3, 5, 2, PADDING_SAME, ACTIVATION_RELU);
    chain_max_pooling(model, "pool", 2);
    chain_conv2d(model, "b", 4, 3, 1, PADDING_VALID, ACTIVATION_LINEAR);
    chain_conv2d(model, "c", 5, 2, 1, PADDING_SAME, ACTIVATION_RELU);
    chain_max_pooling(model, "pool_1", 2);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "d", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 2);
    assert_gradients(model, false, false);
}

static void separate_activations_have_the_gradient_of_the_loss(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 3, 5, 3, PADDING_VALID, ACTIVATION_LINEAR);
    chain_layer(model, LAYER_RELU, "relu", ACTIVATION_RELU);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "b", 12, ACTIVATION_LINEAR);
    chain_layer(model, LAYER_ACTIVATION, "linear", ACTIVATION_LINEAR);
    chain_layer(model, LAYER_ACTIVATION, "relu_1", ACTIVATION_RELU);
    chain_dense(model, "c", 10, ACTIVATION_LINEAR);
    chain_layer(model, LAYER_SOFTMAX, "softmax", ACTIVATION_SOFTMAX);
    chain_finish(model, 3);
    assert_gradients(model, false, false);
}

static void dropout_passes_the_gradient_where_it_kept_values(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 3, 5, 3, PADDING_VALID, ACTIVATION_RELU);
    chain_dropout(model, "dropout", 0.25f);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dropout(model, "dropout_1", 0.5f);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 4);
    assert_gradients(model, true, false);
}

/* A mixture of layers around BatchNormalization, with moving statistics that are not 0 and 1. */
static struct model *normalized(unsigned seed) {
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "a_norm", true);
    chain_layer(model, LAYER_RELU, "relu", ACTIVATION_RELU);
    chain_depthwise(model, "b", 2, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "b_norm", false);
    chain_layer(model, LAYER_RELU, "relu6", ACTIVATION_RELU6);
    chain_average(model, "average", 3, PADDING_SAME);
    chain_depthwise(model, "c", 1, 2, 1, PADDING_VALID, ACTIVATION_RELU);
    chain_layer(model, LAYER_GLOBAL_AVERAGE_POOLING2D, "global", ACTIVATION_LINEAR);
    chain_dense(model, "d", 12, ACTIVATION_LINEAR);
    chain_normalization(model, "d_norm", true);
    chain_layer(model, LAYER_ACTIVATION, "relu_1", ACTIVATION_RELU6);
    chain_dense(model, "e", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, seed);
    for (int i = 0; i < model->parameter_count; i++) {
        struct parameter *parameter = &model->parameters[i];
        float *values = model->weights + parameter->offset;
        bool is_beta = strstr(parameter->name, "/beta") != NULL;
        bool is_gamma = strstr(parameter->name, "/gamma") != NULL;
        bool is_variance = strstr(parameter->name, "variance") != NULL;
        for (size_t j = 0; j < parameter->count; j++)
            values[j] = is_gamma      ? 1.5f + 6 * values[j]
                        : is_variance ? 0.02f + 0.1f * fabsf(values[j])
                        : is_beta     ? 5 * values[j]
                                      : values[j];
    }
    return model;
}

static void batch_statistics_have_a_part_in_the_gradient_of_the_loss(void **state) {
    (void)state;
    assert_gradients(normalized(7), false, true);
}

static void moving_statistics_are_constants_in_the_gradient_of_the_loss(void **state) {
    (void)state;
    assert_gradients(normalized(8), false, false);
}

static void padding_reshaping_and_global_maxima_have_the_gradient_of_the_loss(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 4, 5, 4, PADDING_VALID, ACTIVATION_RELU);
    chain_padding(model, "pad", (const int[]){1, 2, 0, 3});
    chain_reshape(model, "reshape", (struct shape){.rank = 3, .size = {9, 6, 6}});
    chain_conv2d(model, "b", 5, 2, 1, PADDING_VALID, ACTIVATION_LINEAR);
    chain_layer(model, LAYER_GLOBAL_MAX_POOLING2D, "global", ACTIVATION_LINEAR);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 9);
    assert_gradients(model, false, false);
}

static void tensors_of_several_readers_have_the_gradient_of_the_loss(void **state) {
    (void)state;
    assert_gradients(work_residual(false), false, false);
    assert_gradients(work_residual(true), true, true);
}

static void sigmoid_and_tanh_have_the_gradient_of_the_loss(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 4, 5, 3, PADDING_VALID, ACTIVATION_SIGMOID);
    chain_max_pooling(model, "pool", 2);
    chain_depthwise(model, "b", 2, 2, 1, PADDING_VALID, ACTIVATION_TANH);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "c", 12, ACTIVATION_LINEAR);
    chain_layer(model, LAYER_ACTIVATION, "c_sigmoid", ACTIVATION_SIGMOID);
    chain_dense(model, "d", 11, ACTIVATION_TANH);
    chain_layer(model, LAYER_ACTIVATION, "d_tanh", ACTIVATION_TANH);
    chain_dense(model, "e", 9, ACTIVATION_SIGMOID);
    chain_dense(model, "f", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 10);
    assert_gradients(model, false, false);
}

static void dilated_convolutions_and_bent_relus_have_the_gradient_of_the_loss(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 4, 5, 3, PADDING_VALID, ACTIVATION_LINEAR);
    chain_dilated(model, LAYER_CONV2D, "b", 5, 3, 2, 1, PADDING_SAME);
    chain_layer(model, LAYER_RELU, "b_relu", ACTIVATION_RELU)->limit = 0.125f;
    chain_dilated(model, LAYER_DEPTHWISE_CONV2D, "c", 2, 2, 1, 3, PADDING_VALID);
    chain_layer(model, LAYER_LEAKY_RELU, "c_leaky", ACTIVATION_LINEAR)->slope = 0.25f;
    chain_average(model, "average", 2, PADDING_SAME);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "d", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 11);
    assert_gradients(model, false, false);
}

static void spatial_dropout_passes_the_gradient_of_the_channels_it_kept(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 7, 5, 3, PADDING_VALID, ACTIVATION_LINEAR);
    chain_layer(model, LAYER_SPATIAL_DROPOUT2D, "spatial", ACTIVATION_LINEAR)->rate = 0.25f;
    chain_conv2d(model, "b", 5, 3, 2, PADDING_VALID, ACTIVATION_RELU);
    chain_layer(model, LAYER_SPATIAL_DROPOUT2D, "spatial_1", ACTIVATION_LINEAR)->rate = 0.5f;
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 13);
    assert_gradients(model, true, false);
}

/* One channel of one pixel has the values 0, 1 and 5 in three digits. */
static void moving_statistics_move_towards_the_batch(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 1, 28, 1, PADDING_VALID, ACTIVATION_LINEAR);
    chain_normalization(model, "image", true);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "b", 1, ACTIVATION_LINEAR);
    chain_normalization(model, "row", true);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 5);
    float *kernel = model->weights + model->parameters[model->layers[1].kernel].offset;
    memset(kernel, 0, PIXELS * sizeof *kernel);
    kernel[0] = 1;
    struct work work;
    work_begin(&work, model, NULL);
    work.pass.batch_statistics = true;
    static const unsigned char firsts[DIGITS] = {0, 51, 255};
    for (int d = 0; d < DIGITS; d++) work.pixels[d * PIXELS] = firsts[d];
    work_run(&work);
    const struct normalization *image = &model->layers[2].normalization;
    float *mean = model->weights + model->parameters[image->moving_mean].offset;
    float *variance = model->weights + model->parameters[image->moving_variance].offset;
    *mean = 10;
    *variance = 20;
    double bias = (double)model->weights[model->parameters[model->layers[1].bias].offset];
    network_update_statistics(work.network, model->weights);
    assert_near(*mean, 0.99 * 10 + 0.01 * (bias + 0.4), 1e-6);
    /* 0, 0.2 and 1: unbiased (0.16 + 0.04 + 0.36) / 2 */
    assert_near(*variance, 0.99 * 20 + 0.01 * 0.28, 2e-6);
    /* Keras feeds rank 2 the biased variance: of what the first one gave, times the kernel */
    const struct normalization *row = &model->layers[5].normalization;
    double weight = (double)model->weights[model->parameters[model->layers[4].kernel].offset];
    double gamma = (double)model->weights[model->parameters[image->gamma].offset];
    double biased = 0.56 / 3, squared = biased / (biased + 0.001) * gamma * gamma * weight * weight;
    variance = model->weights + model->parameters[row->moving_variance].offset;
    double before = 3;
    *variance = (float)before;
    network_update_statistics(work.network, model->weights);
    assert_near(*variance, 0.99 * before + 0.01 * squared, 1e-6);
    work_end(&work);
    model_free(model);
}

static void end_without_softmax_or_with_any_kind_of_it_gives_the_same_loss(void **state) {
    (void)state;
    double losses[4];
    for (int kind = 0; kind < 4; kind++) {
        struct model *model = chain_begin();
        chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
        chain_dense(model, "a", 10, kind == 1 ? ACTIVATION_SOFTMAX : ACTIVATION_LINEAR);
        if (kind == 2) chain_layer(model, LAYER_SOFTMAX, "s", ACTIVATION_SOFTMAX);
        if (kind == 3) chain_layer(model, LAYER_ACTIVATION, "s", ACTIVATION_SOFTMAX);
        chain_finish(model, 5);
        struct work work;
        work_begin(&work, model, NULL);
        work_run(&work);
        losses[kind] = work.loss;
        work_end(&work);
        model_free(model);
    }
    assert_true(losses[0] > 0);
    for (int kind = 1; kind < 4; kind++) assert_true(losses[kind] == losses[0]);
}

/* One NaN in the first kernel reaches the loss and the gradient of every kernel after a sum. */
static void nan_passes_through_sums(void **state) {
    (void)state;
    struct model *model = work_residual(false);
    struct work work;
    model->weights[model->parameters[model->layers[1].kernel].offset] = NAN;
    work_begin(&work, model, NULL);
    work_run(&work);
    assert_true(isnan(work.loss));
    for (int l = 0; l < model->layer_count; l++)
        if (layer_has_kernel(&model->layers[l]))
            assert_true(isnan(work.gradient[model->parameters[model->layers[l].bias].offset]));
    work_end(&work);
    model_free(model);
}

/* ---- refusals ---- */

static void assert_refused(struct model *model, const char *where) {
    chain_finish(model, 1);
    struct network *network;
    struct error error;
    struct network_options options = {model, NULL, 1, 1, true};
    assert_int_equal(network_create(&network, &options, &error), STATUS_UNSUPPORTED);
    assert_null(network);
    assert_string_equal(error.where, where);
    model_free(model);
}

static void what_cannot_be_computed_is_refused_by_layer_name(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "inner", 10, ACTIVATION_SOFTMAX);
    chain_dense(model, "b", 10, ACTIVATION_SOFTMAX);
    assert_refused(model, "inner");

    model = chain_begin();
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "a", 10, ACTIVATION_LINEAR);
    chain_dense(model, "unused", 10, ACTIVATION_LINEAR);
    chain_branch(model, "a");
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    assert_refused(model, "unused");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(dense_with_and_without_relu_has_the_gradient_of_the_loss),
    cmocka_unit_test(convolutions_and_pooling_have_the_gradient_of_the_loss),
    cmocka_unit_test(separate_activations_have_the_gradient_of_the_loss),
    cmocka_unit_test(dropout_passes_the_gradient_where_it_kept_values),
    cmocka_unit_test(spatial_dropout_passes_the_gradient_of_the_channels_it_kept),
    cmocka_unit_test(batch_statistics_have_a_part_in_the_gradient_of_the_loss),
    cmocka_unit_test(moving_statistics_are_constants_in_the_gradient_of_the_loss),
    cmocka_unit_test(tensors_of_several_readers_have_the_gradient_of_the_loss),
    cmocka_unit_test(padding_reshaping_and_global_maxima_have_the_gradient_of_the_loss),
    cmocka_unit_test(sigmoid_and_tanh_have_the_gradient_of_the_loss),
    cmocka_unit_test(dilated_convolutions_and_bent_relus_have_the_gradient_of_the_loss),
    cmocka_unit_test(moving_statistics_move_towards_the_batch),
    cmocka_unit_test(end_without_softmax_or_with_any_kind_of_it_gives_the_same_loss),
    cmocka_unit_test(nan_passes_through_sums),
    cmocka_unit_test(what_cannot_be_computed_is_refused_by_layer_name),
};
TEST_MAIN(tests)
