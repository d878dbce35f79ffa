#include "kernel/reference.h"

#include "base/random.h"
#include "kernel/activation.h"

#include <math.h>

/* NaN passes: every comparison with it is false.  Clang 14 must not see the comparison with 0: it
 * would turn it into arm64's fmax, which makes 0 of -0. */
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

static float conv2d_output(const struct conv2d_forward *f, int n, int y, int x, int c) {
    const struct conv2d *s = f->shape;
    float sum = f->bias ? f->bias[c] : 0;
    for (int k_y = 0; k_y < s->kernel_height; k_y++) {
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int in_y = y * s->stride_y - s->pad_top + k_y * s->dilation_y;
            int in_x = x * s->stride_x - s->pad_left + k_x * s->dilation_x;
            if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
            const float *pixel =
                f->x + pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->in_channels);
            const float *tap = f->kernel + tap_at(s, k_y, k_x) + c;
            for (int i = 0; i < s->in_channels; i++)
                sum = fmaf(pixel[i], tap[(size_t)i * (size_t)s->out_channels], sum);
        }
    }
    return f->relu ? relu_of(sum) : sum;
}

void reference_conv2d_forward(const struct conv2d_forward *f) {
    const struct conv2d *s = f->shape;
    float *y = f->y;
    for (int n = 0; n < f->n; n++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int c = 0; c < s->out_channels; c++) *y++ = conv2d_output(f, n, i, j, c);
}

static float conv2d_input_gradient(const struct conv2d_backward *b, int n, int y, int x, int c) {
    const struct conv2d *s = b->shape;
    float sum = 0;
    for (int k_y = 0; k_y < s->kernel_height; k_y++) {
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int top = y + s->pad_top - k_y * s->dilation_y;
            int left = x + s->pad_left - k_x * s->dilation_x;
            if (top < 0 || left < 0 || top % s->stride_y || left % s->stride_x) continue;
            int out_y = top / s->stride_y, out_x = left / s->stride_x;
            if (!inside(out_y, out_x, s->out_height, s->out_width)) continue;
            const float *pixel =
                b->dy + pixel_at(n, out_y, out_x, s->out_height, s->out_width, s->out_channels);
            const float *tap =
                b->kernel + tap_at(s, k_y, k_x) + (size_t)c * (size_t)s->out_channels;
            for (int o = 0; o < s->out_channels; o++) sum = fmaf(pixel[o], tap[o], sum);
        }
    }
    return sum;
}

void reference_conv2d_backward_input(const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    float *dx = b->dx;
    for (int n = 0; n < b->n; n++)
        for (int i = 0; i < s->in_height; i++)
            for (int j = 0; j < s->in_width; j++)
                for (int c = 0; c < s->in_channels; c++)
                    *dx++ = conv2d_input_gradient(b, n, i, j, c);
}

/* The sum over all output pixels of tap (k_y, k_x)'s input in channel c times dy in channel o. */
static float kernel_gradient(const struct conv2d_backward *b, int k_y, int k_x, int c, int o) {
    const struct conv2d *s = b->shape;
    float sum = 0;
    for (int n = 0; n < b->n; n++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++) {
                int in_y = i * s->stride_y - s->pad_top + k_y * s->dilation_y;
                int in_x = j * s->stride_x - s->pad_left + k_x * s->dilation_x;
                if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
                size_t from = pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->in_channels);
                size_t to = pixel_at(n, i, j, s->out_height, s->out_width, s->out_channels);
                sum = fmaf(b->x[from + (size_t)c], b->dy[to + (size_t)o], sum);
            }
    return sum;
}

void reference_conv2d_backward_kernel(const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    float *dkernel = b->dkernel;
    for (int k_y = 0; k_y < s->kernel_height; k_y++)
        for (int k_x = 0; k_x < s->kernel_width; k_x++)
            for (int c = 0; c < s->in_channels; c++)
                for (int o = 0; o < s->out_channels; o++)
                    *dkernel++ = kernel_gradient(b, k_y, k_x, c, o);
}

/* Kernel index of tap (k_y, k_x) of output channel 0. */
static size_t depthwise_tap(const struct conv2d *s, int k_y, int k_x) {
    return ((size_t)k_y * (size_t)s->kernel_width + (size_t)k_x) * (size_t)s->out_channels;
}

static float depthwise_output(const struct conv2d_forward *f, int n, int y, int x, int o) {
    const struct conv2d *s = f->shape;
    int c = o / (s->out_channels / s->in_channels);
    float sum = f->bias ? f->bias[o] : 0;
    for (int k_y = 0; k_y < s->kernel_height; k_y++)
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int in_y = y * s->stride_y - s->pad_top + k_y * s->dilation_y;
            int in_x = x * s->stride_x - s->pad_left + k_x * s->dilation_x;
            if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
            size_t at = pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->in_channels);
            sum =
                fmaf(f->x[at + (size_t)c], f->kernel[depthwise_tap(s, k_y, k_x) + (size_t)o], sum);
        }
    return f->relu ? relu_of(sum) : sum;
}

void reference_depthwise_forward(const struct conv2d_forward *f) {
    const struct conv2d *s = f->shape;
    float *y = f->y;
    for (int n = 0; n < f->n; n++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int o = 0; o < s->out_channels; o++) *y++ = depthwise_output(f, n, i, j, o);
}

static float depthwise_input_gradient(const struct conv2d_backward *b, int n, int y, int x, int c) {
    const struct conv2d *s = b->shape;
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
                sum = fmaf(b->dy[at + o], b->kernel[depthwise_tap(s, k_y, k_x) + o], sum);
            }
        }
    return sum;
}

