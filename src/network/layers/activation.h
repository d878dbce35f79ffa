/* activation: of the layers with a kernel, and of layers of their own. */
#ifndef NETWORK_LAYERS_ACTIVATION_H
#define NETWORK_LAYERS_ACTIVATION_H

#include "network/node.h"

/* node->value = sigmoid or tanh of x. */
void activation_forward_sigmoidal(const struct node *node, const struct pass *pass, const float *x);

/* From the gradient with respect to node->value to that with respect to the argument of the
 * activation, through its fake quantization; where there is neither, `to` is not written.  `to` may
 * be node->gradient. */
void activation_backward(const struct node *node, const struct pass *pass, float *to);

#endif
