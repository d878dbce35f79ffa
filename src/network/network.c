#include "network/network.h"

#include <stdlib.h>

#include "base/array.h"
#include "data/dataset.h"
#include "network/node.h"

/* Room is taken twice from the same sequence of calls: once to measure, with base NULL, and once
 * to hand out. */
struct arena {
    float *base;
    size_t used; /* floats */
    bool is_overflown;
};

static void *arena_take(struct arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (!size_multiply(count, size, &bytes) || bytes > SIZE_MAX / 4 ||
        arena->used > SIZE_MAX / 16) {
        arena->is_overflown = true;
        return NULL;
    }
    void *taken = arena->base ? (void *)(arena->base + arena->used) : NULL;
    /* a whole cache line of slack, since vector kernels may read past an end */
    arena->used += (bytes + ARRAY_ALIGNMENT - 1) / ARRAY_ALIGNMENT * (ARRAY_ALIGNMENT / 4) +
                   ARRAY_ALIGNMENT / 4;
    return taken;
}

static float *take_floats(struct arena *arena, size_t a, size_t b) {
    size_t count;
    if (!size_multiply(a, b, &count)) arena->is_overflown = true;
    return arena->is_overflown ? NULL : arena_take(arena, count, sizeof(float));
}

static bool is_softmax(const struct layer *layer) {
    return layer->kind == LAYER_SOFTMAX || layer->activation == ACTIVATION_SOFTMAX;
}

/* The last layer is a softmax of its own: the logits are what it reads. */
static bool ends_in_softmax_layer(const struct model *model) {
    return layer_is_softmax(&model->layers[model->layer_count - 1]);
}

bool is_curve(const struct layer *layer) {
    return layer->activation == ACTIVATION_SIGMOID || layer->activation == ACTIVATION_TANH;
}

static enum status refuse(const struct layer *layer, struct error *error, const char *why) {
    return error_set(error, STATUS_UNSUPPORTED, layer->name, "%s", why);
}

static bool is_max_pooling(const struct layer *layer) {
    return layer->kind == LAYER_MAX_POOLING2D || layer->kind == LAYER_GLOBAL_MAX_POOLING2D;
}

static enum status check_layer(const struct network *network, int index, struct error *error) {
    const struct layer *layers = network->model->layers, *layer = &layers[index];
    if ((layer->kind == LAYER_INPUT) != (index == 0))
        return refuse(layer, error, "only a model of one input can be computed");
    if (is_softmax(layer) && index != network->model->layer_count - 1)
        return refuse(layer, error, "softmax inside a model cannot be computed; only at its end");
    if (is_curve(layer) && index == network->model->layer_count - 1)
        return error_set(
            error, STATUS_UNSUPPORTED, layer->name,
            "a model that ends in %s cannot be computed; end it in softmax, or without "
            "activation",
            activation_name(layer->activation));
    if (is_max_pooling(layer) && layer->window.height > 256 / layer->window.width)
        return refuse(layer, error, "a pooling window of more than 256 values is too large");
    if (network->nodes[index].readers == 0 && index != network->model->layer_count - 1)
        return refuse(layer, error, "the output of this layer is not used");
    return STATUS_OK;
}

static void set_geometry(struct node *node, const struct shape *in) {
    const struct layer *layer = node->layer;
    const struct window *window = &layer->window;
    bool same = window->padding == PADDING_SAME;
    if (layer->kind == LAYER_CONV2D || layer->kind == LAYER_DEPTHWISE_CONV2D) {
        node->conv = (struct conv2d){
            .in_height = in->size[0],
            .in_width = in->size[1],
            .in_channels = in->size[2],
            .out_channels = layer->units,
            .kernel_height = window->height,
            .kernel_width = window->width,
            .stride_y = window->stride_y,
            .stride_x = window->stride_x,
            .dilation_y = window->dilation_y,
            .dilation_x = window->dilation_x,
        };
        conv2d_geometry(&node->conv, same);
    } else if (layer->kind == LAYER_MAX_POOLING2D || layer->kind == LAYER_AVERAGE_POOLING2D ||
               layer->kind == LAYER_GLOBAL_AVERAGE_POOLING2D ||
               layer->kind == LAYER_GLOBAL_MAX_POOLING2D) {
        node->pooling = (struct pooling){
            .in_height = in->size[0],
            .in_width = in->size[1],
            .channels = in->size[2],
            .window_height = window->height,
            .window_width = window->width,
            .stride_y = window->stride_y,
            .stride_x = window->stride_x,
        };
        pooling_geometry(&node->pooling, same);
    }
}

