/* evaluation: one moment of a training, evaluated in all three precisions; what the dashboard
 * shows. Immutable and reference-counted, so that threads can share it.
 */
#ifndef EVALUATE_EVALUATION_H
#define EVALUATE_EVALUATION_H

#include <stdatomic.h>

#include "evaluate/comparison.h"
#include "evaluate/evaluate.h"

/* Images of an evaluation on which the layers are compared: enough to see the effect of rounding,
 * and the shadow thread's time is short. */
#define EVALUATION_COMPARED 128

struct evaluation {
    _Atomic int references;
    uint64_t step;
    int epoch;     /* epochs finished so far */
    bool is_whole; /* all test images, not only the first `count` */
    size_t count;
    struct predictions results[PRECISIONS];
    int classes;
    uint32_t *confusion[PRECISIONS]; /* [truth][predicted]; see evaluation_confused */
    enum runtime runtime;            /* of PRECISION_INT8 */
    double seconds;
    struct snapshot *snapshot; /* what was evaluated, with all ranges */
    struct comparison *layers; /* INT8 against FP32 on the first EVALUATION_COMPARED images; NULL
                                  if layers and operators cannot be matched */
};

/* Evaluate the first `count` images (all, if there are fewer); keeps a reference to the snapshot.
 * The caller sets `epoch`, which is 0, before sharing the evaluation.  `validated` holds the result
 * of evaluate_fake_quant for this snapshot and these images and is taken over; if it is empty or
 * NULL, that is computed. */
enum status evaluation_create(struct evaluation **evaluation, struct snapshot *snapshot,
                              const struct samples *samples, size_t count,
                              struct predictions *validated, enum runtime runtime,
                              struct pool *pool, struct error *error);
/* How many samples of class `truth` were taken for class `predicted`. */
uint32_t evaluation_confused(const struct evaluation *evaluation, enum precision precision,
                             int truth, int predicted);

struct evaluation *evaluation_retain(struct evaluation *evaluation);
void evaluation_release(struct evaluation *evaluation); /* NULL is harmless */

#endif
