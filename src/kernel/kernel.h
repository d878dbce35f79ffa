/* kernel: float kernels over dense arrays; every result is a fixed sequence of IEEE operations per
 * output element, whatever the vector width, tiling or number of threads.
 *
 * Sums of products are chains of fused multiply-adds in ascending order of the summed index,
 * starting from the bias (or 0):  acc = fma(a[k], b[k], acc).  Everything else is unfused.
 * reference.h holds the plain C definition of each kernel.
 *
 * NaN is never lost: clamping and relu let it through (relu(x) = x < 0 ? 0 : x, so -0 stays -0),
 * a maximum or minimum over values with a NaN is NaN.  Which NaN (sign, payload) is not specified.
 *
 * Caller owns all buffers; they come from array_new (64-byte aligned, readable 64 bytes past the
 * end).  n is the number of images in the batch and always the slowest index.  A kernel with many
 * arguments takes them in a struct of its own name.  dx is the gradient of the loss with respect to
 * x, and so on; gradients are overwritten, not added to.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

/* c[m][n] = bias[n] + sum over k of a(m, k) * b(k, n)
 * a(m, k) = a[m * a_row + k * a_column], b(k, n) = b[k * b_row + n * b_column], c row-major.
 * bias may be NULL (0).  relu: c = c < 0 ? 0 : c afterwards. */
struct gemm {
    size_t m, n, k;
    const float *a;
    size_t a_row, a_column;
    const float *b;
    size_t b_row, b_column;
    const float *bias;
    bool relu;
    float *c;       /* row stride n */
    float *scratch; /* gemm_scratch_size floats */
    float *range;   /* receives min_max of c in [0] and [1] at no extra cost; or NULL */
};
size_t gemm_scratch_size(size_t n, size_t k, int threads); /* in floats */
void gemm(struct pool *pool, const struct gemm *g);

/* Geometry of a convolution.  The caller computes output size and padding (see conv2d_geometry), so
 * that every kernel sees the same numbers. */
struct conv2d {
    int in_height, in_width, in_channels;
    int out_height, out_width, out_channels;
    int kernel_height, kernel_width;
    int stride_y, stride_x, dilation_y, dilation_x;
    int pad_top, pad_left; /* rows and columns of zeros before the image */
};

/* Compute out_height, out_width, pad_top, pad_left from the rest; same: Keras 'same' padding. */
void conv2d_geometry(struct conv2d *shape, bool same);

/* y = convolution of x with kernel, plus bias:
 * x[n][in_h][in_w][in_c], kernel[k_h][k_w][in_c][out_c], bias[out_c], y[n][out_h][out_w][out_c].
 * Per output element the chain runs over k_y, k_x, in_c; taps outside the image are skipped. */
struct conv2d_forward {
    const struct conv2d *shape;
    int n;
    const float *x, *kernel, *bias; /* bias may be NULL (0) */
    bool relu;                      /* as in gemm */
    float *y;
    float *range;   /* as in gemm; may be NULL */
    float *scratch; /* conv2d_scratch_size floats */
};
size_t conv2d_scratch_size(const struct conv2d *shape, int threads); /* floats, either direction */
void conv2d_forward(struct pool *pool, const struct conv2d_forward *f);

/* The way back; each function reads and writes what its comment names.
 * Where dy is mostly 0, as it is below a max pooling, both may leave its zeros out, which changes
 * nothing but the sign of a 0, as long as x and the kernel are finite. */
struct conv2d_backward {
    const struct conv2d *shape;
    int n;
    const float *x, *kernel, *dy;
    float *dx, *dkernel;
    float *scratch; /* as forward */
};
/* dx from dy and kernel: per element the chain runs over k_y, k_x, out_c. */
void conv2d_backward_input(struct pool *pool, const struct conv2d_backward *b);
/* dkernel[k_h][k_w][in_c][out_c] from x and dy: per element the chain runs over n, y, x. */
void conv2d_backward_kernel(struct pool *pool, const struct conv2d_backward *b);

/* Depthwise convolution: output channel o reads only input channel o / multiplier, multiplier =
 * out_channels / in_channels.  kernel[k_h][k_w][out_c].  Chains run over k_y, k_x; for dx over
 * k_y, k_x and then the multiplier's outputs; for dkernel over n, y, x.  Neither range nor scratch
 * is used. */
void depthwise_forward(struct pool *pool, const struct conv2d_forward *f);
void depthwise_backward_input(struct pool *pool, const struct conv2d_backward *b);
void depthwise_backward_kernel(struct pool *pool, const struct conv2d_backward *b);

/* dbias[c] = sum over rows of dy[row][c], ascending, plain additions. */
void column_sums(struct pool *pool, size_t rows, size_t columns, const float *dy, float *dbias);

