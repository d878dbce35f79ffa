/* work: a few digits and all that one pass of a network over them needs, for tests. */
#ifndef TESTS_NETWORK_WORK_H
#define TESTS_NETWORK_WORK_H

#include "network/network.h"

enum { DIGITS = 3, PIXELS = 784 };

struct work {
    struct network *network;
    unsigned char pixels[DIGITS * PIXELS];
    uint16_t labels[DIGITS];
    struct samples samples;
    struct pass pass;
    float *gradient;
    double loss;
};

/* A training network for `model`, and for `plan` unless that is NULL; digits and labels that are
 * always the same. */
void work_begin(struct work *work, const struct model *model, const struct quant_plan *plan);
/* Forward and back: loss and gradient. */
void work_run(struct work *work);
void work_end(struct work *work);

/* Tensors read by three layers, by both ways of one Add, and by layers that hand on what they read.
 * `has_more`: another of those, between one of the three and its pooling. */
struct model *work_residual(bool has_more);

#endif
