#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "data/dataset.h"
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
    /* Mostly no weight lies outside: rounding makes it so for one range in 250. */
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

/* `seen`: smallest and largest of the raw values, where they are to be observed. */
static void quantize_activation(struct network *network, struct node *node, const struct pass *pass,
                                const float seen[2]) {
    const struct quant_tensor *tensor = &network->plan->tensors[node->tensor];
    struct range *range = pass->ranges + tensor->offset;
    if (pass->rate > 0) observer_activation(range, (struct range){seen[0], seen[1]}, pass->rate);
    node->by = quant_plan_fake_quant(network->plan, tensor, quant_clip(node->layer, *range));
    if (!node->is_pooled)
        fake_quant_tensor(pass->pool, node->size * (size_t)pass->count, node->raw, &node->by,
                          node->value);
}

/* ---- forward ---- */

/* Fewer pixels are not worth waking a thread for. */
#define LEAST_PIXELS 8192

struct look_up {
    const unsigned char *pixels;
    const float *values;
    size_t count;
    float *to;
};

static void look_up_part(void *context, int part, int parts) {
    const struct look_up *l = context;
    size_t begin, end;
    pool_share(l->count, 64, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) l->to[i] = l->values[l->pixels[i]];
}

/* A pixel has 256 values: each is converted and quantized once. */
static void forward_input(struct network *network, struct node *node, const struct pass *pass) {
    size_t count = node->size * (size_t)pass->count;
    if (node->tensor < 0) {
        pixels_to_float(count, pass->pixels, node->value);
        return;
    }
    unsigned char pixels[256];
    float values[256 + 16], quantized[256 + 16]; /* kernels may read past the end */
    for (int i = 0; i < 256; i++) pixels[i] = (unsigned char)i;
    pixels_to_float(256, pixels, values);

    const struct quant_tensor *tensor = &network->plan->tensors[node->tensor];
    struct range *range = pass->ranges + tensor->offset;
    if (pass->rate > 0 && !(range->min <= 0 && range->max >= 1)) { /* a pixel is in 0..1 */
        unsigned char low = 255, high = 0;
        for (size_t i = 0; i < count; i++) {
            low = pass->pixels[i] < low ? pass->pixels[i] : low;
            high = pass->pixels[i] > high ? pass->pixels[i] : high;
        }
        observer_widest(range, (struct range){values[low], values[high]});
    }
    node->by = quant_plan_fake_quant(network->plan, tensor, *range);
    fake_quant_tensor(NULL, 256, values, &node->by, quantized);
    struct look_up look_up = {pass->pixels, quantized, count, node->value};
    pool_run(pass->pool, count < LEAST_PIXELS ? 1 : pool_threads(pass->pool), look_up_part,
             &look_up);
}

static void forward_dense(struct network *network, struct node *node, const struct pass *pass,
                          float seen[2]) {
    size_t units = (size_t)node->layer->units;
    gemm(pass->pool, &(struct gemm){
                         .m = (size_t)pass->count,
                         .n = units,
                         .k = node->inputs,
                         .a = network->nodes[node->from].value,
                         .a_row = node->inputs,
                         .a_column = 1,
                         .b = node_kernel(network, node, pass),
                         .b_row = units,
                         .b_column = 1,
                         .bias = node_bias(network, node, pass),
                         .relu = node->relu,
                         .c = node->raw,
                         .scratch = network->scratch,
                         .range = seen,
                     });
}

static struct conv2d_forward forward_of(const struct network *network, const struct node *node,
                                        const struct pass *pass) {
    return (struct conv2d_forward){
        .shape = &node->conv,
        .n = pass->count,
        .x = network->nodes[node->from].value,
        .kernel = node_kernel(network, node, pass),
        .bias = node_bias(network, node, pass),
        .relu = node->relu,
        .y = node->raw,
        .scratch = network->scratch,
    };
}

