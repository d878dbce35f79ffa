/* Add */
#include "network/layers/activation.h"

static void forward_add(struct network *network, struct node *node, const struct pass *pass) {
    float range[2], *seen = node_observed(node, pass, range);
    add_tensors(pass->pool, node->size * (size_t)pass->count, network->nodes[node->from].value,
                network->nodes[node->other].value, node->raw, seen);
    node_quantize(network, node, pass, seen);
}

static void backward_add(struct network *network, const struct node *node, const struct pass *pass,
                         float *gradient, float *to) {
    const int sources[] = {node->other, node->from};
    (void)gradient, (void)to;
    activation_backward(node, pass, node->gradient);
    for (int i = 0; i < 2; i++) {
        struct node *source = &network->nodes[sources[i]];
        if (source->gradient_wanted) node_add_gradient(source, pass, node->gradient);
    }
}

const struct node_type add_node = {
    .forward = forward_add,
    .backward = backward_add,
};
