#include "kernel/reference.h"

#include "base/random.h"
#include "kernel/curve.h"

#include <math.h>

/* NaN passes: no comparison with it is true.  Clang 14 must not see the comparison with 0: it makes
 * arm64's fmax of it, and so 0 of -0. */
static float relu_of(float x) {
    int negative = x < 0;
#if defined(__GNUC__)
    __asm__("" : "+r"(negative));
#endif
    return negative ? 0 : x;
}

void reference_gemm(const struct gemm *g) {
    for (size_t i = 0; i < g->m; i++) {
        for (size_t j = 0; j < g->n; j++) {
            float sum = g->bias ? g->bias[j] : 0;
            for (size_t p = 0; p < g->k; p++)
                sum = fmaf(g->a[i * g->a_row + p * g->a_column],
                           g->b[p * g->b_row + j * g->b_column], sum);
            g->c[i * g->n + j] = g->relu ? relu_of(sum) : sum;
        }
    }
}

/* Index of pixel (n, y, x), channel 0, in a tensor [n][height][width][channels]. */
static size_t pixel_at(int n, int y, int x, int height, int width, int channels) {
    return (((size_t)n * (size_t)height + (size_t)y) * (size_t)width + (size_t)x) *
           (size_t)channels;
}

static bool inside(int y, int x, int height, int width) {
    return y >= 0 && y < height && x >= 0 && x < width;
}

/* Index of kernel[k_y][k_x][0][0]. */
static size_t tap_at(const struct conv2d *s, int k_y, int k_x) {
    return ((size_t)k_y * (size_t)s->kernel_width + (size_t)k_x) * (size_t)s->in_channels *
           (size_t)s->out_channels;
}

static float conv2d_output(const struct conv2d *s, int n, int y, int x, int c, const float *in,
                           const float *kernel, float sum) {
    for (int k_y = 0; k_y < s->kernel_height; k_y++) {
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int in_y = y * s->stride_y - s->pad_top + k_y * s->dilation_y;
            int in_x = x * s->stride_x - s->pad_left + k_x * s->dilation_x;
            if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
            const float *pixel =
                in + pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->in_channels);
            const float *tap = kernel + tap_at(s, k_y, k_x) + c;
            for (int i = 0; i < s->in_channels; i++)
                sum = fmaf(pixel[i], tap[(size_t)i * (size_t)s->out_channels], sum);
        }
    }
    return sum;
}

void reference_conv2d_forward(const struct conv2d *s, int n, const float *x, const float *kernel,
                              const float *bias, bool relu, float *y) {
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int c = 0; c < s->out_channels; c++) {
                    float sum = conv2d_output(s, b, i, j, c, x, kernel, bias ? bias[c] : 0);
                    *y++ = relu ? relu_of(sum) : sum;
                }
}

static float conv2d_input_gradient(const struct conv2d *s, int n, int y, int x, int c,
                                   const float *dy, const float *kernel) {
    float sum = 0;
    for (int k_y = 0; k_y < s->kernel_height; k_y++) {
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int top = y + s->pad_top - k_y * s->dilation_y;
            int left = x + s->pad_left - k_x * s->dilation_x;
            if (top < 0 || left < 0 || top % s->stride_y || left % s->stride_x) continue;
            int out_y = top / s->stride_y, out_x = left / s->stride_x;
            if (!inside(out_y, out_x, s->out_height, s->out_width)) continue;
            const float *pixel =
                dy + pixel_at(n, out_y, out_x, s->out_height, s->out_width, s->out_channels);
            const float *tap = kernel + tap_at(s, k_y, k_x) + (size_t)c * (size_t)s->out_channels;
            for (int o = 0; o < s->out_channels; o++) sum = fmaf(pixel[o], tap[o], sum);
        }
    }
    return sum;
}

void reference_conv2d_backward_input(const struct conv2d *s, int n, const float *dy,
                                     const float *kernel, float *dx) {
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->in_height; i++)
            for (int j = 0; j < s->in_width; j++)
                for (int c = 0; c < s->in_channels; c++)
                    *dx++ = conv2d_input_gradient(s, b, i, j, c, dy, kernel);
}

