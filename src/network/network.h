/* network: a model that computes on batches of images: forward, loss and backward, in plain float32
 * or with simulated quantization.
 *
 * All buffers are planned at creation for a largest batch; nothing is allocated afterwards. Flatten
 * and a Dropout that is off cost nothing.  Where several layers read one tensor, the gradients with
 * respect to it are added in descending order of layers.  One thread uses a network; kernels run on
 * the pool.  What a kind of layer computes is in layers/ (node.h).
 *
 * The loss is computed from logits.  A softmax at the end (of the last Dense, a Softmax layer or
 * Activation('softmax')) is not computed, and the loss uses its argument, as in Keras.  A model
 * that ends without softmax gives logits, as with from_logits=True in Keras.  A softmax elsewhere
 * is refused, and so are sigmoid and tanh at the end.
 */
#ifndef NETWORK_NETWORK_H
#define NETWORK_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "data/samples.h"
#include "quant/scheme.h"

struct network;

struct network_options {
    const struct model *model;     /* outlives the network */
    const struct quant_plan *plan; /* likewise; NULL: plain float32 */
    int batch;                     /* most images at once */
    int threads;                   /* of the pool that will be used */
    bool trains;                   /* plan buffers for network_backward, too */
};

/* Refuses, by layer name, what it cannot compute. */
enum status network_create(struct network **network, const struct network_options *options,
                           struct error *error);
void network_destroy(struct network *network); /* NULL is harmless */

/* Where the time of training steps goes, in seconds; for benchmarks. */
#define TIMED_LAYERS 64
struct step_times {
    double data;                                          /* choosing and copying the images */
    double kernels;                                       /* their ranges and fake quantization */
    double forward[TIMED_LAYERS], backward[TIMED_LAYERS]; /* by layer; those beyond are not timed */
    double loss, update;                                  /* update: Adam, and all checks */
};

/* One batch, forward and backward. */
struct pass {
    struct pool *pool;
    int count;                     /* images, 1..batch */
    const struct samples *samples; /* the first `count` of them; of the input's shape */
    const float *weights;          /* a block of the model */
    struct range *ranges;          /* of the plan; NULL without one */
    /* 0: the ranges stay.  Otherwise they move at this rate towards those of the batch, before its
     * values are quantized (observer.h). */
    float rate;
    /* BatchNormalization uses the mean and variance of the batch instead of the moving ones, unless
     * it is not trainable. */
    bool batch_statistics;
    bool dropout;          /* drop; what is dropped depends on seed and step only */
    float label_smoothing; /* of the gradient's targets (softmax_cross_entropy) */
    uint64_t seed, step;
    struct step_times *times; /* NULL: nothing is timed */
};

/* Fake-quantize the kernels by the ranges; forward and backward use them until the next call.
 * Without a plan there is nothing to do.  For network_backward the kernels' ranges must be those
 * of these weights (observer_kernels). */
void network_quantize_kernels(struct network *network, const struct pass *pass);

/* Returns the logits [count][classes], valid until the next call. */
const float *network_forward(struct network *network, const struct pass *pass);

/* After network_forward: softmax cross-entropy of each image into network_losses, and the
 * probabilities; *correct = how many images have their largest logit at the label. */
void network_loss(struct network *network, const struct pass *pass, const uint16_t *labels,
                  int *correct);
const float *network_losses(const struct network *network);        /* [count] */
const float *network_probabilities(const struct network *network); /* [count][classes] */
int network_classes(const struct network *network);

/* After network_loss, in a network that trains: gradient of the mean loss with respect to every
 * weight, in a block laid out as the model's.  Straight-through where values were fake-quantized.
 * Weights that are not trained are left as they are: the caller's zeros. */
void network_backward(struct network *network, const struct pass *pass, float *gradient);

/* A layer's output for the last batch, [*count] values; with a kernel and sigmoid or tanh, the
 * argument of that.  Not for networks with a plan, nor for layers after the logits. */
const float *network_values(const struct network *network, int layer, size_t *count);

/* After a pass with batch_statistics: move every moving mean and variance in `weights`, a block of
 * the model, towards the batch's, except in layers that are not trainable. */
void network_update_statistics(const struct network *network, float *weights);

/* Bytes of a layer's values and of its gradient (0 where it uses its neighbour's), and of all that
 * was planned at creation. */
struct layer_memory {
    size_t values, gradient;
};
struct layer_memory network_layer_memory(const struct network *network, int layer);
size_t network_memory(const struct network *network);

/* What the last forward pass gave to the fake quantization of a layer's activation, [*count]
 * values; NULL where there is none.  Only in a network that trains. */
const float *network_observed(const struct network *network, int layer, size_t *count);

#endif
