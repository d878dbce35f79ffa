/* activation: forward and backward, as part of a layer or as a layer. */
#ifndef NETWORK_LAYERS_ACTIVATION_H
#define NETWORK_LAYERS_ACTIVATION_H

#include "network/node.h"

/* node->value = sigmoid or tanh of x. */
void activation_forward_sigmoidal(const struct node *node, const struct pass *pass, const float *x);

/* From the gradient with respect to node->value, compute that with respect to the argument of the
 * activation, back through the fake quantization.  Without either, `to` is not written.  `to` may
 * be node->gradient. */
void activation_backward(const struct node *node, const struct pass *pass, float *to);

#endif
