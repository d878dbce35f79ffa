#include "network/network.h"

#include <stdlib.h>

#include "base/array.h"
#include "network/node.h"

#define ROW(kind, name) [kind] = &name##_node,
static const struct node_type *const types[LAYER_KINDS] = {LAYER_LIST(ROW)};
#undef ROW

static bool is_softmax(const struct layer *layer) {
    return layer->kind == LAYER_SOFTMAX || layer->activation == ACTIVATION_SOFTMAX;
}

/* The last layer is only a softmax: the logits are its input. */
static bool ends_in_softmax_layer(const struct model *model) {
    return layer_is_softmax(&model->layers[model->layer_count - 1]);
}

static enum status refuse(const struct layer *layer, struct error *error, const char *why) {
    return error_set(error, STATUS_UNSUPPORTED, layer->name, "%s", why);
}

static enum status check_layer(const struct network *network, int index, struct error *error) {
    const struct layer *layers = network->model->layers, *layer = &layers[index];
    const struct node_type *type = types[layer->kind];
    qt_assert(type); /* a SeparableConv2D is two layers once its file is read */
    const char *why = type->refusal ? type->refusal(layer) : NULL;
    if ((layer->kind == LAYER_INPUT) != (index == 0))
        return refuse(layer, error, "only models with one input are supported");
    if (is_softmax(layer) && index != network->model->layer_count - 1)
        return refuse(layer, error, "softmax is supported only at the end of a model");
    if (activation_is_sigmoidal(layer->activation) && index == network->model->layer_count - 1)
        return error_set(error, STATUS_UNSUPPORTED, layer->name,
                         "a model that ends in %s is not supported; end it in softmax, or without "
                         "activation",
                         activation_name(layer->activation));
    if (why) return refuse(layer, error, why);
    if (network->nodes[index].readers == 0 && index != network->model->layer_count - 1)
        return refuse(layer, error, "the output of this layer is not used");
    return STATUS_OK;
}

static enum status set_node(struct network *network, int index, struct error *error) {
    struct node *node = &network->nodes[index];
    const struct layer *layer = &network->model->layers[index];
    const struct quant_plan *plan = network->plan;
    node->layer = layer;
    node->type = types[layer->kind];
    node->own = node->type->own_size ? calloc(1, node->type->own_size) : NULL;
    if (node->type->own_size && !node->own)
        return error_memory(error, layer->name, node->type->own_size);
    network->own_size += node->type->own_size;
    node->from = index ? layer->inputs[0] : -1;
    node->other = layer->input_count > 1 ? layer->inputs[1] : -1;
    node->size = shape_count(&layer->output);
    node->input_size = index ? shape_count(&network->model->layers[node->from].output) : 0;
    node->relu = layer->activation == ACTIVATION_RELU && layer_has_kernel(layer);
    node->tensor = plan ? plan->activation_tensor[index] : -1;
    node->clipped_by = node_clipped_by(network, node);
    node->is_joined = index && network->nodes[node->from].clipped_by == index;
    node->kernel_tensor = plan ? plan->kernel_tensor[index] : -1;
    node->trains_kernel =
        layer_has_kernel(layer) &&
        (layer->trainable || (node->kernel_tensor >= 0 && plan->scheme.trains_kept_kernels));
    node->is_pooled = node_is_pooled(network, node);
    if (node->type->prepare) node->type->prepare(network, node);
    return STATUS_OK;
}

