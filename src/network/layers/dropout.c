/* Dropout, SpatialDropout2D */
#include <string.h>

#include "network/node.h"

struct dropout_block {
    float *factors; /* what each value is multiplied by: 0 or 1 / (1 - rate) */
    float *draws;   /* SpatialDropout2D: the factor of each channel of each image */
    bool drops;     /* in this pass */
};

static void prepare_dropout(const struct network *network, struct node *node) {
    (void)network;
    node->hands_on = true;
}

/* The kernel draws in groups of 64. */
static float *take_groups(struct arena *arena, size_t count) {
    return arena_floats(arena, (count + 63) / 64, 64);
}

static void take_dropout(const struct network *network, struct node *node, struct arena *arena) {
    struct dropout_block *own = node->own;
    size_t count = (size_t)network->batch * node->size;
    if (!network->trains) return;
    node->raw = arena_floats(arena, (size_t)network->batch, node->size);
    own->factors = take_groups(arena, count);
    node->kept = count * sizeof *own->factors;
}

static struct dropout numbers_of(const struct network *network, const struct node *node,
                                 const struct pass *pass) {
    return (struct dropout){.seed = pass->seed,
                            .counter = pass->step | (uint64_t)(node - network->nodes) << 48,
                            .rate = node->layer->rate};
}

static bool starts_to_drop(const struct network *network, struct node *node,
                           const struct pass *pass) {
    struct dropout_block *own = node->own;
    own->drops = pass->dropout && network->trains && node->layer->rate > 0;
    if (own->drops)
        node->value = node->raw;
    else
        node_hand_on(network, node);
    return own->drops;
}

static void forward_dropout(struct network *network, struct node *node, const struct pass *pass) {
    const struct dropout_block *own = node->own;
    const struct dropout numbers = numbers_of(network, node, pass);
    if (!starts_to_drop(network, node, pass)) return;
    dropout_forward(pass->pool, node->size * (size_t)pass->count, &numbers,
                    network->nodes[node->from].value, own->factors, node->value);
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

/* ---- SpatialDropout2D: whole channels of an image ------------------------------------------- */

static size_t channels_of(const struct node *node) {
    return (size_t)node->layer->output.size[2];
}

static void take_spatial_dropout(const struct network *network, struct node *node,
                                 struct arena *arena) {
    struct dropout_block *own = node->own;
    size_t count = (size_t)network->batch * channels_of(node);
    take_dropout(network, node, arena);
    if (!network->trains) return;
    own->draws = take_groups(arena, count);
    node->kept += count * sizeof *own->draws;
}

struct spread {
    const float *draws;
    float *factors;
    size_t images, pixels, channels;
};

/* An image's draws to each of its pixels. */
static void spread_part(void *context, int part, int parts) {
    const struct spread *s = context;
    size_t begin, end;
    pool_share(s->images, 1, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++)
        for (size_t p = i * s->pixels; p < (i + 1) * s->pixels; p++)
            memcpy(s->factors + p * s->channels, s->draws + i * s->channels,
                   s->channels * sizeof *s->draws);
}

static void forward_spatial_dropout(struct network *network, struct node *node,
                                    const struct pass *pass) {
    const struct dropout_block *own = node->own;
    const struct dropout numbers = numbers_of(network, node, pass);
    const float *x = network->nodes[node->from].value;
    size_t images = (size_t)pass->count, channels = channels_of(node);
    if (!starts_to_drop(network, node, pass)) return;
    /* Only the factors matter here: the products are overwritten below. */
    dropout_forward(pass->pool, images * channels, &numbers, x, own->draws, node->value);
    struct spread spread = {own->draws, own->factors, images, node->size / channels, channels};
    pool_run(pass->pool, pool_threads(pass->pool), spread_part, &spread);
    dropout_multiply(pass->pool, images * node->size, x, own->factors, node->value);
}

const struct node_type spatial_dropout2d_node = {
    .own_size = sizeof(struct dropout_block),
    .prepare = prepare_dropout,
    .take = take_spatial_dropout,
    .forward = forward_spatial_dropout,
    .backward = backward_dropout,
};
