/* Dropout */
#include "network/node.h"

struct dropout_block {
    float *factors; /* what each value was multiplied by */
    bool drops;     /* it did so in this pass */
};

static void prepare_dropout(const struct network *network, struct node *node) {
    (void)network;
    node->hands_on = true;
}

static void take_dropout(const struct network *network, struct node *node, struct arena *arena) {
    struct dropout_block *own = node->own;
    size_t count = (size_t)network->batch * node->size;
    if (!network->trains) return;
    node->raw = arena_floats(arena, (size_t)network->batch, node->size);
    own->factors = arena_floats(arena, (count + 63) / 64, 64); /* dropout_forward's groups */
    node->kept = count * sizeof *own->factors;
}

static void forward_dropout(struct network *network, struct node *node, const struct pass *pass) {
    struct dropout_block *own = node->own;
    const float *x = network->nodes[node->from].value;
    own->drops = pass->dropout && network->trains && node->layer->rate > 0;
    if (!own->drops) {
        node_hand_on(network, node);
        return;
    }
    node->value = node->raw;
    const struct dropout by = {.seed = pass->seed,
                               .counter = pass->step | (uint64_t)(node - network->nodes) << 48,
                               .rate = node->layer->rate};
    dropout_forward(pass->pool, node->size * (size_t)pass->count, &by, x, own->factors,
                    node->value);
}

static void backward_dropout(struct network *network, const struct node *node,
                             const struct pass *pass, float *gradient, float *to) {
    const struct dropout_block *own = node->own;
    (void)network, (void)gradient;
    if (!to) return;
    if (own->drops)
        dropout_multiply(pass->pool, node->size * (size_t)pass->count, node->gradient, own->factors,
                         to);
    else
        node_hand_on_gradient(node, pass, to);
}

const struct node_type dropout_node = {
    .own_size = sizeof(struct dropout_block),
    .prepare = prepare_dropout,
    .take = take_dropout,
    .forward = forward_dropout,
    .backward = backward_dropout,
};
