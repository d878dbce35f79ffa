/* conv2d_sparse: a convolution's gradients where dy is mostly 0, equal to the bit to those of
 * conv2d.c and conv2d_kernel.c as long as x and the kernel are finite; only a sum that rounded to
 * -0 may have become 0 there. */
#ifndef KERNEL_CONV2D_SPARSE_H
#define KERNEL_CONV2D_SPARSE_H

#include "kernel/kernel.h"

/* Whether the shape allows it and dy holds so many zeros that it pays. */
bool conv2d_sparse_input_suits(const struct conv2d *s, int n, const float *dy);
bool conv2d_sparse_kernel_suits(const struct conv2d *s, int n, const float *dy);

/* As conv2d_backward_input and conv2d_backward_kernel, where these suit. */
void conv2d_sparse_backward_input(struct pool *pool, const struct conv2d_backward *b);
void conv2d_sparse_backward_kernel(struct pool *pool, const struct conv2d_backward *b);
size_t conv2d_sparse_scratch_size(const struct conv2d *s, int threads); /* floats; 0: never suits */

#endif
