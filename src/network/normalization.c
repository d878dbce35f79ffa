/* BatchNormalization as Keras' fused kernel: statistics over all but the channels. */
#include <math.h>

#include "network/node.h"

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

void forward_normalization(struct network *network, struct node *node, const struct pass *pass) {
    const struct normalization *normalization = &node->layer->normalization;
    struct batch_statistics *s = node->statistics;
    const float *x = network->nodes[node->from].value;
    s->rows = (size_t)pass->count * (node->size / s->channels);
    s->of_batch = pass->batch_statistics && !node->layer->keeps_weights;
    s->gamma = parameter_of(network, normalization->gamma, pass->weights);
    s->shift = parameter_of(network, normalization->beta, pass->weights);
    if (!s->shift) s->shift = s->none;
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
}

static float *gradient_of(const struct network *network, int index, float *gradient) {
    return index < 0 ? NULL : gradient + network->model->parameters[index].offset;
}

void backward_normalization(struct network *network, const struct node *node,
                            const struct pass *pass, float *gradient, float *to) {
    const struct normalization *normalization = &node->layer->normalization;
    const struct batch_statistics *s = node->statistics;
    const float *x = network->nodes[node->from].value, *dy = node->gradient;
    bool learns = !node->layer->keeps_weights;
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

static void move(const struct node *node, float *mean, float *variance) {
    const struct batch_statistics *s = node->statistics;
    float rate = (float)(1 - node->layer->normalization.momentum), kept = 1.0f - rate;
    /* Keras' kernel for images feeds the unbiased variance, its other code the biased one. */
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
        if (node->layer->kind != LAYER_BATCH_NORMALIZATION || node->layer->keeps_weights) continue;
        qt_assert(node->statistics->of_batch);
        move(node, weights + parameters[normalization->moving_mean].offset,
             weights + parameters[normalization->moving_variance].offset);
    }
}
