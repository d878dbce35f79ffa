/* comparison: the integer engine compared with the float network, layer by layer.
 *
 * Both run the same images.  Every tensor of the engine is read as real = scale * (q - zero_point)
 * and compared with the float network's, so its error includes those of all layers before it.  To
 * find what a layer contributes by itself, only its weights and output are quantized, everything
 * else stays float32, and the error at the logits is measured (biases, of 32 bits, round too finely
 * to matter and stay float).  Powers of independent errors add up, so a layer's cost is its share
 * of the sum of these powers.
 */
#ifndef EVALUATE_COMPARISON_H
#define EVALUATE_COMPARISON_H

#include "base/pool.h"
#include "data/dataset.h"
#include "engine/engine.h"
#include "model/model.h"

#define SQNR_EXACT 120.0 /* dB; beyond it only the rounding of floats is left */

/* One tensor of the frozen model.  Decibels: INFINITY if both are equal; NAN if there is nothing to
 * measure. */
struct compared {
    int layer;             /* of the model; the first one if several are fused, */
    int last;              /* and the last, whose values the tensor holds */
    int operator_;         /* of the frozen model, -1 for an integer input */
    int tensor;            /* likewise */
    bool is_probabilities; /* the output of the final softmax, not its input */
    double sqnr;           /* 10 log10(sum x^2 / sum (x - real)^2), x from the float network */
    double saturation;   /* share of values that lie more than half a step outside of what the codes
                            can say, and stand at the first or last code: not a ReLU's zeros; NAN of a
                            softmax */
    double worst;        /* largest |x - real| */
    double weights_sqnr; /* of the weights, after folding BatchNormalization */
    double alone_sqnr;   /* of the logits, only this layer quantized */
    double alone_loss;   /* the increase of the mean cross-entropy, */
    int alone_lost;      /* and how many fewer images are correct */
    double share;        /* of the sum of all layers' error power at the logits, 0..1 */
};

struct comparison {
    size_t count; /* images */
    enum runtime runtime;
    int costliest; /* row; -1 when no layer costs anything */
    int row_count;
    struct compared rows[]; /* in the order of the frozen model's operators */
};

/* On the first `count` images (all, if there are fewer).  `weights` is a weight block of the model
 * (NULL: its own) from which the frozen model was made.  `where` names that in errors. */
enum status comparison_create(struct comparison **comparison, const struct model *model,
                              const float *weights, const struct frozen *frozen,
                              enum runtime runtime, const struct samples *samples, size_t count,
                              struct pool *pool, const char *where, struct error *error);
void comparison_free(struct comparison *comparison); /* NULL is harmless */

/* The row of a layer's output; NULL if there is none. */
const struct compared *comparison_of_layer(const struct comparison *comparison, int layer);

#endif
