/* Reshape, Flatten, ZeroPadding2D */
#include <string.h>

#include "network/node.h"

/* ---- Reshape, Flatten ----------------------------------------------------------------------- */

static void prepare_reshape(const struct network *network, struct node *node) {
    (void)network;
    node->hands_on = true;
}

static void forward_reshape(struct network *network, struct node *node, const struct pass *pass) {
    (void)pass;
    node_hand_on(network, node);
}

static void backward_reshape(struct network *network, const struct node *node,
                             const struct pass *pass, float *gradient, float *to) {
    (void)network, (void)gradient;
    if (to) node_hand_on_gradient(node, pass, to);
}

const struct node_type reshape_node = {
    .prepare = prepare_reshape,
    .forward = forward_reshape,
    .backward = backward_reshape,
};

const struct node_type flatten_node = {
    .prepare = prepare_reshape,
    .forward = forward_reshape,
    .backward = backward_reshape,
};

/* ---- ZeroPadding2D -------------------------------------------------------------------------- */

/* Rows of the image that is surrounded, and where they begin in the output. */
struct margins {
    size_t rows, row, wide_row, first;
};

static struct margins margins_of(const struct network *network, const struct node *node) {
    const struct shape *in = &network->model->layers[node->from].output;
    const struct shape *out = &node->layer->output;
    size_t channels = (size_t)in->size[2], wide = (size_t)out->size[1];
    size_t top = (size_t)node->layer->margin[0][0], left = (size_t)node->layer->margin[1][0];
    return (struct margins){(size_t)in->size[0], (size_t)in->size[1] * channels, wide * channels,
                            (top * wide + left) * channels};
}

static void forward_padding(struct network *network, struct node *node, const struct pass *pass) {
    const struct margins m = margins_of(network, node);
    const float *from = network->nodes[node->from].value;
    memset(node->raw, 0, node->size * (size_t)pass->count * sizeof *node->raw);
    for (size_t i = 0; i < (size_t)pass->count; i++)
        for (size_t y = 0; y < m.rows; y++, from += m.row)
            memcpy(node->raw + i * node->size + m.first + y * m.wide_row, from,
                   m.row * sizeof *from);
}

static void backward_padding(struct network *network, const struct node *node,
                             const struct pass *pass, float *gradient, float *to) {
    const struct margins m = margins_of(network, node);
    (void)gradient;
    if (!to) return;
    for (size_t i = 0; i < (size_t)pass->count; i++)
        for (size_t y = 0; y < m.rows; y++, to += m.row)
            memcpy(to, node->gradient + i * node->size + m.first + y * m.wide_row,
                   m.row * sizeof *to);
}

const struct node_type zero_padding2d_node = {
    .forward = forward_padding,
    .backward = backward_padding,
};