static void take_node(struct network *network, struct arena *arena, int index) {
    struct node *node = &network->nodes[index];
    const struct node *from = index ? &network->nodes[node->from] : NULL;
    size_t batch = (size_t)network->batch;
    bool wanted = from && from->gradient_wanted;
    if (node->other >= 0) wanted |= network->nodes[node->other].gradient_wanted;
    bool learns =
        node->trains_kernel || (node->layer->parameter_count > 0 && node->layer->trainable);
    node->gradient_wanted = network->trains && (wanted || learns);
    if (node->clipped_by >= 0) {
        node->gradient = arena_floats(arena, batch, node->size);
    } else if (!node->hands_on) {
        node->raw = arena_floats(arena, batch, node->size);
        /* The backward mask needs the values before quantization; without it, in place. */
        bool apart = network->trains && node->tensor >= 0 && index && !node->is_pooled;
        /* Calibration needs the argument of the activation. */
        apart |= !network->plan && layer_has_kernel(node->layer) &&
                 activation_is_sigmoidal(node->layer->activation);
        node->value = apart ? arena_floats(arena, batch, node->size) : node->raw;
        if (node->is_pooled && layer_is_relu(node->layer))
            node->gradient = from->gradient;
        else
            node->gradient = node->gradient_wanted ? arena_floats(arena, batch, node->size) : NULL;
    } else {
        node->raw = node->value = from->value;
        /* It shares the gradient of what it reads, unless that has other readers. */
        bool apart = node->gradient_wanted && from->readers > 1;
        node->gradient = apart ? arena_floats(arena, batch, node->size) : from->gradient;
    }
    if (node->type->take) node->type->take(network, node, arena);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static void take_all(struct network *network, struct arena *arena, int threads) {
    size_t batch = (size_t)network->batch;
    size_t classes = network->nodes[network->logits].size;
    size_t scratch = 0, aside = 0;
    for (int i = 0; i <= network->logits; i++) {
        const struct node *node = &network->nodes[i];
        take_node(network, arena, i);
        if (node->gradient_wanted && node->readers > 1) aside = larger(aside, node->size);
        if (node->type->scratch)
            scratch = larger(scratch, node->type->scratch(network, node, threads));
    }
    network->scratch = arena_floats(arena, scratch, 1);
    network->aside = arena_floats(arena, batch, aside);
    network->probabilities = arena_floats(arena, batch, classes);
    network->losses = arena_floats(arena, batch, 1);
    if (!network->plan) return;
    network->kernels = arena_floats(arena, network->model->weight_count, 1);
    network->kernel_by =
        arena_take(arena, (size_t)network->plan->range_count, sizeof *network->kernel_by);
}

static enum status network_fill(struct network *network, int threads, struct error *error) {
    const struct model *model = network->model;
    network->nodes = calloc((size_t)model->layer_count, sizeof *network->nodes);
    if (!network->nodes)
        return error_memory(error, model->name,
                            (size_t)model->layer_count * sizeof *network->nodes);
    network->logits = model->layer_count - 1;
    if (ends_in_softmax_layer(model)) network->logits = model->layers[network->logits].inputs[0];
    for (int i = 0; i < model->layer_count; i++)
        for (int j = 0; j < model->layers[i].input_count; j++)
            network->nodes[model->layers[i].inputs[j]].readers++;
    for (int i = 0; i < model->layer_count; i++) {
        enum status status = check_layer(network, i, error);
        if (!status) status = set_node(network, i, error);
        if (status) return status;
    }

    struct arena arena = {0};
    take_all(network, &arena, threads);
    network->arena = arena.has_overflowed ? NULL : array_new(arena.used, sizeof(float));
    if (!network->arena) return error_memory(error, model->name, arena.used * sizeof(float));
    network->arena_size = arena.used;
    arena = (struct arena){.base = network->arena};
    take_all(network, &arena, threads);
    return STATUS_OK;
}

enum status network_create(struct network **network, const struct network_options *options,
                           struct error *error) {
    *network = calloc(1, sizeof **network);
    if (!*network) return error_memory(error, options->model->name, sizeof **network);
    (*network)->model = options->model;
    (*network)->plan = options->plan;
    (*network)->batch = options->batch;
    (*network)->trains = options->trains;
    enum status status = network_fill(*network, options->threads, error);
    if (status) {
        network_destroy(*network);
        *network = NULL;
    }
    return status;
}

void network_destroy(struct network *network) {
    if (!network) return;
    array_free(network->arena);
    for (int i = 0; network->nodes && i < network->model->layer_count; i++)
        free(network->nodes[i].own);
    free(network->nodes);
    free(network);
}

const float *network_losses(const struct network *network) {
    return network->losses;
}

const float *network_probabilities(const struct network *network) {
    return network->probabilities;
}

int network_classes(const struct network *network) {
    return (int)network->nodes[network->logits].size;
}

struct layer_memory network_layer_memory(const struct network *network, int layer) {
    const struct node *node = &network->nodes[layer];
    const struct node *from = layer ? &network->nodes[node->from] : NULL;
    size_t bytes = node->size * (size_t)network->batch * sizeof(float);
    struct layer_memory memory = {0};
    if (layer > network->logits) return memory;
    if (node->raw && (!from || node->raw != from->value)) memory.values += bytes;
    if (node->value && node->value != node->raw && (!from || node->value != from->value))
        memory.values += bytes;
    memory.values += node->kept;
    if (node->gradient && (!from || node->gradient != from->gradient)) memory.gradient = bytes;
    return memory;
}

size_t network_memory(const struct network *network) {
    return network->arena_size * sizeof(float) + network->own_size;
}

const float *network_values(const struct network *network, int layer, size_t *count) {
    const struct node *node = &network->nodes[layer];
    qt_assert(!network->plan && layer <= network->logits);
    *count = node->size * (size_t)network->count;
    return layer_has_kernel(node->layer) ? node->raw : node->value;
}

const float *network_observed(const struct network *network, int layer, size_t *count) {
    const struct node *node = &network->nodes[layer];
    if (!network->trains || node->tensor < 0 || layer == 0) return NULL;
    *count = node->size * (size_t)network->count;
    return node->raw;
}
