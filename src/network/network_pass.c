#include <string.h>

#include "base/clock.h"
#include "quant/observer.h"
#include "network/node.h"

const float *node_kernel(const struct network *network, const struct node *node,
                         const struct pass *pass) {
    size_t offset = network->model->parameters[node->layer->kernel].offset;
    return (node->kernel_tensor >= 0 ? network->kernels : pass->weights) + offset;
}

const float *node_bias(const struct network *network, const struct node *node,
                       const struct pass *pass) {
    if (node->layer->bias < 0) return NULL;
    return pass->weights + network->model->parameters[node->layer->bias].offset;
}

/* ---- fake quantization ---- */

static bool leaves_out(const struct fake_quant *by, struct range range) {
    return !by->is_zero && !(by->nudged_min <= range.min && range.max <= by->nudged_max);
}

static void quantize_kernel(struct network *network, struct node *node, const struct pass *pass) {
    const struct quant_tensor *tensor = &network->plan->tensors[node->kernel_tensor];
    const struct parameter *kernel = &network->model->parameters[node->layer->kernel];
    const struct range *ranges = pass->ranges + tensor->offset;
    struct fake_quant *by = network->kernel_by + tensor->offset;
    /* Weights rarely lie outside: rounding causes it for one range in 250. */
    node->has_mask = false;
    for (int c = 0; c < tensor->channels; c++) {
        by[c] = quant_plan_fake_quant(network->plan, tensor, ranges[c]);
        node->has_mask |= leaves_out(&by[c], ranges[c]);
    }
    const float *from = pass->weights + kernel->offset;
    float *to = network->kernels + kernel->offset;
    size_t channels = (size_t)tensor->channels;
    if (tensor->is_per_channel)
        fake_quant_channels(pass->pool, kernel->count / channels, channels, from, by, to);
    else
        fake_quant_tensor(pass->pool, kernel->count, from, by, to);
}

void network_quantize_kernels(struct network *network, const struct pass *pass) {
    for (int i = 0; i <= network->logits; i++)
        if (network->nodes[i].kernel_tensor >= 0)
            quantize_kernel(network, &network->nodes[i], pass);
}

/* ---- shared by the kinds of layers ---- */

float *node_observed(const struct node *node, const struct pass *pass, float seen[2]) {
    return node->tensor >= 0 && pass->rate > 0 ? seen : NULL;
}

void node_quantize(struct network *network, struct node *node, const struct pass *pass,
                   const float *seen) {
    size_t count = node->size * (size_t)pass->count;
    if (node->tensor < 0) return;
    const struct quant_tensor *tensor = &network->plan->tensors[node->tensor];
    struct range *range = pass->ranges + tensor->offset, found;
    if (pass->rate > 0) {
        if (seen)
            found = (struct range){seen[0], seen[1]};
        else
            min_max(pass->pool, count, node->raw, &found.min, &found.max);
        observer_activation(range, found, pass->rate);
    }
    node->fake_quant =
        quant_plan_fake_quant(network->plan, tensor, quant_clip(node->layer, *range));
    if (!node->is_pooled)
        fake_quant_tensor(pass->pool, count, node->raw, &node->fake_quant, node->value);
}

void node_hand_on(const struct network *network, struct node *node) {
    node->value = network->nodes[node->from].value;
}

void node_hand_on_gradient(const struct node *node, const struct pass *pass, float *to) {
    if (to != node->gradient)
        memcpy(to, node->gradient, node->size * (size_t)pass->count * sizeof *to);
}

/* Gradients from several readers arrive in descending order of layers: the first is stored, each of
 * the others is added. */
void node_add_gradient(struct node *node, const struct pass *pass, const float *gradient) {
    size_t count = node->size * (size_t)pass->count;
    if (node->arrived++)
        add_tensors(pass->pool, count, node->gradient, gradient, node->gradient, NULL);
    else if (gradient != node->gradient)
        memcpy(node->gradient, gradient, count * sizeof *gradient);
}

/* ---- forward ---- */

static double start_time(const struct pass *pass) {
    return pass->times ? clock_seconds() : 0;
}

const float *network_forward(struct network *network, const struct pass *pass) {
    qt_assert(pass->count > 0 && pass->count <= network->batch);
    network->count = pass->count;
    for (int i = 0; i <= network->logits; i++) {
        double begin = start_time(pass);
        struct node *node = &network->nodes[i];
        if (node->type->forward) node->type->forward(network, node, pass);
        if (pass->times && i < TIMED_LAYERS) pass->times->forward[i] += clock_seconds() - begin;
    }
    return network->nodes[network->logits].value;
}

void network_loss(struct network *network, const struct pass *pass, const uint16_t *labels,
                  int *correct) {
    const struct node *logits = &network->nodes[network->logits];
    *correct = softmax_cross_entropy(&(struct softmax_cross_entropy){
        .n = pass->count,
        .classes = (int)logits->size,
        .logits = logits->value,
        .labels = labels,
        .smoothing = pass->label_smoothing,
        .probabilities = network->probabilities,
        .losses = network->losses,
        .dlogits = logits->gradient,
    });
}

/* ---- backward ---- */

/* The first of several readers writes to the gradient itself; the others write aside, and that is
 * added. */
static float *gradient_place(const struct network *network, const struct node *from) {
    if (!from->gradient_wanted) return NULL;
    return from->arrived ? network->aside : from->gradient;
}

/* From a node to what it reads. */
static void backward_from(struct network *network, const struct node *node, const struct pass *pass,
                          float *gradient) {
    struct node *from = &network->nodes[node->from];
    float *to = node->other < 0 ? gradient_place(network, from) : NULL;
    if (node->type->backward) node->type->backward(network, node, pass, gradient, to);
    if (to) node_add_gradient(from, pass, to);
}

void network_backward(struct network *network, const struct pass *pass, float *gradient) {
    qt_assert(network->trains);
    for (int i = 0; i <= network->logits; i++) network->nodes[i].arrived = 0;
    for (int i = network->logits; i > 0; i--) {
        double begin = start_time(pass);
        if (network->nodes[i].gradient_wanted)
            backward_from(network, &network->nodes[i], pass, gradient);
        if (pass->times && i < TIMED_LAYERS) pass->times->backward[i] += clock_seconds() - begin;
    }
}