void reference_depthwise_backward_input(const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    float *dx = b->dx;
    for (int n = 0; n < b->n; n++)
        for (int i = 0; i < s->in_height; i++)
            for (int j = 0; j < s->in_width; j++)
                for (int c = 0; c < s->in_channels; c++)
                    *dx++ = depthwise_input_gradient(b, n, i, j, c);
}

void reference_depthwise_backward_kernel(const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    int multiplier = s->out_channels / s->in_channels;
    float *dkernel = b->dkernel;
    for (int k_y = 0; k_y < s->kernel_height; k_y++)
        for (int k_x = 0; k_x < s->kernel_width; k_x++)
            for (int o = 0; o < s->out_channels; o++)
                *dkernel++ = kernel_gradient(b, k_y, k_x, o / multiplier, o);
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

/* Chains in blocks of 128 rows: sum of a, or, with mean, of (a - mean) * b. */
static float channel_sum(const struct channel_sums *s, size_t c, const float *a, const float *mean,
                         const float *b) {
    const size_t block = 128;
    float total = 0;
    for (size_t begin = 0; begin < s->rows; begin += block) {
        size_t end = s->rows - begin < block ? s->rows : begin + block;
        float sum = 0;
        for (size_t i = begin * s->channels + c; i < end * s->channels; i += s->channels) {
            float difference = mean ? a[i] - mean[c] : 0;
            sum = mean ? fmaf(difference, b ? b[i] : difference, sum) : sum + a[i];
        }
        total += sum;
    }
    return total;
}

void reference_channel_sums(const struct channel_sums *s) {
    for (size_t c = 0; c < s->channels; c++) {
        if (s->dy) {
            s->sums[c] = channel_sum(s, c, s->dy, NULL, NULL);
            s->products[c] = channel_sum(s, c, s->x, s->mean, s->dy);
        } else {
            s->sums[c] = channel_sum(s, c, s->x, s->mean, NULL);
        }
    }
}

void reference_channel_magnitudes(size_t rows, size_t channels, const float *x, float *largest) {
    for (size_t c = 0; c < channels; c++) {
        largest[c] = 0;
        for (size_t r = 0; r < rows; r++)
            if (fabsf(x[r * channels + c]) > largest[c]) largest[c] = fabsf(x[r * channels + c]);
    }
}

void reference_channel_normalize(const struct channel_normalize *n) {
    for (size_t i = 0; i < n->rows * n->channels; i++) {
        size_t c = i % n->channels;
        n->y[i] = fmaf(n->x[i] - n->mean[c], n->factor[c], n->shift[c]);
    }
    if (!n->clips) return;
    reference_clip_forward(n->rows * n->channels, n->y, n->limit, n->y);
    reference_min_max(n->rows * n->channels, n->y, &n->range[0], &n->range[1]);
}

void reference_channel_normalize_backward(const struct channel_normalize_backward *b) {
    for (size_t i = 0; i < b->rows * b->channels; i++) {
        size_t c = i % b->channels;
        b->dx[i] =
            fmaf(b->mean[c] - b->x[i], b->dy_slope[c], b->dy[i] - b->dy_mean[c]) * b->factor[c];
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

/* The largest of window (y, x)'s cells of image n in channel c, and which cell it is. */
static float pool_window(const struct max_pool_forward *f, int n, int y, int x, int c,
                         unsigned char *where) {
    const struct pooling *s = f->shape;
    float largest = 0;
    bool any = false;
    for (int w_y = 0; w_y < s->window_height; w_y++) {
        for (int w_x = 0; w_x < s->window_width; w_x++) {
            int in_y = y * s->stride_y - s->pad_top + w_y;
            int in_x = x * s->stride_x - s->pad_left + w_x;
            if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
            float v =
                f->x[pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->channels) + (size_t)c];
            if (f->fake_quant) reference_fake_quant_tensor(1, &v, f->fake_quant, &v);
            if (any && !(v > largest) && !isnan(v)) continue;
            any = true;
            largest = v;
            *where = (unsigned char)(w_y * s->window_width + w_x);
        }
    }
    return largest;
}

void reference_max_pool_forward(const struct max_pool_forward *f) {
    const struct pooling *s = f->shape;
    unsigned char unused, *where = f->where;
    float *y = f->y;
    for (int n = 0; n < f->n; n++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int c = 0; c < s->channels; c++)
                    *y++ = pool_window(f, n, i, j, c, where ? where++ : &unused);
}

void reference_max_pool_backward(const struct max_pool_backward *b) {
    const struct pooling *s = b->shape;
    const unsigned char *where = b->where;
    const float *dy = b->dy;
    size_t inputs = pixel_at(b->n, 0, 0, s->in_height, s->in_width, s->channels);
    for (size_t i = 0; i < inputs; i++) b->dx[i] = 0;
    for (int n = 0; n < b->n; n++)
        for (int i = 0; i < s->out_height; i++)
            for (int j = 0; j < s->out_width; j++)
                for (int c = 0; c < s->channels; c++, where++, dy++) {
                    int in_y = i * s->stride_y - s->pad_top + *where / s->window_width;
                    int in_x = j * s->stride_x - s->pad_left + *where % s->window_width;
                    b->dx[pixel_at(n, in_y, in_x, s->in_height, s->in_width, s->channels) +
                          (size_t)c] += *dy;
                }
    if (b->fake_quant)
        reference_fake_quant_tensor_backward(inputs, b->x, b->fake_quant, b->relu, b->dx, b->dx);
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