/* Fake quantization with parameters from quant/qparams.h.  The formula and its two orders of
 * operations (divide by the scale: per tensor; multiply by the inverse: per channel) are
 * TensorFlow's.
 *   per tensor:  y = floor((clamp(x) - nudged_min) / scale      - quant_zero + 0.5) * scale
 *   per channel: y = floor((clamp(x) - nudged_min) * inv_scale  - quant_zero + 0.5) * scale
 * NaN stays NaN (TensorFlow turns it into nudged_max), except where is_zero. */
struct fake_quant {
    float nudged_min, nudged_max, scale, inv_scale, quant_zero;
    bool is_zero; /* the range is (0, 0): y = 0, and the gradient passes */
};

struct pooling {
    int in_height, in_width, channels, out_height, out_width;
    int window_height, window_width, stride_y, stride_x;
    int pad_top, pad_left;
};
void pooling_geometry(struct pooling *shape, bool same);

/* Max pooling; where[...] receives the index (row-major, within the window, at most 256 cells) of
 * the first maximum.  A NaN beats any number, the last NaN the others.  Cells outside the image do
 * not count; every window must hold at least one cell of the image.
 *
 * With fake_quant, x is quantized first: equal to the bit to fake_quant_tensor followed by max
 * pooling, and on the way back to max pooling's gradient followed by fake_quant_tensor_backward.
 * Use it when nothing else reads the quantized x: it is then never stored, which saves two passes
 * over the largest tensors. */
struct max_pool_forward {
    const struct pooling *shape;
    int n;
    const float *x;
    const struct fake_quant *fake_quant; /* NULL: none */
    float *y;
    unsigned char *where; /* may be NULL */
};
struct max_pool_backward {
    const struct pooling *shape;
    int n;
    const float *x;                      /* as forward, after relu; read with fake_quant only */
    const struct fake_quant *fake_quant; /* as forward */
    bool relu;                           /* as in fake_quant_tensor_backward */
    const float *dy;
    const unsigned char *where;
    float *dx;
};
void max_pool_forward(struct pool *pool, const struct max_pool_forward *f);
void max_pool_backward(struct pool *pool, const struct max_pool_backward *b);

/* y = mean of the window's cells that lie inside the image, summed row by row from 0.  dx = sum
 * over the windows that contain the cell, row by row from 0, of dy divided by the number of cells
 * in that window.  Windows may have any size. */
void average_pool_forward(struct pool *pool, const struct pooling *shape, int n, const float *x,
                          float *y);
void average_pool_backward(struct pool *pool, const struct pooling *shape, int n, const float *dy,
                           float *dx);

/* Smallest and largest of x[count], both NaN if any is NaN; exact, so the order does not matter.
 * -0 counts as 0 and is returned as 0.  count > 0. */
void min_max(struct pool *pool, size_t count, const float *x, float *min, float *max);

/* y[i] = fake quantization of x[i], one set of parameters; y may be x. */
void fake_quant_tensor(struct pool *pool, size_t count, const float *x, const struct fake_quant *by,
                       float *y);
/* x[rows][channels], one struct per channel. */
void fake_quant_channels(struct pool *pool, size_t rows, size_t channels, const float *x,
                         const struct fake_quant *by, float *y);
/* Straight-through: dx = dy where nudged_min <= x <= nudged_max, else 0.  dx may be dy.
 * relu: also 0 where x <= 0 (x is then the activation's output before fake quantization). */
void fake_quant_tensor_backward(struct pool *pool, size_t count, const float *x,
                                const struct fake_quant *by, bool relu, const float *dy, float *dx);
void fake_quant_channels_backward(struct pool *pool, size_t rows, size_t channels, const float *x,
                                  const struct fake_quant *by, const float *dy, float *dx);

/* y = a + b; y may be either.  range: min_max of y, from the same pass; may be NULL. */
void add_tensors(struct pool *pool, size_t count, const float *a, const float *b, float *y,
                 float range[2]);

/* y = x < 0 ? 0 : x;  dx = x <= 0 ? 0 : dy.  In place is fine. */
void relu_forward(struct pool *pool, size_t count, const float *x, float *y);
void relu_backward(struct pool *pool, size_t count, const float *x, const float *dy, float *dx);

/* y = x < 0 ? 0 : x > limit ? limit : x;  dx = x <= 0 || x >= limit ? 0 : dy.  In place is fine;
 * x may be the output of clip_forward. */
void clip_forward(struct pool *pool, size_t count, const float *x, float limit, float *y);
void clip_backward(struct pool *pool, size_t count, const float *x, float limit, const float *dy,
                   float *dx);

/* y = x > 0 ? x : x * slope;  dx = x > 0 ? dy : dy * slope, slope >= 0.  In place is fine; x may be
 * the output of leaky_forward. */
void leaky_forward(struct pool *pool, size_t count, const float *x, float slope, float *y);
void leaky_backward(struct pool *pool, size_t count, const float *x, float slope, const float *dy,
                    float *dx);

