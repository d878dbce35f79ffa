/* conv2d_sparse: the gradients of a convolution where dy is mostly 0, equal to the bit to those of
 * conv2d.c and conv2d_kernel.c as long as x and the kernel are finite, except that a sum that
 * rounds to -0 there may be 0 here.
 */
#ifndef KERNEL_CONV2D_SPARSE_H
#define KERNEL_CONV2D_SPARSE_H

#include "kernel/kernel.h"

/* Whether the shape allows it and dy has enough zeros for it to pay. */
bool conv2d_sparse_input_suits(const struct conv2d *s, int n, const float *dy);
bool conv2d_sparse_kernel_suits(const struct conv2d *s, int n, const float *dy);

/* Same as conv2d_backward_input and conv2d_backward_kernel, where they suit. */
void conv2d_sparse_backward_input(struct pool *pool, const struct conv2d_backward *b);
void conv2d_sparse_backward_kernel(struct pool *pool, const struct conv2d_backward *b);
size_t conv2d_sparse_scratch_size(const struct conv2d *s, int threads); /* floats; 0: never suits */

#endif
