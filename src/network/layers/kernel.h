/* kernel: what layers with a kernel have in common, after their sums. */
#ifndef NETWORK_LAYERS_KERNEL_H
#define NETWORK_LAYERS_KERNEL_H

#include "network/node.h"

/* From the sums in node->raw, to which the bias and a ReLU are applied, to node->value.  `seen`:
 * the smallest and largest of them; NULL: not known. */
void kernel_activate(struct network *network, struct node *node, const struct pass *pass,
                     const float *seen);

/* Before anything else on the way back: node->gradient becomes that with respect to the sums. */
void kernel_backward_activation(const struct node *node, const struct pass *pass);

/* Where a layer that trains its kernel puts the gradient with respect to that. */
float *kernel_gradient(const struct network *network, const struct node *node, float *gradient);

/* After that: the bias's gradient, and the mask of the kernel's fake quantization. */
void kernel_backward_rest(struct network *network, const struct node *node, const struct pass *pass,
                          float *gradient);

#endif