static float conv2d_kernel_gradient(const struct conv2d *s, int n, int k_y, int k_x, int c, int o,
                                    const float *x, const float *dy) {
    float sum = 0;
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++) {
                int in_y = i * s->stride_y - s->pad_top + k_y * s->dilation_y;
                int in_x = j * s->stride_x - s->pad_left + k_x * s->dilation_x;
                if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
                size_t from = pixel_at(b, in_y, in_x, s->in_height, s->in_width, s->in_channels);
                size_t to = pixel_at(b, i, j, s->out_height, s->out_width, s->out_channels);
                sum = fmaf(x[from + (size_t)c], dy[to + (size_t)o], sum);
            }
    return sum;
}

void reference_conv2d_backward_kernel(const struct conv2d *s, int n, const float *x,
                                      const float *dy, float *dkernel) {
    for (int k_y = 0; k_y < s->kernel_height; k_y++)
        for (int k_x = 0; k_x < s->kernel_width; k_x++)
            for (int c = 0; c < s->in_channels; c++)
                for (int o = 0; o < s->out_channels; o++)
                    *dkernel++ = conv2d_kernel_gradient(s, n, k_y, k_x, c, o, x, dy);
}

/* Kernel index of tap (k_y, k_x) of output channel 0. */
static size_t depthwise_tap(const struct conv2d *s, int k_y, int k_x) {
    return ((size_t)k_y * (size_t)s->kernel_width + (size_t)k_x) * (size_t)s->out_channels;
}

static float depthwise_output(const struct conv2d *s, int n, int y, int x, int o, const float *in,
                              const float *kernel, float sum) {
    int c = o / (s->out_channels / s->in_channels);
    for (int k_y = 0; k_y < s->kernel_height; k_y++)
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int in_y = y * s->stride_y - s->pad_top + k_y * s->dilation_y;
            int in_x = x * s->stride_x - s->pad_left + k_x * s->dilation_x;
            if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
            size_t at = pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->in_channels);
            sum = fmaf(in[at + (size_t)c], kernel[depthwise_tap(s, k_y, k_x) + (size_t)o], sum);
        }
    return sum;
}

void reference_depthwise_forward(const struct conv2d *s, int n, const float *x, const float *kernel,
                                 const float *bias, bool relu, float *y) {
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int o = 0; o < s->out_channels; o++) {
                    float sum = depthwise_output(s, b, i, j, o, x, kernel, bias ? bias[o] : 0);
                    *y++ = relu ? relu_of(sum) : sum;
                }
}

static float depthwise_input_gradient(const struct conv2d *s, int n, int y, int x, int c,
                                      const float *dy, const float *kernel) {
    int multiplier = s->out_channels / s->in_channels;
    float sum = 0;
    for (int k_y = 0; k_y < s->kernel_height; k_y++)
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int top = y + s->pad_top - k_y * s->dilation_y;
            int left = x + s->pad_left - k_x * s->dilation_x;
            if (top < 0 || left < 0 || top % s->stride_y || left % s->stride_x) continue;
            int out_y = top / s->stride_y, out_x = left / s->stride_x;
            if (!inside(out_y, out_x, s->out_height, s->out_width)) continue;
            size_t at = pixel_at(n, out_y, out_x, s->out_height, s->out_width, s->out_channels);
            for (int m = 0; m < multiplier; m++) {
                size_t o = (size_t)c * (size_t)multiplier + (size_t)m;
                sum = fmaf(dy[at + o], kernel[depthwise_tap(s, k_y, k_x) + o], sum);
            }
        }
    return sum;
}

void reference_depthwise_backward_input(const struct conv2d *s, int n, const float *dy,
                                        const float *kernel, float *dx) {
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->in_height; i++)
            for (int j = 0; j < s->in_width; j++)
                for (int c = 0; c < s->in_channels; c++)
                    *dx++ = depthwise_input_gradient(s, b, i, j, c, dy, kernel);
}