static void forward_conv2d(struct network *network, struct node *node, const struct pass *pass,
                           float seen[2]) {
    struct conv2d_forward forward = forward_of(network, node, pass);
    forward.range = seen;
    conv2d_forward(pass->pool, &forward);
}

static void forward_average(const struct node *from, struct node *node, const struct pass *pass) {
    average_pool_forward(pass->pool, &node->pooling, pass->count, from->value, node->raw);
}

static void forward_depthwise(struct network *network, struct node *node, const struct pass *pass) {
    const struct conv2d_forward forward = forward_of(network, node, pass);
    depthwise_forward(pass->pool, &forward);
}

/* Rows of the image that a ZeroPadding2D surrounds, and where they begin in its output. */
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
    for (size_t d = 0; d < (size_t)pass->count; d++)
        for (size_t y = 0; y < m.rows; y++, from += m.row)
            memcpy(node->raw + d * node->size + m.first + y * m.wide_row, from,
                   m.row * sizeof *from);
}

static void backward_padding(struct network *network, const struct node *node,
                             const struct pass *pass, float *to) {
    const struct margins m = margins_of(network, node);
    for (size_t d = 0; d < (size_t)pass->count; d++)
        for (size_t y = 0; y < m.rows; y++, to += m.row)
            memcpy(to, node->gradient + d * node->size + m.first + y * m.wide_row,
                   m.row * sizeof *to);
}

static void forward_pooling(const struct node *from, struct node *node, const struct pass *pass) {
    max_pool_forward(pass->pool, &(struct max_pool_forward){
                                     .shape = &node->pooling,
                                     .n = pass->count,
                                     .x = from->is_pooled ? from->raw : from->value,
                                     .fake_quant = from->is_pooled ? &from->by : NULL,
                                     .y = node->raw,
                                     .where = node->where,
                                 });
}

static void forward_dropout(struct network *network, struct node *node, const struct pass *pass) {
    const float *from = network->nodes[node->from].value;
    node->drops = pass->dropout && network->trains && node->layer->rate > 0;
    if (!node->drops) {
        node->value = network->nodes[node->from].value;
        return;
    }
    node->value = node->raw;
    const struct dropout by = {.seed = pass->seed,
                               .counter = pass->step | (uint64_t)(node - network->nodes) << 48,
                               .rate = node->layer->rate};
    dropout_forward(pass->pool, node->size * (size_t)pass->count, &by, from, node->factors,
                    node->value);
}

static void forward_curve(const struct node *node, const struct pass *pass, const float *x) {
    size_t count = node->size * (size_t)pass->count;
    if (node->layer->activation == ACTIVATION_SIGMOID)
        sigmoid_forward(pass->pool, count, x, node->value);
    else
        tanh_forward(pass->pool, count, x, node->value);
}

/* An activation that is a layer. */
static void forward_activation(const struct node *from, struct node *node,
                               const struct pass *pass) {
    size_t count = node->size * (size_t)pass->count;
    float limit = limit_of(node->layer);
    if (is_curve(node->layer))
        forward_curve(node, pass, from->value);
    else if (limit > 0)
        clip_forward(pass->pool, count, from->value, limit, node->raw);
    else if (node->layer->activation == ACTIVATION_RELU)
        relu_forward(pass->pool, count, from->value, node->raw);
    else
        node->value = from->value;
}