static bool is_read_by_pooling_alone(const struct model *model, int index) {
    int reader = quant_only_reader(model, index);
    return reader >= 0 && model->layers[reader].kind == LAYER_MAX_POOLING2D;
}

static int clipped_by(const struct network *network, int index) {
    const struct model *model = network->model;
    const struct quant_plan *plan = network->plan;
    if (!network->trains || model->layers[index].kind != LAYER_BATCH_NORMALIZATION ||
        (plan && plan->activation_tensor[index] >= 0))
        return -1;
    int reader = quant_only_reader(model, index);
    return reader >= 0 && reader <= network->logits && layer_is_relu(&model->layers[reader])
               ? reader
               : -1;
}

/* Whether the pooling that alone reads a node quantizes for it. */
static bool is_pooled(const struct network *network, int index) {
    const struct node *node = &network->nodes[index];
    const struct layer *layer = node->layer;
    if (node->tensor < 0 || index >= network->logits ||
        !is_read_by_pooling_alone(network->model, index))
        return false;
    if (layer->kind == LAYER_CONV2D) return node->relu || layer->activation == ACTIVATION_LINEAR;
    /* The pooling also takes the gradient back to what such a layer reads. */
    return layer_is_relu(layer) && limit_of(layer) == 0 &&
           quant_only_reader(network->model, node->from) == index;
}

static void set_node(struct network *network, int index) {
    struct node *node = &network->nodes[index];
    node->layer = &network->model->layers[index];
    node->from = index ? node->layer->inputs[0] : -1;
    node->other = node->layer->kind == LAYER_ADD ? node->layer->inputs[1] : -1;
    node->size = shape_count(&node->layer->output);
    node->inputs = index ? shape_count(&network->model->layers[node->from].output) : 0;
    node->relu = node->layer->activation == ACTIVATION_RELU && layer_has_kernel(node->layer);
    node->tensor = network->plan ? network->plan->activation_tensor[index] : -1;
    node->clipped_by = clipped_by(network, index);
    node->is_joined = index && network->nodes[node->from].clipped_by == index;
    node->kernel_tensor = network->plan ? network->plan->kernel_tensor[index] : -1;
    node->trains_kernel = layer_has_kernel(node->layer) &&
                          (!node->layer->keeps_weights ||
                           (node->kernel_tensor >= 0 && network->plan->scheme.trains_kept_kernels));
    node->is_pooled = is_pooled(network, index);
    if (index) set_geometry(node, &network->model->layers[node->from].output);
}

/* Whether a layer computes values of its own; others hand on what they read. */
static bool computes(const struct layer *layer) {
    switch (layer->kind) {
    case LAYER_ACTIVATION:
        return layer->activation != ACTIVATION_LINEAR && layer->activation != ACTIVATION_SOFTMAX;
    case LAYER_FLATTEN:
    case LAYER_RESHAPE:
    case LAYER_DROPOUT:
    case LAYER_SOFTMAX:
        return false;
    default:
        return true;
    }
}

