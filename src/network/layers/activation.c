/* Activation, ReLU, LeakyReLU, Softmax */
#include "network/layers/activation.h"

void activation_forward_sigmoidal(const struct node *node, const struct pass *pass,
                                  const float *x) {
    size_t count = node->size * (size_t)pass->count;
    if (node->layer->activation == ACTIVATION_SIGMOID)
        sigmoid_forward(pass->pool, count, x, node->value);
    else
        tanh_forward(pass->pool, count, x, node->value);
}

void activation_backward(const struct node *node, const struct pass *pass, float *to) {
    size_t count = node->size * (size_t)pass->count;
    enum activation activation = node->layer->activation;
    bool relu = activation == ACTIVATION_RELU;
    float limit = limit_of(node->layer);
    const float *gradient = node->gradient;
    if (activation_is_sigmoidal(activation)) {
        if (activation == ACTIVATION_SIGMOID)
            sigmoid_backward(pass->pool, count, node->value, gradient, to);
        else
            tanh_backward(pass->pool, count, node->value, gradient, to);
        gradient = to;
    }
    if (node->tensor >= 0) {
        fake_quant_tensor_backward(pass->pool, count, node->raw, &node->fake_quant, relu, gradient,
                                   to);
        gradient = to;
    } else if (relu) {
        relu_backward(pass->pool, count, node->raw, gradient, to);
    }
    if (limit > 0) clip_backward(pass->pool, count, node->raw, limit, gradient, to);
}

/* ---- Activation, ReLU ----------------------------------------------------------------------- */

/* A softmax is not computed: the loss uses its argument. */
static void prepare_activation(const struct network *network, struct node *node) {
    enum activation activation = node->layer->activation;
    (void)network;
    node->hands_on = activation == ACTIVATION_LINEAR || activation == ACTIVATION_SOFTMAX;
}

static void forward_activation(struct network *network, struct node *node,
                               const struct pass *pass) {
    const float *x = network->nodes[node->from].value;
    size_t count = node->size * (size_t)pass->count;
    float limit = limit_of(node->layer);
    if (node->hands_on) {
        node_hand_on(network, node);
    } else if (activation_is_sigmoidal(node->layer->activation)) {
        activation_forward_sigmoidal(node, pass, x);
    } else if (node->is_joined) {
        node_quantize(network, node, pass, node->seen);
    } else {
        if (limit > 0)
            clip_forward(pass->pool, count, x, limit, node->raw);
        else
            relu_forward(pass->pool, count, x, node->raw);
        node_quantize(network, node, pass, NULL);
    }
}

static void backward_activation(struct network *network, const struct node *node,
                                const struct pass *pass, float *gradient, float *to) {
    (void)network, (void)gradient;
    if (!to || node->is_pooled) return;
    if (node->hands_on)
        node_hand_on_gradient(node, pass, to);
    else
        activation_backward(node, pass, to);
}

const struct node_type activation_node = {
    .prepare = prepare_activation,
    .forward = forward_activation,
    .backward = backward_activation,
};

const struct node_type relu_node = {
    .forward = forward_activation,
    .backward = backward_activation,
};

/* ---- LeakyReLU ------------------------------------------------------------------------------ */

static void forward_leaky_relu(struct network *network, struct node *node,
                               const struct pass *pass) {
    leaky_forward(pass->pool, node->size * (size_t)pass->count, network->nodes[node->from].value,
                  node->layer->slope, node->raw);
    node_quantize(network, node, pass, NULL);
}

static void backward_leaky_relu(struct network *network, const struct node *node,
                                const struct pass *pass, float *gradient, float *to) {
    (void)network, (void)gradient;
    if (!to) return;
    activation_backward(node, pass, to);
    leaky_backward(pass->pool, node->size * (size_t)pass->count, node->raw, node->layer->slope,
                   node->tensor >= 0 ? to : node->gradient, to);
}

const struct node_type leaky_relu_node = {
    .forward = forward_leaky_relu,
    .backward = backward_leaky_relu,
};

/* ---- Softmax -------------------------------------------------------------------------------- */

/* The last layer, after the logits; never computed. */
const struct node_type softmax_node = {.own_size = 0};
