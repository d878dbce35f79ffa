#include "kernel/kernel.h"

#include "kernel/reference.h"

size_t gemm_scratch_size(size_t m, size_t n, size_t k, int threads) {
    (void)m, (void)n, (void)k, (void)threads;
    return 0;
}

void gemm(struct pool *pool, const struct gemm *g) {
    (void)pool;
    reference_gemm(g);
}

size_t conv2d_scratch_size(const struct conv2d *shape, int n, int threads) {
    (void)shape, (void)n, (void)threads;
    return 0;
}

void conv2d_forward(struct pool *pool, const struct conv2d *shape, int n, const float *x,
                    const float *kernel, const float *bias, bool relu, float *y, float *scratch) {
    (void)pool, (void)scratch;
    reference_conv2d_forward(shape, n, x, kernel, bias, relu, y);
}

void conv2d_backward_input(struct pool *pool, const struct conv2d *shape, int n, const float *dy,
                           const float *kernel, float *dx, float *scratch) {
    (void)pool, (void)scratch;
    reference_conv2d_backward_input(shape, n, dy, kernel, dx);
}

void conv2d_backward_kernel(struct pool *pool, const struct conv2d *shape, int n, const float *x,
                            const float *dy, float *dkernel, float *scratch) {
    (void)pool, (void)scratch;
    reference_conv2d_backward_kernel(shape, n, x, dy, dkernel);
}

void column_sums(struct pool *pool, size_t rows, size_t columns, const float *dy, float *dbias) {
    (void)pool;
    reference_column_sums(rows, columns, dy, dbias);
}

void max_pool_forward(struct pool *pool, const struct pooling *shape, int n, const float *x,
                      float *y, unsigned char *where) {
    (void)pool;
    reference_max_pool_forward(shape, n, x, y, where);
}

void max_pool_backward(struct pool *pool, const struct pooling *shape, int n, const float *dy,
                       const unsigned char *where, float *dx) {
    (void)pool;
    reference_max_pool_backward(shape, n, dy, where, dx);
}

void min_max(struct pool *pool, size_t count, const float *x, float *min, float *max) {
    (void)pool;
    reference_min_max(count, x, min, max);
}

void fake_quant_tensor(struct pool *pool, size_t count, const float *x,
                       const struct fake_quant *by, float *y) {
    (void)pool;
    reference_fake_quant_tensor(count, x, by, y);
}

void fake_quant_channels(struct pool *pool, size_t rows, size_t channels, const float *x,
                         const struct fake_quant *by, float *y) {
    (void)pool;
    reference_fake_quant_channels(rows, channels, x, by, y);
}

void fake_quant_tensor_backward(struct pool *pool, size_t count, const float *x,
                                const struct fake_quant *by, bool relu, const float *dy,
                                float *dx) {
    (void)pool;
    reference_fake_quant_tensor_backward(count, x, by, relu, dy, dx);
}

void fake_quant_channels_backward(struct pool *pool, size_t rows, size_t channels, const float *x,
                                  const struct fake_quant *by, const float *dy, float *dx) {
    (void)pool;
    reference_fake_quant_channels_backward(rows, channels, x, by, dy, dx);
}

void relu_forward(struct pool *pool, size_t count, const float *x, float *y) {
    (void)pool;
    reference_relu_forward(count, x, y);
}

void relu_backward(struct pool *pool, size_t count, const float *x, const float *dy, float *dx) {
    (void)pool;
    reference_relu_backward(count, x, dy, dx);
}

void adam_update(struct pool *pool, size_t count, const struct adam *by, const float *gradient,
                 float *m, float *v, float *weights) {
    (void)pool;
    reference_adam_update(count, by, gradient, m, v, weights);
}

void pixels_to_float(size_t count, const unsigned char *pixels, float *x) {
    reference_pixels_to_float(count, pixels, x);
}
