/* BatchNormalization, as in Keras' fused kernel: statistics over all axes but the channels. */
#include <math.h>

#include "network/layers/activation.h"

/* What the last forward pass used; each has one value per channel. */
struct batch_statistics {
    size_t rows, channels;
    bool of_batch; /* mean and variance are the batch's own, not the moving ones */
    const float *mean, *variance, *gamma, *shift; /* gamma NULL: 1 */
    float *own_mean, *own_variance;
    float *inverse, *factor; /* 1 / sqrt(variance + epsilon), times gamma */
    float *sums, *products;  /* backward */
    float *zeros;
};

int node_clipped_by(const struct network *network, const struct node *node) {
    const struct model *model = network->model;
    int reader = quant_only_reader(model, (int)(node - network->nodes));
    bool joins = network->trains && node->layer->kind == LAYER_BATCH_NORMALIZATION &&
                 node->tensor < 0 && reader >= 0 && reader <= network->logits &&
                 layer_is_relu(&model->layers[reader]);
    return joins ? reader : -1;
}

static void take_statistics(const struct network *network, struct node *node, struct arena *arena) {
    struct batch_statistics *s = node->own;
    const struct shape *shape = &node->layer->output;
    (void)network;
    s->channels = (size_t)shape->size[shape->rank - 1];
    float **arrays[] = {&s->own_mean, &s->own_variance, &s->inverse, &s->factor,
                        &s->sums,     &s->products,     &s->zeros};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = arena_floats(arena, s->channels, 1);
}

static const float *parameter_of(const struct network *network, int index, const float *weights) {
    return index < 0 ? NULL : weights + network->model->parameters[index].offset;
}

/* rsqrt first, then gamma, as TensorFlow does. */
static void set_factors(struct batch_statistics *s, float epsilon) {
    for (size_t c = 0; c < s->channels; c++) {
        s->inverse[c] = 1.0f / sqrtf(s->variance[c] + epsilon);
        s->factor[c] = s->gamma ? s->inverse[c] * s->gamma[c] : s->inverse[c];
    }
}

static void forward_normalization(struct network *network, struct node *node,
                                  const struct pass *pass) {
    const struct normalization *normalization = &node->layer->normalization;
    struct batch_statistics *s = node->own;
    const float *x = network->nodes[node->from].value;
    s->rows = (size_t)pass->count * (node->size / s->channels);
    s->of_batch = pass->batch_statistics && node->layer->trainable;
    s->gamma = parameter_of(network, normalization->gamma, pass->weights);
    s->shift = parameter_of(network, normalization->beta, pass->weights);
    if (!s->shift) s->shift = s->zeros;
    if (s->of_batch) {
        channel_moments(pass->pool, s->rows, s->channels, x, s->own_mean, s->own_variance);
        s->mean = s->own_mean;
        s->variance = s->own_variance;
    } else {
        s->mean = parameter_of(network, normalization->moving_mean, pass->weights);
        s->variance = parameter_of(network, normalization->moving_variance, pass->weights);
    }
    set_factors(s, (float)normalization->epsilon);
    struct channel_normalize normalize = {
        .rows = s->rows,
        .channels = s->channels,
        .x = x,
        .mean = s->mean,
        .factor = s->factor,
        .shift = s->shift,
        .y = node->raw,
    };
    if (node->clipped_by >= 0) {
        struct node *relu = &network->nodes[node->clipped_by];
        float limit = limit_of(relu->layer);
        normalize.clips = true;
        normalize.limit = limit > 0 ? limit : INFINITY;
        normalize.y = relu->raw;
        normalize.range = relu->seen;
    }
    channel_normalize(pass->pool, &normalize);
    node_quantize(network, node, pass, NULL);
}

static float *gradient_of(const struct network *network, int index, float *gradient) {
    return index < 0 ? NULL : gradient + network->model->parameters[index].offset;
}

static void backward_normalization(struct network *network, const struct node *node,
                                   const struct pass *pass, float *gradient, float *to) {
    const struct normalization *normalization = &node->layer->normalization;
    const struct batch_statistics *s = node->own;
    const float *x = network->nodes[node->from].value, *dy = node->gradient;
    bool learns = node->layer->trainable;
    activation_backward(node, pass, node->gradient);
    float *dgamma = learns ? gradient_of(network, normalization->gamma, gradient) : NULL;
    float *dbeta = learns ? gradient_of(network, normalization->beta, gradient) : NULL;
    channel_sums(pass->pool, &(struct channel_sums){
                                 .rows = s->rows,
                                 .channels = s->channels,
                                 .x = x,
                                 .mean = s->mean,
                                 .dy = dy,
                                 .sums = s->sums,
                                 .products = s->products,
                             });
    for (size_t c = 0; c < s->channels; c++) {
        if (dbeta) dbeta[c] = s->sums[c];
        if (dgamma) dgamma[c] = s->products[c] * s->inverse[c];
        /* The mean and the variance themselves depend on x. */
        s->sums[c] = s->of_batch ? s->sums[c] / (float)s->rows : 0;
        s->products[c] =
            s->of_batch ? s->products[c] / (float)s->rows * (s->inverse[c] * s->inverse[c]) : 0;
    }
    if (!to) return;
    channel_normalize_backward(pass->pool, &(struct channel_normalize_backward){
                                               .rows = s->rows,
                                               .channels = s->channels,
                                               .x = x,
                                               .mean = s->mean,
                                               .factor = s->factor,
                                               .dy_mean = s->sums,
                                               .dy_slope = s->products,
                                               .dy = dy,
                                               .dx = to,
                                           });
}

const struct node_type batch_normalization_node = {
    .own_size = sizeof(struct batch_statistics),
    .take = take_statistics,
    .forward = forward_normalization,
    .backward = backward_normalization,
};

/* ---- moving mean and variance --------------------------------------------------------------- */

static void move(const struct node *node, float *mean, float *variance) {
    const struct batch_statistics *s = node->own;
    float rate = (float)(1 - node->layer->normalization.momentum), kept = 1.0f - rate;
    /* Keras' kernel for images uses the unbiased variance, its other code the biased one. */
    bool is_image = node->layer->output.rank == 3 && s->rows > 1;
    float unbiased = is_image ? (float)s->rows / (float)(s->rows - 1) : 1.0f;
    for (size_t c = 0; c < s->channels; c++) {
        mean[c] = kept * mean[c] + rate * s->own_mean[c];
        variance[c] = kept * variance[c] + rate * (s->own_variance[c] * unbiased);
    }
}

void network_update_statistics(const struct network *network, float *weights) {
    const struct parameter *parameters = network->model->parameters;
    for (int i = 0; i <= network->logits; i++) {
        const struct node *node = &network->nodes[i];
        const struct normalization *normalization = &node->layer->normalization;
        if (node->layer->kind != LAYER_BATCH_NORMALIZATION || !node->layer->trainable) continue;
        const struct batch_statistics *s = node->own;
        qt_assert(s->of_batch);
        move(node, weights + parameters[normalization->moving_mean].offset,
             weights + parameters[normalization->moving_variance].offset);
    }
}