static void forward_node(struct network *network, struct node *node, const struct pass *pass) {
    const struct node *from = node->from >= 0 ? &network->nodes[node->from] : NULL;
    size_t count = node->size * (size_t)pass->count;
    float range[2], *seen = node->tensor >= 0 && pass->rate > 0 ? range : NULL;
    bool is_seen = false; /* the kernel has told the range */
    switch (node->layer->kind) {
    case LAYER_INPUT:
        forward_input(network, node, pass);
        return;
    case LAYER_DENSE:
        forward_dense(network, node, pass, seen);
        is_seen = true;
        break;
    case LAYER_CONV2D:
        forward_conv2d(network, node, pass, seen);
        is_seen = true;
        break;
    case LAYER_DEPTHWISE_CONV2D:
        forward_depthwise(network, node, pass);
        break;
    case LAYER_BATCH_NORMALIZATION:
        forward_normalization(network, node, pass);
        break;
    case LAYER_ADD:
        add_tensors(pass->pool, count, from->value, network->nodes[node->other].value, node->raw,
                    seen);
        is_seen = true;
        break;
    case LAYER_AVERAGE_POOLING2D:
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        forward_average(from, node, pass);
        break;
    case LAYER_ZERO_PADDING2D:
        forward_padding(network, node, pass);
        return;
    case LAYER_GLOBAL_MAX_POOLING2D:
    case LAYER_MAX_POOLING2D:
        forward_pooling(from, node, pass);
        return;
    case LAYER_DROPOUT:
        forward_dropout(network, node, pass);
        return;
    case LAYER_RELU:
    case LAYER_ACTIVATION:
        if (node->is_joined) {
            range[0] = node->seen[0];
            range[1] = node->seen[1];
            is_seen = true;
            break;
        }
        forward_activation(from, node, pass);
        if (node->value == from->value || is_curve(node->layer)) return;
        break;
    case LAYER_LEAKY_RELU:
        leaky_forward(pass->pool, count, from->value, node->layer->slope, node->raw);
        break;
    case LAYER_RESHAPE:
    case LAYER_FLATTEN:
        node->value = from->value;
        return;
    case LAYER_SOFTMAX:
    case LAYER_SEPARABLE_CONV2D:
    case LAYER_KINDS:
        return;
    }
    if (node->layer->activation == ACTIVATION_RELU6 && layer_has_kernel(node->layer)) {
        clip_forward(pass->pool, count, node->raw, limit_of(node->layer), node->raw);
        is_seen = false;
    }
    if (seen && !is_seen) min_max(pass->pool, count, node->raw, &range[0], &range[1]);
    if (node->tensor >= 0) quantize_activation(network, node, pass, range);
    if (is_curve(node->layer))
        forward_curve(node, pass, node->tensor < 0 ? node->raw : node->value);
}

static double start_time(const struct pass *pass) {
    return pass->times ? clock_seconds() : 0;
}

const float *network_forward(struct network *network, const struct pass *pass) {
    qt_assert(pass->count > 0 && pass->count <= network->batch);
    network->count = pass->count;
    for (int i = 0; i <= network->logits; i++) {
        double begin = start_time(pass);
        forward_node(network, &network->nodes[i], pass);
        if (pass->times && i < TIMED_LAYERS) pass->times->forward[i] += clock_seconds() - begin;
    }
    return network->nodes[network->logits].value;
}

