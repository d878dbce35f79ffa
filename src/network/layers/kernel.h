/* kernel: what Dense, Conv2D and DepthwiseConv2D have in common. */
#ifndef NETWORK_LAYERS_KERNEL_H
#define NETWORK_LAYERS_KERNEL_H

#include "network/node.h"

/* Compute node->value from node->raw, which includes bias and ReLU.  `seen`: its smallest and
 * largest value; NULL: unknown. */
void kernel_activate(struct network *network, struct node *node, const struct pass *pass,
                     const float *seen);

/* First step backward: node->gradient becomes the gradient before the activation. */
void kernel_backward_activation(const struct node *node, const struct pass *pass);

/* Where the gradient with respect to the kernel goes. */
float *kernel_gradient(const struct network *network, const struct node *node, float *gradient);

/* After that gradient: that of the bias, and the mask of the kernel's fake quantization. */
void kernel_backward_rest(struct network *network, const struct node *node, const struct pass *pass,
                          float *gradient);

#endif