static void take_node(struct network *network, struct arena *arena, int index) {
    struct node *node = &network->nodes[index];
    const struct node *from = index ? &network->nodes[node->from] : NULL;
    size_t batch = (size_t)network->batch;
    bool wanted = from && from->gradient_wanted;
    if (node->other >= 0) wanted |= network->nodes[node->other].gradient_wanted;
    bool learns =
        node->trains_kernel || (node->layer->parameter_count > 0 && !node->layer->keeps_weights);
    node->gradient_wanted = network->trains && (wanted || learns);
    if (node->clipped_by >= 0) {
        node->gradient = take_floats(arena, batch, node->size);
    } else if (computes(node->layer)) {
        node->raw = take_floats(arena, batch, node->size);
        /* The mask of backward needs the values before quantization; without it, in place. */
        bool apart = network->trains && node->tensor >= 0 && index && !node->is_pooled;
        /* Calibration looks at what goes into the activation. */
        apart |= !network->plan && layer_has_kernel(node->layer) && is_curve(node->layer);
        node->value = apart ? take_floats(arena, batch, node->size) : node->raw;
        if (node->is_pooled && layer_is_relu(node->layer))
            node->gradient = from->gradient;
        else
            node->gradient = node->gradient_wanted ? take_floats(arena, batch, node->size) : NULL;
    } else {
        node->raw = node->value = from->value;
        /* Its gradient is that of what it reads, unless others read that as well. */
        bool apart = node->gradient_wanted && from->readers > 1;
        node->gradient = apart ? take_floats(arena, batch, node->size) : from->gradient;
    }
    if (network->trains && is_max_pooling(node->layer))
        node->where = arena_take(arena, batch, node->size);
    if (network->trains && node->layer->kind == LAYER_DROPOUT) {
        node->raw = take_floats(arena, batch, node->size);
        node->factors = take_floats(arena, (batch * node->size + 63) / 64, 64); /* whole groups */
    }
}

static void take_statistics(struct network *network, struct arena *arena, int index) {
    struct batch_statistics *s = arena_take(arena, 1, sizeof *s);
    const struct shape *shape = &network->model->layers[index].output;
    size_t channels = (size_t)shape->size[shape->rank - 1];
    struct batch_statistics taken = {.channels = channels};
    float **arrays[] = {&taken.own_mean, &taken.own_variance, &taken.inverse, &taken.factor,
                        &taken.sums,     &taken.products,     &taken.none};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = take_floats(arena, channels, 1);
    network->nodes[index].statistics = s;
    if (s) *s = taken;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Floats of scratch that a layer's kernels ask for, forward and backward. */
static size_t scratch_of(const struct network *network, const struct node *node, int threads) {
    size_t batch = (size_t)network->batch;
    if (node->layer->kind == LAYER_CONV2D) return conv2d_scratch_size(&node->conv, threads);
    if (node->layer->kind != LAYER_DENSE) return 0;
    size_t units = (size_t)node->layer->units;
    size_t size = gemm_scratch_size(units, node->inputs, threads);
    if (!network->trains) return size;
    size = larger(size, gemm_scratch_size(units, batch, threads));
    return larger(size, gemm_scratch_size(node->inputs, units, threads));
}

static void take_all(struct network *network, struct arena *arena, int threads) {
    size_t batch = (size_t)network->batch;
    size_t classes = network->nodes[network->logits].size;
    size_t scratch = 0, aside = 0;
    for (int i = 0; i <= network->logits; i++) {
        take_node(network, arena, i);
        if (network->nodes[i].layer->kind == LAYER_BATCH_NORMALIZATION)
            take_statistics(network, arena, i);
        if (network->nodes[i].gradient_wanted && network->nodes[i].readers > 1)
            aside = larger(aside, network->nodes[i].size);
        scratch = larger(scratch, scratch_of(network, &network->nodes[i], threads));
    }
    network->scratch = take_floats(arena, scratch, 1);
    network->aside = take_floats(arena, batch, aside);
    network->probabilities = take_floats(arena, batch, classes);
    network->losses = take_floats(arena, batch, 1);
    if (!network->plan) return;
    network->kernels = take_floats(arena, network->model->weight_count, 1);
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
        if (status) return status;
        set_node(network, i);
    }
    if (network->nodes[0].size != DIGIT_PIXELS)
        return refuse(network->nodes[0].layer, error, "the input does not take digits of 28x28");

    struct arena arena = {0};
    take_all(network, &arena, threads);
    network->arena = arena.is_overflown ? NULL : array_new(arena.used, sizeof(float));
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
    if (node->factors) memory.values += bytes;
    if (node->where) memory.values += bytes / sizeof(float);
    if (node->gradient && (!from || node->gradient != from->gradient)) memory.gradient = bytes;
    return memory;
}

size_t network_memory(const struct network *network) {
    return network->arena_size * sizeof(float);
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