void network_loss(struct network *network, const struct pass *pass, const unsigned char *labels,
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

/* From the gradient with respect to the quantized activation to that with respect to its argument;
 * `to` may be the node's own gradient. */
static void backward_activation(const struct node *node, const struct pass *pass, float *to) {
    size_t count = node->size * (size_t)pass->count;
    bool relu = node->layer->activation == ACTIVATION_RELU;
    float limit = limit_of(node->layer);
    const float *gradient = node->gradient;
    if (is_curve(node->layer)) {
        if (node->layer->activation == ACTIVATION_SIGMOID)
            sigmoid_backward(pass->pool, count, node->value, gradient, to);
        else
            tanh_backward(pass->pool, count, node->value, gradient, to);
        gradient = to;
    }
    if (node->tensor >= 0) {
        fake_quant_tensor_backward(pass->pool, count, node->raw, &node->by, relu, gradient, to);
        gradient = to;
    } else if (relu) {
        relu_backward(pass->pool, count, node->raw, gradient, to);
    }
    if (limit > 0) clip_backward(pass->pool, count, node->raw, limit, gradient, to);
    if (node->layer->kind == LAYER_LEAKY_RELU)
        leaky_backward(pass->pool, count, node->raw, node->layer->slope, gradient, to);
}

static struct conv2d_backward backward_of(const struct network *network, const struct node *node,
                                          const struct pass *pass) {
    return (struct conv2d_backward){
        .shape = &node->conv,
        .n = pass->count,
        .x = network->nodes[node->from].value,
        .kernel = node_kernel(network, node, pass),
        .dy = node->gradient,
        .scratch = network->scratch,
    };
}

static void backward_kernel(struct network *network, const struct node *node,
                            const struct pass *pass, float *dkernel) {
    struct conv2d_backward backward = backward_of(network, node, pass);
    size_t units = (size_t)node->layer->units;
    backward.dkernel = dkernel;
    if (node->layer->kind == LAYER_CONV2D)
        conv2d_backward_kernel(pass->pool, &backward);
    else if (node->layer->kind == LAYER_DEPTHWISE_CONV2D)
        depthwise_backward_kernel(pass->pool, &backward);
    else
        gemm(pass->pool, &(struct gemm){
                             .m = node->inputs,
                             .n = units,
                             .k = (size_t)pass->count,
                             .a = network->nodes[node->from].value,
                             .a_row = 1,
                             .a_column = node->inputs,
                             .b = node->gradient,
                             .b_row = units,
                             .b_column = 1,
                             .c = dkernel,
                             .scratch = network->scratch,
                         });
}

static void backward_parameters(struct network *network, const struct node *node,
                                const struct pass *pass, float *gradient) {
    const struct parameter *kernel = &network->model->parameters[node->layer->kernel];
    float *dkernel = gradient + kernel->offset;
    size_t units = (size_t)node->layer->units, n = (size_t)pass->count;
    backward_kernel(network, node, pass, dkernel);
    if (node->layer->bias >= 0 && !node->layer->keeps_weights)
        column_sums(pass->pool, n * (node->size / units), units, node->gradient,
                    gradient + network->model->parameters[node->layer->bias].offset);
    if (!node->has_mask || node->kernel_tensor < 0) return;
    const struct quant_tensor *tensor = &network->plan->tensors[node->kernel_tensor];
    const struct fake_quant *by = network->kernel_by + tensor->offset;
    const float *weights = pass->weights + kernel->offset;
    size_t channels = (size_t)tensor->channels;
    if (tensor->is_per_channel)
        fake_quant_channels_backward(pass->pool, kernel->count / channels, channels, weights, by,
                                     dkernel, dkernel);
    else
        fake_quant_tensor_backward(pass->pool, kernel->count, weights, by, false, dkernel, dkernel);
}

/* From the gradient with respect to a layer's sums to that with respect to what it read. */
static void backward_input(struct network *network, const struct node *node,
                           const struct pass *pass, float *to) {
    struct conv2d_backward backward = backward_of(network, node, pass);
    size_t units = (size_t)node->layer->units;
    backward.dx = to;
    if (node->layer->kind == LAYER_CONV2D)
        conv2d_backward_input(pass->pool, &backward);
    else if (node->layer->kind == LAYER_DEPTHWISE_CONV2D)
        depthwise_backward_input(pass->pool, &backward);
    else
        gemm(pass->pool, &(struct gemm){
                             .m = (size_t)pass->count,
                             .n = node->inputs,
                             .k = units,
                             .a = node->gradient,
                             .a_row = units,
                             .a_column = 1,
                             .b = backward.kernel,
                             .b_row = 1,
                             .b_column = units,
                             .c = to,
                             .scratch = network->scratch,
                         });
}

/* Where the pooling quantized, it also takes the gradient back to the sums, or to what a ReLU layer
 * read, whose gradient lies in the same place. */
static void backward_pooling(const struct node *from, const struct node *node,
                             const struct pass *pass, float *to) {
    max_pool_backward(pass->pool, &(struct max_pool_backward){
                                      .shape = &node->pooling,
                                      .n = pass->count,
                                      .x = from->raw,
                                      .fake_quant = from->is_pooled ? &from->by : NULL,
                                      .relu = from->layer->activation == ACTIVATION_RELU,
                                      .dy = node->gradient,
                                      .where = node->where,
                                      .dx = to,
                                  });
}

/* A layer that hands on what it reads; `to` may be its own gradient. */
static void backward_handing_on(const struct node *node, const struct pass *pass, float *to) {
    size_t count = node->size * (size_t)pass->count;
    if (node->layer->kind == LAYER_DROPOUT && node->drops)
        dropout_multiply(pass->pool, count, node->gradient, node->factors, to);
    else if (to != node->gradient)
        memcpy(to, node->gradient, count * sizeof *to);
}

/* Several readers of one tensor give their gradients in descending order of layers: the first
 * is written where it belongs, each of the others aside and then added. */
static float *gradient_place(const struct network *network, const struct node *from) {
    if (!from->gradient_wanted) return NULL;
    return from->arrived ? network->aside : from->gradient;
}

static void gradient_arrives(struct node *from, const struct pass *pass, const float *gradient) {
    size_t count = from->size * (size_t)pass->count;
    if (from->arrived++)
        add_tensors(pass->pool, count, from->gradient, gradient, from->gradient, NULL);
    else if (gradient != from->gradient)
        memcpy(from->gradient, gradient, count * sizeof *gradient);
}

static void backward_add(struct network *network, const struct node *node,
                         const struct pass *pass) {
    const int sources[] = {node->other, node->from};
    backward_activation(node, pass, node->gradient);
    for (int i = 0; i < 2; i++) {
        struct node *from = &network->nodes[sources[i]];
        if (from->gradient_wanted) gradient_arrives(from, pass, node->gradient);
    }
}

/* `to`: gradient with respect to what the layer reads; NULL where none is wanted. */
static void backward_node(struct network *network, const struct node *node, const struct pass *pass,
                          float *gradient, float *to) {
    const struct node *from = &network->nodes[node->from];
    switch (node->layer->kind) {
    case LAYER_DENSE:
    case LAYER_CONV2D:
    case LAYER_DEPTHWISE_CONV2D:
        if (!node->is_pooled) backward_activation(node, pass, node->gradient);
        if (node->trains_kernel) backward_parameters(network, node, pass, gradient);
        if (to) backward_input(network, node, pass, to);
        return;
    case LAYER_BATCH_NORMALIZATION:
        backward_activation(node, pass, node->gradient);
        backward_normalization(network, node, pass, gradient, to);
        return;
    case LAYER_ZERO_PADDING2D:
        if (to) backward_padding(network, node, pass, to);
        return;
    case LAYER_GLOBAL_MAX_POOLING2D:
    case LAYER_MAX_POOLING2D:
        if (to) backward_pooling(from, node, pass, to);
        return;
    case LAYER_AVERAGE_POOLING2D:
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        if (!to) return;
        backward_activation(node, pass, node->gradient);
        average_pool_backward(pass->pool, &node->pooling, pass->count, node->gradient, to);
        return;
    case LAYER_RELU:
    case LAYER_LEAKY_RELU:
    case LAYER_ACTIVATION:
        if (!to || node->is_pooled) return;
        if (node->value != from->value)
            backward_activation(node, pass, to);
        else
            backward_handing_on(node, pass, to);
        return;
    case LAYER_DROPOUT:
    case LAYER_RESHAPE:
    case LAYER_FLATTEN:
        if (to) backward_handing_on(node, pass, to);
        return;
    case LAYER_ADD: /* backward_add */
    case LAYER_INPUT:
    case LAYER_SOFTMAX:
    case LAYER_SEPARABLE_CONV2D:
    case LAYER_KINDS:
        return;
    }
}

/* From a node to what it reads. */
static void backward_from(struct network *network, const struct node *node, const struct pass *pass,
                          float *gradient) {
    if (node->layer->kind == LAYER_ADD) {
        backward_add(network, node, pass);
        return;
    }
    struct node *from = &network->nodes[node->from];
    float *to = gradient_place(network, from);
    backward_node(network, node, pass, gradient, to);
    if (to) gradient_arrives(from, pass, to);
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
