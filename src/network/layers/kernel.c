#include "network/layers/kernel.h"

#include "network/layers/activation.h"

void kernel_activate(struct network *network, struct node *node, const struct pass *pass,
                     const float *seen) {
    enum activation activation = node->layer->activation;
    if (activation == ACTIVATION_RELU6) {
        clip_forward(pass->pool, node->size * (size_t)pass->count, node->raw, limit_of(node->layer),
                     node->raw);
        seen = NULL;
    }
    node_quantize(network, node, pass, seen);
    if (activation_is_sigmoidal(activation))
        activation_forward_sigmoidal(node, pass, node->tensor < 0 ? node->raw : node->value);
}

void kernel_backward_activation(const struct node *node, const struct pass *pass) {
    if (!node->is_pooled) activation_backward(node, pass, node->gradient);
}

float *kernel_gradient(const struct network *network, const struct node *node, float *gradient) {
    return gradient + network->model->parameters[node->layer->kernel].offset;
}

void kernel_backward_rest(struct network *network, const struct node *node, const struct pass *pass,
                          float *gradient) {
    const struct parameter *kernel = &network->model->parameters[node->layer->kernel];
    float *dkernel = gradient + kernel->offset;
    size_t units = (size_t)node->layer->units, n = (size_t)pass->count;
    if (node->layer->bias >= 0 && node->layer->trainable)
        column_sums(pass->pool, n * (node->size / units), units, node->gradient,
                    gradient + network->model->parameters[node->layer->bias].offset);
    if (!node->has_mask || node->kernel_tensor < 0) return;
    const struct quant_tensor *tensor = &network->plan->tensors[node->kernel_tensor];
    const struct fake_quant *by = network->kernel_by + tensor->offset;
    const float *weights = pass->weights + kernel->offset;
    size_t channels = (size_t)tensor->channels;
    if (tensor->is_per_channel)
        fake_quant_channels_backward(pass->pool, kernel->count / channels, channels, weights, by,
                                     dkernel, dkernel);
    else
        fake_quant_tensor_backward(pass->pool, kernel->count, weights, by, false, dkernel, dkernel);
}
