/* evaluation: one moment of a training, evaluated in all three precisions; immutable and
 * reference-counted, so that it can be handed from thread to thread.
 */
#ifndef EVALUATE_EVALUATION_H
#define EVALUATE_EVALUATION_H

#include <stdatomic.h>

#include "evaluate/comparison.h"
#include "evaluate/evaluate.h"

/* Digits of an evaluation on which the layers are compared: a look at what rounding does needs no
 * more, and the shadow's time is short. */
#define EVALUATION_COMPARED 128

/* All three paths at one moment, immutable and reference-counted; what the dashboard shows. */
struct evaluation {
    _Atomic int references;
    uint64_t step;
    int epoch;     /* epochs finished by then */
    bool is_whole; /* all test digits, or the first `count` of them */
    size_t count;
    struct predictions paths[PATHS];
    uint32_t confusion[PATHS][DIGIT_CLASSES][DIGIT_CLASSES]; /* [truth][predicted] */
    enum runtime runtime;                                    /* of PATH_INT8 */
    double seconds;
    struct snapshot *snapshot; /* what was evaluated; per-channel ranges are in it */
    struct comparison *layers; /* PATH_INT8 beside PATH_FP32, on the first EVALUATION_COMPARED
                                  digits; NULL where the layers cannot be told apart */
};
/* The first `count` digits (all when there are fewer); keeps a reference to the snapshot.  `epoch`
 * is left 0 for the caller to set before it hands the evaluation on.  `validated` has what
 * evaluate_fake_quant gave for the snapshot on these digits, and is taken over; empty or NULL, that
 * is computed. */
enum status evaluation_create(struct evaluation **evaluation, struct snapshot *snapshot,
                              const struct digits *digits, size_t count,
                              struct predictions *validated, enum runtime runtime,
                              struct pool *pool, struct error *error);
struct evaluation *evaluation_retain(struct evaluation *evaluation);
void evaluation_release(struct evaluation *evaluation); /* NULL is harmless */

#endif
