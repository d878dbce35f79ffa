/* node: the network as planned: its layers with their buffers.
 *
 * Shared by the files of this room that plan the buffers and run the passes; nobody else needs it.
 */
#ifndef NETWORK_NODE_H
#define NETWORK_NODE_H

#include "kernel/kernel.h"
#include "network/network.h"

/* What a BatchNormalization computed with in the last forward pass; one value a channel each. */
struct batch_statistics {
    size_t rows, channels;
    bool of_batch; /* mean and variance are the batch's own, not the moving ones */
    const float *mean, *variance, *gamma, *shift; /* gamma NULL: 1 */
    float *own_mean, *own_variance;
    float *inverse, *factor; /* 1 / sqrt(variance + epsilon), times gamma */
    float *sums, *products;  /* backward */
    float *none;             /* zeros */
};

/* A layer with its buffers, each [batch][shape_count(output)]. */
struct node {
    const struct layer *layer;
    size_t size;          /* shape_count(&layer->output) */
    size_t inputs;        /* of the layer it reads */
    int from;             /* the node it reads; -1 for the input */
    int other;            /* Add: the second one; else -1 */
    int readers;          /* how often other nodes read it */
    int arrived;          /* gradients that its readers have given in this backward pass */
    float *raw;           /* before fake quantization; equal to `value` when there is none and no
                             sigmoid or tanh after the kernel */
    float *value;         /* what the next layer reads; some layers hand on their input's */
    float *gradient;      /* by `value`; NULL where none is wanted */
    bool gradient_wanted; /* something here or before it learns, and the network trains */
    unsigned char *where; /* MaxPooling2D: place of each maximum */
    float *factors;       /* Dropout: what each value was multiplied by; `raw` has the products */
    struct conv2d conv;   /* also of a depthwise convolution */
    struct pooling pooling;
    struct batch_statistics *statistics; /* BatchNormalization */
    bool relu;                           /* the kernel itself applies it */
    bool is_pooled;       /* Conv2D, ReLU: its fake quantization is left to the pooling that reads
                             it, and `value` is never stored */
    int clipped_by;       /* BatchNormalization: the ReLU that alone reads it and is computed with
                             it, so that its own values are never stored; -1 */
    bool is_joined;       /* ReLU: that one */
    float seen[2];        /* of it: smallest and largest of `raw` */
    bool drops;           /* Dropout: it did so in this pass */
    bool trains_kernel;   /* its kernel, in a network that trains */
    bool has_mask;        /* Dense, Conv2D: a weight lies outside its nudged range */
    int tensor;           /* of the plan, activation; -1 */
    int kernel_tensor;    /* of the plan, kernel; -1 */
    struct fake_quant by; /* of the activation, in this pass */
};

struct network {
    const struct model *model;
    const struct quant_plan *plan;
    int batch;
    bool trains;
    struct node *nodes;           /* one per layer, also those after the logits, which stay idle */
    int logits;                   /* the node that holds them */
    int count;                    /* digits of the last forward pass */
    float *arena;                 /* everything below and in the nodes */
    float *aside;                 /* a gradient by a tensor that has been given another one */
    size_t arena_size;            /* floats */
    float *kernels;               /* fake-quantized, laid out as the weight block */
    struct fake_quant *kernel_by; /* [plan->range_count] */
    float *scratch;
    float *probabilities, *losses;
};

bool is_curve(const struct layer *layer); /* its activation is sigmoid or tanh */

/* The kernel that the pass computes with: fake-quantized or plain. */
const float *node_kernel(const struct network *network, const struct node *node,
                         const struct pass *pass);
const float *node_bias(const struct network *network, const struct node *node,
                       const struct pass *pass); /* NULL when it has none */

/* Largest value that the layer's activation lets pass; 0: any. */
static inline float limit_of(const struct layer *layer) {
    return layer->activation == ACTIVATION_RELU6 ? 6.0f : layer->limit;
}

/* normalization.c: BatchNormalization. */
void forward_normalization(struct network *network, struct node *node, const struct pass *pass);
/* From node->gradient: parameters' into the block, and unless NULL by what the layer read. */
void backward_normalization(struct network *network, const struct node *node,
                            const struct pass *pass, float *gradient, float *to);

#endif
