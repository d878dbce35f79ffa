/* MaxPooling2D, AveragePooling2D, GlobalMaxPooling2D, GlobalAveragePooling2D */
#include "network/layers/activation.h"

struct pooling_block {
    struct pooling shape;
    unsigned char *where; /* max pooling: place of each maximum */
};

static void prepare_pooling(const struct network *network, struct node *node) {
    struct pooling_block *own = node->own;
    const struct shape *in = &network->model->layers[node->from].output;
    const struct window *window = &node->layer->window;
    own->shape = (struct pooling){
        .in_height = in->size[0],
        .in_width = in->size[1],
        .channels = in->size[2],
        .window_height = window->height,
        .window_width = window->width,
        .stride_y = window->stride_y,
        .stride_x = window->stride_x,
    };
    pooling_geometry(&own->shape, window->padding == PADDING_SAME);
}

/* ---- MaxPooling2D, GlobalMaxPooling2D ------------------------------------------------------- */

bool node_is_pooled(const struct network *network, const struct node *node) {
    const struct layer *layer = node->layer;
    int index = (int)(node - network->nodes), reader = quant_only_reader(network->model, index);
    if (node->tensor < 0 || index >= network->logits || reader < 0 ||
        network->model->layers[reader].kind != LAYER_MAX_POOLING2D)
        return false;
    if (layer->kind == LAYER_CONV2D) return node->relu || layer->activation == ACTIVATION_LINEAR;
    /* The pooling also computes the gradient with respect to what such a layer reads. */
    return layer_is_relu(layer) && limit_of(layer) == 0 &&
           quant_only_reader(network->model, node->from) == index;
}

static const char *refuse_max_pooling(const struct layer *layer) {
    return layer->window.height > 256 / layer->window.width
               ? "pooling windows of more than 256 values are not supported"
               : NULL;
}

static void take_max_pooling(const struct network *network, struct node *node,
                             struct arena *arena) {
    struct pooling_block *own = node->own;
    if (!network->trains) return;
    own->where = arena_take(arena, (size_t)network->batch, node->size);
    node->kept = (size_t)network->batch * node->size;
}

static void forward_max_pooling(struct network *network, struct node *node,
                                const struct pass *pass) {
    const struct pooling_block *own = node->own;
    const struct node *from = &network->nodes[node->from];
    max_pool_forward(pass->pool, &(struct max_pool_forward){
                                     .shape = &own->shape,
                                     .n = pass->count,
                                     .x = from->is_pooled ? from->raw : from->value,
                                     .fake_quant = from->is_pooled ? &from->fake_quant : NULL,
                                     .y = node->raw,
                                     .where = own->where,
                                 });
}

/* If the pooling quantized, it also goes back through that and the ReLU: to the sums of a
 * convolution, or to the input of a ReLU layer, whose gradient shares its buffer. */
static void backward_max_pooling(struct network *network, const struct node *node,
                                 const struct pass *pass, float *gradient, float *to) {
    const struct pooling_block *own = node->own;
    const struct node *from = &network->nodes[node->from];
    (void)gradient;
    if (!to) return;
    max_pool_backward(pass->pool, &(struct max_pool_backward){
                                      .shape = &own->shape,
                                      .n = pass->count,
                                      .x = from->raw,
                                      .fake_quant = from->is_pooled ? &from->fake_quant : NULL,
                                      .relu = from->layer->activation == ACTIVATION_RELU,
                                      .dy = node->gradient,
                                      .where = own->where,
                                      .dx = to,
                                  });
}

const struct node_type max_pooling2d_node = {
    .own_size = sizeof(struct pooling_block),
    .refusal = refuse_max_pooling,
    .prepare = prepare_pooling,
    .take = take_max_pooling,
    .forward = forward_max_pooling,
    .backward = backward_max_pooling,
};

const struct node_type global_max_pooling2d_node = {
    .own_size = sizeof(struct pooling_block),
    .refusal = refuse_max_pooling,
    .prepare = prepare_pooling,
    .take = take_max_pooling,
    .forward = forward_max_pooling,
    .backward = backward_max_pooling,
};

/* ---- AveragePooling2D, GlobalAveragePooling2D ----------------------------------------------- */

static void forward_average(struct network *network, struct node *node, const struct pass *pass) {
    const struct pooling_block *own = node->own;
    average_pool_forward(pass->pool, &own->shape, pass->count, network->nodes[node->from].value,
                         node->raw);
    node_quantize(network, node, pass, NULL);
}

static void backward_average(struct network *network, const struct node *node,
                             const struct pass *pass, float *gradient, float *to) {
    const struct pooling_block *own = node->own;
    (void)network, (void)gradient;
    if (!to) return;
    activation_backward(node, pass, node->gradient);
    average_pool_backward(pass->pool, &own->shape, pass->count, node->gradient, to);
}

const struct node_type average_pooling2d_node = {
    .own_size = sizeof(struct pooling_block),
    .prepare = prepare_pooling,
    .forward = forward_average,
    .backward = backward_average,
};

const struct node_type global_average_pooling2d_node = {
    .own_size = sizeof(struct pooling_block),
    .prepare = prepare_pooling,
    .forward = forward_average,
    .backward = backward_average,
};