static float depthwise_kernel_gradient(const struct conv2d *s, int n, int k_y, int k_x, int o,
                                       const float *x, const float *dy) {
    int c = o / (s->out_channels / s->in_channels);
    float sum = 0;
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++) {
                int in_y = i * s->stride_y - s->pad_top + k_y * s->dilation_y;
                int in_x = j * s->stride_x - s->pad_left + k_x * s->dilation_x;
                if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
                size_t from = pixel_at(b, in_y, in_x, s->in_height, s->in_width, s->in_channels);
                size_t to = pixel_at(b, i, j, s->out_height, s->out_width, s->out_channels);
                sum = fmaf(x[from + (size_t)c], dy[to + (size_t)o], sum);
            }
    return sum;
}

void reference_depthwise_backward_kernel(const struct conv2d *s, int n, const float *x,
                                         const float *dy, float *dkernel) {
    for (int k_y = 0; k_y < s->kernel_height; k_y++)
        for (int k_x = 0; k_x < s->kernel_width; k_x++)
            for (int o = 0; o < s->out_channels; o++)
                *dkernel++ = depthwise_kernel_gradient(s, n, k_y, k_x, o, x, dy);
}

static bool holds(int output, int window, int stride, int pad, int cell) {
    int first = output * stride - pad;
    return first <= cell && cell < first + window;
}

/* How many cells of one axis of a window lie inside the image. */
static int cells_inside(int output, int window, int stride, int pad, int in) {
    int count = 0;
    for (int cell = 0; cell < in; cell++) count += holds(output, window, stride, pad, cell);
    return count;
}

static float pool_count(const struct pooling *s, int y, int x) {
    return (float)(cells_inside(y, s->window_height, s->stride_y, s->pad_top, s->in_height) *
                   cells_inside(x, s->window_width, s->stride_x, s->pad_left, s->in_width));
}

static bool pool_holds(const struct pooling *s, int y, int x, int in_y, int in_x) {
    return holds(y, s->window_height, s->stride_y, s->pad_top, in_y) &&
           holds(x, s->window_width, s->stride_x, s->pad_left, in_x);
}

static float average(const struct pooling *s, int n, int y, int x, int c, const float *in) {
    float sum = 0;
    for (int in_y = 0; in_y < s->in_height; in_y++)
        for (int in_x = 0; in_x < s->in_width; in_x++)
            if (pool_holds(s, y, x, in_y, in_x))
                sum +=
                    in[pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->channels) + (size_t)c];
    return sum / pool_count(s, y, x);
}

void reference_average_pool_forward(const struct pooling *s, int n, const float *x, float *y) {
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int c = 0; c < s->channels; c++) *y++ = average(s, b, i, j, c, x);
}

static float average_gradient(const struct pooling *s, int n, int in_y, int in_x, int c,
                              const float *dy) {
    float sum = 0;
    for (int y = 0; y < s->out_height; y++)
        for (int x = 0; x < s->out_width; x++)
            if (pool_holds(s, y, x, in_y, in_x))
                sum += dy[pixel_at(n, y, x, s->out_height, s->out_width, s->channels) + (size_t)c] /
                       pool_count(s, y, x);
    return sum;
}

void reference_average_pool_backward(const struct pooling *s, int n, const float *dy, float *dx) {
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->in_height; i++)
            for (int j = 0; j < s->in_width; j++)
                for (int c = 0; c < s->channels; c++) *dx++ = average_gradient(s, b, i, j, c, dy);
}

static float channel_block(size_t begin, size_t end, size_t channels, size_t c, const float *x,
                           const float *mean, const float *dy) {
    float sum = 0;
    for (size_t r = begin; r < end; r++) {
        float v = x[r * channels + c];
        if (!mean)
            sum += v;
        else
            sum = fmaf(v - mean[c], dy ? dy[r * channels + c] : v - mean[c], sum);
    }
    return sum;
}

