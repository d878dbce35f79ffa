/* network: a model laid out for computing on batches of digits: forward, loss and backward, in
 * plain float32 or with quantization simulated.
 *
 * All buffers are planned at creation for a largest batch; nothing allocates afterwards.  Flatten
 * and a Dropout that is off cost nothing.  Where several layers read one tensor, their gradients by
 * it are added in falling order of layers.  One thread uses a network; kernels run on the pool.
 *
 * The loss is taken from logits.  A softmax at the end (of the last Dense, a Softmax layer or
 * Activation('softmax')) is left out of the computation and the loss uses what goes into it, as
 * Keras does.  A model that ends without softmax gives logits itself, as a Keras user means who
 * compiles it with from_logits=True.  A softmax elsewhere is refused, and sigmoid or tanh at the
 * end.
 */
#ifndef NETWORK_NETWORK_H
#define NETWORK_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "quant/scheme.h"

struct network;

struct network_options {
    const struct model *model;     /* outlives the network */
    const struct quant_plan *plan; /* likewise; NULL: plain float32 */
    int batch;                     /* most digits at once */
    int threads;                   /* of the pool that will be used */
    bool trains;                   /* plan for network_backward too */
};

/* Refuses, by layer name, what it cannot compute. */
enum status network_create(struct network **network, const struct network_options *options,
                           struct error *error);
void network_destroy(struct network *network); /* NULL is harmless */

/* Where a step's time goes, in seconds added up over steps; for benchmarks. */
#define TIMED_LAYERS 64
struct step_times {
    double data;                                          /* choosing and copying the digits */
    double kernels;                                       /* their ranges and fake quantization */
    double forward[TIMED_LAYERS], backward[TIMED_LAYERS]; /* by layer; what is beyond is left out */
    double loss, update;                                  /* update: Adam, and all checks */
};

/* One batch's way through the network. */
struct pass {
    struct pool *pool;
    int count;                   /* digits, 1..batch */
    const unsigned char *pixels; /* [count][784] */
    const float *weights;        /* a block of the model */
    struct range *ranges;        /* of the plan; NULL without one */
    /* 0: the ranges stay.  Else they are moved by this rate towards what the batch shows, before
     * its values are quantized (observer.h). */
    float rate;
    /* BatchNormalization takes mean and variance of the batch, not the moving ones; one that
     * keeps its weights does not. */
    bool batch_statistics;
    bool dropout;          /* drop, with numbers that depend on seed and step only */
    float label_smoothing; /* of the gradient's targets (softmax_cross_entropy) */
    uint64_t seed, step;
    struct step_times *times; /* NULL: nothing is measured */
};

/* Fake-quantize the kernels by the ranges; forward and backward use them until the next call.
 * Without a plan there is nothing to do.  For network_backward the kernels' ranges must be those
 * of these weights (observer_kernels). */
void network_quantize_kernels(struct network *network, const struct pass *pass);

/* Returns the logits [count][classes], valid until the next call. */
const float *network_forward(struct network *network, const struct pass *pass);

/* After network_forward: softmax cross-entropy of each digit into network_losses, and the
 * probabilities; *correct = digits whose largest logit is at the label. */
void network_loss(struct network *network, const struct pass *pass, const unsigned char *labels,
                  int *correct);
const float *network_losses(const struct network *network);        /* [count] */
const float *network_probabilities(const struct network *network); /* [count][classes] */
int network_classes(const struct network *network);

/* After network_loss, in a network that trains: gradient of the mean loss by every weight, in a
 * block laid out as the model's.  Straight-through where values were fake-quantized.  What no
 * optimizer trains is left as it is: the caller's zeros. */
void network_backward(struct network *network, const struct pass *pass, float *gradient);

/* What a layer made of the last batch, [*count] values; of one with a kernel and sigmoid or tanh
 * what went into that.  Of a network without a plan, and of no layer after the logits. */
const float *network_values(const struct network *network, int layer, size_t *count);

/* After a pass with batch_statistics: move every moving mean and variance in `weights`, a block of
 * the model, towards the batch's; those of layers that keep their weights stay. */
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
