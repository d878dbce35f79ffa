/* Conv2D, DepthwiseConv2D */
#include "network/layers/kernel.h"

struct convolution {
    struct conv2d shape;
};

static void prepare_convolution(const struct network *network, struct node *node) {
    struct convolution *own = node->own;
    const struct shape *in = &network->model->layers[node->from].output;
    const struct window *window = &node->layer->window;
    own->shape = (struct conv2d){
        .in_height = in->size[0],
        .in_width = in->size[1],
        .in_channels = in->size[2],
        .out_channels = node->layer->units,
        .kernel_height = window->height,
        .kernel_width = window->width,
        .stride_y = window->stride_y,
        .stride_x = window->stride_x,
        .dilation_y = window->dilation_y,
        .dilation_x = window->dilation_x,
    };
    conv2d_geometry(&own->shape, window->padding == PADDING_SAME);
}

static struct conv2d_forward forward_of(const struct network *network, const struct node *node,
                                        const struct pass *pass) {
    const struct convolution *own = node->own;
    return (struct conv2d_forward){
        .shape = &own->shape,
        .n = pass->count,
        .x = network->nodes[node->from].value,
        .kernel = node_kernel(network, node, pass),
        .bias = node_bias(network, node, pass),
        .relu = node->relu,
        .y = node->raw,
        .scratch = network->scratch,
    };
}

static struct conv2d_backward backward_of(const struct network *network, const struct node *node,
                                          const struct pass *pass) {
    const struct convolution *own = node->own;
    return (struct conv2d_backward){
        .shape = &own->shape,
        .n = pass->count,
        .x = network->nodes[node->from].value,
        .kernel = node_kernel(network, node, pass),
        .dy = node->gradient,
        .scratch = network->scratch,
    };
}

/* ---- Conv2D --------------------------------------------------------------------------------- */

static size_t scratch_of_conv2d(const struct network *network, const struct node *node,
                                int threads) {
    const struct convolution *own = node->own;
    (void)network;
    return conv2d_scratch_size(&own->shape, threads);
}

static void forward_conv2d(struct network *network, struct node *node, const struct pass *pass) {
    struct conv2d_forward forward = forward_of(network, node, pass);
    float range[2], *seen = node_observed(node, pass, range);
    forward.range = seen;
    conv2d_forward(pass->pool, &forward);
    kernel_activate(network, node, pass, seen);
}

static void backward_conv2d(struct network *network, const struct node *node,
                            const struct pass *pass, float *gradient, float *to) {
    struct conv2d_backward backward = backward_of(network, node, pass);
    kernel_backward_activation(node, pass);
    if (node->trains_kernel) {
        backward.dkernel = kernel_gradient(network, node, gradient);
        conv2d_backward_kernel(pass->pool, &backward);
        kernel_backward_rest(network, node, pass, gradient);
    }
    backward.dx = to;
    if (to) conv2d_backward_input(pass->pool, &backward);
}

const struct node_type conv2d_node = {
    .own_size = sizeof(struct convolution),
    .prepare = prepare_convolution,
    .scratch = scratch_of_conv2d,
    .forward = forward_conv2d,
    .backward = backward_conv2d,
};

/* ---- DepthwiseConv2D ------------------------------------------------------------------------ */

static void forward_depthwise(struct network *network, struct node *node, const struct pass *pass) {
    const struct conv2d_forward forward = forward_of(network, node, pass);
    depthwise_forward(pass->pool, &forward);
    kernel_activate(network, node, pass, NULL);
}

static void backward_depthwise(struct network *network, const struct node *node,
                               const struct pass *pass, float *gradient, float *to) {
    struct conv2d_backward backward = backward_of(network, node, pass);
    kernel_backward_activation(node, pass);
    if (node->trains_kernel) {
        backward.dkernel = kernel_gradient(network, node, gradient);
        depthwise_backward_kernel(pass->pool, &backward);
        kernel_backward_rest(network, node, pass, gradient);
    }
    backward.dx = to;
    if (to) depthwise_backward_input(pass->pool, &backward);
}

const struct node_type depthwise_conv2d_node = {
    .own_size = sizeof(struct convolution),
    .prepare = prepare_convolution,
    .forward = forward_depthwise,
    .backward = backward_depthwise,
};