/* y = 1 / (1 + exp(-x)), y = tanh(x), to 0.501 ulp; backward from y: dx = dy (y (1 - y)),
 * dx = dy (1 - y y).  In place is fine. */
void sigmoid_forward(struct pool *pool, size_t count, const float *x, float *y);
void sigmoid_backward(struct pool *pool, size_t count, const float *y, const float *dy, float *dx);
void tanh_forward(struct pool *pool, size_t count, const float *x, float *y);
void tanh_backward(struct pool *pool, size_t count, const float *y, const float *dy, float *dx);

/* Sums over the rows of x[rows][channels], by channel:
 *   sums = sum of x                  without mean
 *   sums = sum of (x - mean)^2       with mean
 *   sums = sum of dy, products = sum of (x - mean) * dy    with mean and dy
 * Rows are summed in blocks of 128, each a chain from 0 (for squares and products one of fused
 * multiply-adds), and the blocks are added in order. */
struct channel_sums {
    size_t rows, channels;
    const float *x, *mean, *dy; /* mean and dy may be NULL */
    float *sums, *products;     /* products: only with dy */
};
void channel_sums(struct pool *pool, const struct channel_sums *s);
/* mean = channel_sums / rows, variance = channel_sums of squares / rows (biased). */
void channel_moments(struct pool *pool, size_t rows, size_t channels, const float *x, float *mean,
                     float *variance);
/* largest[c] = largest |x| in column c, over the rows of x[rows][row], of which the first
 * `channels` count (at most MAX_MAGNITUDES).  NaN is ignored; 0 where there is nothing else. */
#define MAX_MAGNITUDES 128
void channel_magnitudes(struct pool *pool, size_t rows, size_t row, size_t channels, const float *x,
                        float *largest);
/* y = fma(x - mean, factor, shift) by channel.  clips: followed by clip_forward (a limit of
 * INFINITY makes it relu_forward), and range receives min_max of the result. */
struct channel_normalize {
    size_t rows, channels;
    const float *x, *mean, *factor, *shift;
    bool clips;
    float limit;
    float *y;
    float *range; /* of two; with clips only */
};
void channel_normalize(struct pool *pool, const struct channel_normalize *n);

/* dx = fma(mean - x, dy_slope, dy - dy_mean) * factor by channel.  Where mean and variance are the
 * batch's own, they depend on x, and dy_mean is the mean of dy and dy_slope the mean of
 * (x - mean) * dy over the variance; where they are constants both are 0. */
struct channel_normalize_backward {
    size_t rows, channels;
    const float *x, *mean, *factor, *dy_mean, *dy_slope, *dy;
    float *dx;
};
void channel_normalize_backward(struct pool *pool, const struct channel_normalize_backward *b);

/* Softmax cross-entropy of logits[n][classes], as TensorFlow's: loss = log(sum(exp(x - max))) -
 * (x[label] - max), in float32, the sum in the order of TensorFlow's vector code, exp and log of
 * exp_log.h.  dlogits = (probabilities - target) / n, target = onehot (1 - smoothing) +
 * smoothing / classes, as Keras' label_smoothing; losses are without smoothing.
 * Returns how many rows have their first largest logit at the label.  A row with a NaN is never
 * correct, and its probabilities, loss and gradient are NaN. */
struct softmax_cross_entropy {
    int n, classes;
    const float *logits;
    const uint16_t *labels;
    float smoothing;
    float *probabilities; /* [n][classes] */
    float *losses;        /* [n]; natural logarithm */
    float *dlogits;       /* [n][classes]; may be NULL */
};
int softmax_cross_entropy(const struct softmax_cross_entropy *s);

/* Keras' Adam on one parameter:  m += (g - m) * (1 - beta1);  v += (g * g - v) * (1 - beta2);
 * w -= (m * alpha) / (sqrt(v) + epsilon). */
struct adam {
    float alpha, one_minus_beta1, one_minus_beta2, epsilon;
};
void adam_update(struct pool *pool, size_t count, const struct adam *by, const float *gradient,
                 float *m, float *v, float *weights);

/* Dropout: factors[i] = 1 / (1 - rate) where the random number of element i for this seed and
 * counter (random.h: stream RANDOM_DROPOUT, word i % 4 of low part i / 4) is at least rate, else 0;
 * and y = x * factors.  0 < rate < 1.  factors must have room for a multiple of 64.
 * dropout_multiply is also the way back. */
struct dropout {
    uint64_t seed, counter;
    float rate;
};
void dropout_forward(struct pool *pool, size_t count, const struct dropout *by, const float *x,
                     float *factors, float *y);
void dropout_multiply(struct pool *pool, size_t count, const float *x, const float *by, float *y);

/* x[i] = pixel / 255 in float32. */
void pixels_to_float(size_t count, const unsigned char *pixels, float *x);

#endif
