/* predictions: what a model says of each image of a set, and how often it is right. */
#ifndef EVALUATE_PREDICTIONS_H
#define EVALUATE_PREDICTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct predictions {
    size_t count;
    size_t correct;
    double accuracy; /* correct / count */
    double loss;     /* mean softmax cross-entropy from logits; INT8: NAN (probabilities of 8 bits
                        saturate, so none is claimed) */
    float *probabilities; /* [count][10] */
    uint8_t *labels;      /* [count] predicted */
};

/* Room for `count` images; the loss is NAN until somebody sets it. */
enum status predictions_create(struct predictions *predictions, size_t count, struct error *error);

/* Frees what is inside. */
void predictions_free(struct predictions *predictions);

/* Fills labels, correct and accuracy from the probabilities and the true labels.  Among equal
 * probabilities the first wins, as in numpy's argmax. */
void predictions_judge(struct predictions *predictions, const unsigned char *truth);

#endif
