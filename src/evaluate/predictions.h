/* predictions: a model's output for each image of a set, and how often it is correct. */
#ifndef EVALUATE_PREDICTIONS_H
#define EVALUATE_PREDICTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct predictions {
    size_t count;
    size_t correct;
    double accuracy; /* correct / count */
    double loss;     /* mean softmax cross-entropy from logits; INT8: NAN, because 8-bit
                        probabilities saturate */
    int classes;
    float *probabilities; /* [count][classes] */
    uint16_t *labels;     /* [count] predicted */
};

/* Allocate for `count` samples; the loss is NAN until it is set. */
enum status predictions_create(struct predictions *predictions, size_t count, int classes,
                               struct error *error);

/* Free the contents. */
void predictions_free(struct predictions *predictions);

/* Compute labels, correct and accuracy from the probabilities and the true labels.  Among equal
 * probabilities the first wins, as in numpy's argmax. */
void predictions_judge(struct predictions *predictions, const uint16_t *truth);

#endif
