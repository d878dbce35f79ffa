/* reference: the plain C definition of every float kernel.
 *
 * Each function computes what its namesake in kernel.h must compute, to the last bit, with one
 * plain loop per output element.  The tests compare the optimized kernels with it; kernel.h
 * documents arguments and shapes.  The bits of a NaN are not part of the definition.
 */
#ifndef KERNEL_REFERENCE_H
#define KERNEL_REFERENCE_H

#include "kernel/kernel.h"

void reference_gemm(const struct gemm *g);

void reference_conv2d_forward(const struct conv2d_forward *f);
void reference_conv2d_backward_input(const struct conv2d_backward *b);
void reference_conv2d_backward_kernel(const struct conv2d_backward *b);

void reference_depthwise_forward(const struct conv2d_forward *f);
void reference_depthwise_backward_input(const struct conv2d_backward *b);
void reference_depthwise_backward_kernel(const struct conv2d_backward *b);

void reference_average_pool_forward(const struct pooling *shape, int n, const float *x, float *y);
void reference_average_pool_backward(const struct pooling *shape, int n, const float *dy,
                                     float *dx);

void reference_channel_sums(const struct channel_sums *s);
void reference_channel_magnitudes(size_t rows, size_t channels, const float *x, float *largest);
void reference_channel_normalize(const struct channel_normalize *n);
void reference_channel_normalize_backward(const struct channel_normalize_backward *b);

void reference_leaky_forward(size_t count, const float *x, float slope, float *y);
void reference_leaky_backward(size_t count, const float *x, float slope, const float *dy,
                              float *dx);
void reference_sigmoid_forward(size_t count, const float *x, float *y);
void reference_sigmoid_backward(size_t count, const float *y, const float *dy, float *dx);
void reference_tanh_forward(size_t count, const float *x, float *y);
void reference_tanh_backward(size_t count, const float *y, const float *dy, float *dx);
void reference_clip_forward(size_t count, const float *x, float limit, float *y);
void reference_clip_backward(size_t count, const float *x, float limit, const float *dy, float *dx);

void reference_column_sums(size_t rows, size_t columns, const float *dy, float *dbias);

void reference_max_pool_forward(const struct max_pool_forward *f);
void reference_max_pool_backward(const struct max_pool_backward *b);

void reference_min_max(size_t count, const float *x, float *min, float *max);

void reference_fake_quant_tensor(size_t count, const float *x, const struct fake_quant *by,
                                 float *y);
void reference_fake_quant_channels(size_t rows, size_t channels, const float *x,
                                   const struct fake_quant *by, float *y);
void reference_fake_quant_tensor_backward(size_t count, const float *x, const struct fake_quant *by,
                                          bool relu, const float *dy, float *dx);
void reference_fake_quant_channels_backward(size_t rows, size_t channels, const float *x,
                                            const struct fake_quant *by, const float *dy,
                                            float *dx);

void reference_add_tensors(size_t count, const float *a, const float *b, float *y);
void reference_relu_forward(size_t count, const float *x, float *y);
void reference_relu_backward(size_t count, const float *x, const float *dy, float *dx);

void reference_adam_update(size_t count, const struct adam *by, const float *gradient, float *m,
                           float *v, float *weights);

void reference_dropout_factors(size_t count, const struct dropout *by, float *factors);
void reference_dropout_multiply(size_t count, const float *x, const float *by, float *y);

void reference_pixels_to_float(size_t count, const unsigned char *pixels, float *x);

#endif