void reference_channel_sums(size_t rows, size_t channels, const float *x, const float *mean,
                            const float *dy, float *sums) {
    const size_t block = 128;
    for (size_t c = 0; c < channels; c++) {
        float sum = 0;
        for (size_t r = 0; r < rows; r += block)
            sum += channel_block(r, rows - r < block ? rows : r + block, channels, c, x, mean, dy);
        sums[c] = sum;
    }
}

void reference_channel_magnitudes(size_t rows, size_t channels, const float *x, float *largest) {
    for (size_t c = 0; c < channels; c++) {
        largest[c] = 0;
        for (size_t r = 0; r < rows; r++)
            if (fabsf(x[r * channels + c]) > largest[c]) largest[c] = fabsf(x[r * channels + c]);
    }
}

void reference_channel_normalize(size_t rows, size_t channels, const float *x, const float *mean,
                                 const float *factor, const float *shift, float *y) {
    for (size_t i = 0; i < rows * channels; i++) {
        size_t c = i % channels;
        y[i] = fmaf(x[i] - mean[c], factor[c], shift[c]);
    }
}

void reference_channel_normalize_backward(size_t rows, size_t channels, const float *x,
                                          const float *mean, const float *factor,
                                          const float *by_mean, const float *by_x, const float *dy,
                                          float *dx) {
    for (size_t i = 0; i < rows * channels; i++) {
        size_t c = i % channels;
        dx[i] = fmaf(mean[c] - x[i], by_x[c], dy[i] - by_mean[c]) * factor[c];
    }
}

void reference_clip_forward(size_t count, const float *x, float limit, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = x[i] > limit ? limit : relu_of(x[i]);
}

void reference_clip_backward(size_t count, const float *x, float limit, const float *dy,
                             float *dx) {
    for (size_t i = 0; i < count; i++) dx[i] = x[i] <= 0 || x[i] >= limit ? 0 : dy[i];
}

void reference_leaky_forward(size_t count, const float *x, float slope, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = x[i] > 0 ? x[i] : x[i] * slope;
}

void reference_leaky_backward(size_t count, const float *x, float slope, const float *dy,
                              float *dx) {
    for (size_t i = 0; i < count; i++) dx[i] = x[i] > 0 ? dy[i] : dy[i] * slope;
}

void reference_sigmoid_forward(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = sigmoid_float(x[i]);
}

void reference_sigmoid_backward(size_t count, const float *y, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i++) dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

void reference_tanh_forward(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = tanh_float(x[i]);
}

void reference_tanh_backward(size_t count, const float *y, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

void reference_column_sums(size_t rows, size_t columns, const float *dy, float *dbias) {
    for (size_t c = 0; c < columns; c++) {
        float sum = 0;
        for (size_t r = 0; r < rows; r++) sum += dy[r * columns + c];
        dbias[c] = sum;
    }
}

static void pool_window(const struct pooling *s, int n, int y, int x, int c, const float *in,
                        float *out, unsigned char *where) {
    bool any = false;
    for (int w_y = 0; w_y < s->window_height; w_y++) {
        for (int w_x = 0; w_x < s->window_width; w_x++) {
            int in_y = y * s->stride_y - s->pad_top + w_y;
            int in_x = x * s->stride_x - s->pad_left + w_x;
            if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
            float v =
                in[pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->channels) + (size_t)c];
            if (any && !(v > *out) && !isnan(v)) continue;
            any = true;
            *out = v;
            *where = (unsigned char)(w_y * s->window_width + w_x);
        }
    }
}

void reference_max_pool_forward(const struct pooling *s, int n, const float *x, float *y,
                                unsigned char *where) {
    unsigned char unused;
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int c = 0; c < s->channels; c++)
                    pool_window(s, b, i, j, c, x, y++, where ? where++ : &unused);
}

