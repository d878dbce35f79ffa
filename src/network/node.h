/* node: a layer in a network, with its buffers and the functions of its kind.
 *
 * What a network computes for a kind of layer is in one file of layers/, which ends in the kind's
 * row.  LAYER_LIST in model/model.h names the rows.  Everything here is private to this room.
 */
#ifndef NETWORK_NODE_H
#define NETWORK_NODE_H

#include "kernel/kernel.h"
#include "network/arena.h"
#include "network/network.h"

struct node;

/* A row.  A function that has nothing to do may be NULL. */
struct node_type {
    size_t own_size; /* bytes of node->own */

    /* Why the layer cannot be computed; NULL: it can. */
    const char *(*refusal)(const struct layer *layer);

    /* Fill node->own except for buffers, and set node->hands_on; the rest of the node is set. */
    void (*prepare)(const struct network *network, struct node *node);

    /* Take the buffers of node->own, and set node->kept; the other buffers have been taken. */
    void (*take)(const struct network *network, struct node *node, struct arena *arena);

    /* Floats of scratch that the kernels need, forward and backward. */
    size_t (*scratch)(const struct network *network, const struct node *node, int threads);

    /* Compute node->raw and node->value from what the layer reads. */
    void (*forward)(struct network *network, struct node *node, const struct pass *pass);

    /* From node->gradient, compute the gradients of the parameters, into the block `gradient`, and
     * the gradient with respect to the input, into `to` unless that is NULL.  A layer with two
     * inputs gets NULL and gives the gradients of both itself (node_add_gradient). */
    void (*backward)(struct network *network, const struct node *node, const struct pass *pass,
                     float *gradient, float *to);
};

#define NODE_TYPE(kind, name) extern const struct node_type name##_node;
LAYER_LIST(NODE_TYPE)
#undef NODE_TYPE

/* A layer with its buffers, each [batch][shape_count(output)]. */
struct node {
    const struct layer *layer;
    const struct node_type *type;
    void *own;            /* data of this kind alone: a struct of its file */
    size_t size;          /* shape_count(&layer->output) */
    size_t input_size;    /* of the node it reads */
    int from;             /* the node it reads; -1 for the input */
    int other;            /* Add: the second one; else -1 */
    int readers;          /* how often other nodes read it */
    int arrived;          /* gradients that its readers have given in this backward pass */
    bool hands_on;        /* computes nothing: it shares the buffers of what it reads, but has a
                             gradient of its own if that has other readers */
    float *raw;           /* before fake quantization; equal to `value` when there is none and no
                             sigmoid or tanh after the kernel */
    float *value;         /* what the next layer reads */
    float *gradient;      /* with respect to `value`; NULL where none is wanted */
    bool gradient_wanted; /* something here or before it learns, and the network trains */
    size_t kept;          /* bytes in `own` that depend on the batch */

    /* Fake quantization of the output. */
    int tensor;                   /* of the plan; -1 */
    struct fake_quant fake_quant; /* in this pass */

    /* Dense, Conv2D, DepthwiseConv2D */
    bool relu;          /* the kernel itself applies it */
    bool trains_kernel; /* in a network that trains */
    bool has_mask;      /* a weight lies outside its nudged range */
    int kernel_tensor;  /* of the plan; -1 */

    /* Layers that are computed together. */
    bool is_pooled; /* Conv2D, ReLU: the pooling that alone reads it quantizes for it, and `value`
                       is never stored */
    int clipped_by; /* BatchNormalization: the ReLU that alone reads it and is computed with it, so
                       that its own values are never stored; -1 */
    bool is_joined; /* ReLU: that one */
    float seen[2];  /* of it: smallest and largest of `raw` */
};

struct network {
    const struct model *model;
    const struct quant_plan *plan;
    int batch;
    bool trains;
    struct node *nodes;           /* one per layer, also those after the logits, which stay idle */
    int logits;                   /* the node that holds them */
    int count;                    /* images of the last forward pass */
    float *arena;                 /* everything below and in the nodes */
    float *aside;                 /* a gradient with respect to a tensor that has one already */
    size_t arena_size;            /* floats */
    size_t own_size;              /* bytes of what the nodes point to with `own` */
    float *kernels;               /* fake-quantized, laid out as the weight block */
    struct fake_quant *kernel_by; /* [plan->range_count] */
    float *scratch;
    float *probabilities, *losses;
};

/* Largest value that the layer's activation lets pass; 0: any. */
static inline float limit_of(const struct layer *layer) {
    return layer->activation == ACTIVATION_RELU6 ? 6.0f : layer->limit;
}

/* `seen` if the pass needs the smallest and largest value of node->raw, for a kernel that can find
 * them on the way; else NULL. */
float *node_observed(const struct node *node, const struct pass *pass, float seen[2]);

/* Compute node->value from node->raw: move the range towards `seen` (NULL: find it here), and
 * fake-quantize.  Does nothing for a node without a tensor in the plan. */
void node_quantize(struct network *network, struct node *node, const struct pass *pass,
                   const float *seen);

/* For nodes that hand on: the value is that of the input, and so is the gradient. */
void node_hand_on(const struct network *network, struct node *node);
void node_hand_on_gradient(const struct node *node, const struct pass *pass, float *to);

/* A gradient with respect to a node's value, from one of its readers. */
void node_add_gradient(struct node *node, const struct pass *pass, const float *gradient);

/* The kernel for this pass, fake-quantized or plain, and the bias (NULL: none). */
const float *node_kernel(const struct network *network, const struct node *node,
                         const struct pass *pass);
const float *node_bias(const struct network *network, const struct node *node,
                       const struct pass *pass);

/* Whether the pooling that alone reads a node quantizes for it (pooling.c). */
bool node_is_pooled(const struct network *network, const struct node *node);

/* The ReLU that a BatchNormalization is computed with; -1 (normalization.c). */
int node_clipped_by(const struct network *network, const struct node *node);

#endif
