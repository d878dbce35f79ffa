/* comparison: the float network beside the integer engine, layer by layer.
 *
 * Both compute the same digits.  Every tensor that the engine keeps is read as
 * real = scale * (q - zero_point) and set against what the float network has there, so an error
 * holds all that came before it.  What a layer adds by itself is found one at a time: only its
 * weights and the codes of its output are quantized, everything else stays float32, and what that
 * does to the logits is measured (biases of 32 bits round too finely to matter and stay float).
 * Independent errors add up in power, so a layer's power as a share of the sum of all says what it
 * costs; the layer with the largest share is the one that costs most.
 */
#ifndef EVALUATE_COMPARISON_H
#define EVALUATE_COMPARISON_H

#include "base/pool.h"
#include "data/dataset.h"
#include "engine/engine.h"
#include "model/model.h"

#define SQNR_EXACT 120.0 /* dB; beyond it only the rounding of floats is left */

/* One tensor of the frozen model.  Decibels: INFINITY where both are equal; NAN where there is
 * nothing to measure. */
struct compared {
    int layer;             /* of the model; with what was fused to it: the first, ... */
    int last;              /* ... and the one whose values the tensor holds */
    int operator_;         /* of the frozen model, -1 for an integer input */
    int tensor;            /* likewise */
    bool is_probabilities; /* the softmax at the end, not what goes into it */
    double sqnr;           /* 10 log10(sum x^2 / sum (x - real)^2), x the float network's */
    double saturation;   /* share of values that lie more than half a step outside of what the codes
                            can say, and stand at the first or last code: not a ReLU's zeros; NAN of a
                            softmax */
    double worst;        /* largest |x - real| */
    double weights_sqnr; /* of the weights, BatchNormalization folded in */
    double alone_sqnr;   /* of the logits, this layer alone quantized */
    double alone_loss;   /* what it adds to the mean cross-entropy, */
    int alone_lost;      /* and how many digits fewer are right */
    double share;        /* of the sum of all layers' error at the logits, 0..1 */
};

struct comparison {
    size_t count; /* digits */
    enum runtime runtime;
    int costliest; /* row; -1 when no layer costs anything */
    int row_count;
    struct compared rows[]; /* in the order of the frozen model's operators */
};

/* On the first `count` digits (all when there are fewer).  `weights` is a block of the model, NULL
 * its own; the frozen model was made from them.  `where` names the frozen model in errors. */
enum status comparison_create(struct comparison **comparison, const struct model *model,
                              const float *weights, const struct frozen *frozen,
                              enum runtime runtime, const struct digits *digits, size_t count,
                              struct pool *pool, const char *where, struct error *error);
void comparison_free(struct comparison *comparison); /* NULL is harmless */

/* The row that holds what a layer gives; NULL when none does. */
const struct compared *comparison_of_layer(const struct comparison *comparison, int layer);

#endif