void reference_max_pool_backward(const struct pooling *s, int n, const float *dy,
                                 const unsigned char *where, float *dx) {
    size_t inputs = pixel_at(n, 0, 0, s->in_height, s->in_width, s->channels);
    for (size_t i = 0; i < inputs; i++) dx[i] = 0;
    for (int b = 0; b < n; b++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int c = 0; c < s->channels; c++, where++, dy++) {
                    int in_y = i * s->stride_y - s->pad_top + *where / s->window_width;
                    int in_x = j * s->stride_x - s->pad_left + *where % s->window_width;
                    dx[pixel_at(b, in_y, in_x, s->in_height, s->in_width, s->channels) +
                       (size_t)c] += *dy;
                }
}

void reference_min_max(size_t count, const float *x, float *min, float *max) {
    float low = x[0], high = x[0];
    for (size_t i = 0; i < count; i++) {
        if (isnan(x[i])) {
            *min = *max = x[i];
            return;
        }
        if (x[i] < low) low = x[i];
        if (x[i] > high) high = x[i];
    }
    *min = low + 0.0f; /* -0 becomes 0 */
    *max = high + 0.0f;
}

static float clamp(float x, float low, float high) {
    x = x > high ? high : x;
    return x < low ? low : x;
}

void reference_fake_quant_tensor(size_t count, const float *x, const struct fake_quant *by,
                                 float *y) {
    for (size_t i = 0; i < count; i++) {
        float c = clamp(x[i], by->nudged_min, by->nudged_max) - by->nudged_min;
        y[i] = by->is_zero ? 0 : floorf(c / by->scale - by->quant_zero + 0.5f) * by->scale;
    }
}

void reference_fake_quant_channels(size_t rows, size_t channels, const float *x,
                                   const struct fake_quant *by, float *y) {
    for (size_t i = 0; i < rows * channels; i++) {
        const struct fake_quant *q = &by[i % channels];
        float c = clamp(x[i], q->nudged_min, q->nudged_max) - q->nudged_min;
        y[i] = q->is_zero ? 0 : floorf(c * q->inv_scale - q->quant_zero + 0.5f) * q->scale;
    }
}

void reference_fake_quant_tensor_backward(size_t count, const float *x, const struct fake_quant *by,
                                          bool relu, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i++) {
        bool passes = by->is_zero || (x[i] >= by->nudged_min && x[i] <= by->nudged_max);
        if (relu && x[i] <= 0) passes = false;
        dx[i] = passes ? dy[i] : 0;
    }
}

void reference_fake_quant_channels_backward(size_t rows, size_t channels, const float *x,
                                            const struct fake_quant *by, const float *dy,
                                            float *dx) {
    for (size_t i = 0; i < rows * channels; i++) {
        const struct fake_quant *q = &by[i % channels];
        bool passes = q->is_zero || (x[i] >= q->nudged_min && x[i] <= q->nudged_max);
        dx[i] = passes ? dy[i] : 0;
    }
}

void reference_add_tensors(size_t count, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

void reference_relu_forward(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = relu_of(x[i]);
}

void reference_relu_backward(size_t count, const float *x, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i++) dx[i] = x[i] <= 0 ? 0 : dy[i];
}

void reference_adam_update(size_t count, const struct adam *by, const float *gradient, float *m,
                           float *v, float *weights) {
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i];
        m[i] += (g - m[i]) * by->one_minus_beta1;
        v[i] += (g * g - v[i]) * by->one_minus_beta2;
        weights[i] -= (m[i] * by->alpha) / (sqrtf(v[i]) + by->epsilon);
    }
}

void reference_dropout_factors(size_t count, const struct dropout *by, float *factors) {
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        random_philox(by->seed, RANDOM_DROPOUT, by->counter, (uint32_t)(i / 4), words);
        factors[i] = random_unit(words[i % 4]) >= by->rate ? 1.0f / (1.0f - by->rate) : 0.0f;
    }
}

void reference_dropout_multiply(size_t count, const float *x, const float *by, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = x[i] * by[i];
}

void reference_pixels_to_float(size_t count, const unsigned char *pixels, float *x) {
    for (size_t i = 0; i < count; i++) x[i] = (float)pixels[i] / 255.0f;
}
