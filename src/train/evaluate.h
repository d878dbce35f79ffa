/* evaluate: accuracy, loss and predictions of a model on digits, by one of three paths.
 *
 *   PATH_FP32        float weights, no fake quantization
 *   PATH_FAKE_QUANT  the graph that is being trained, ranges fixed
 *   PATH_INT8        the integer engine on the frozen model, in a named runtime's arithmetic
 */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "base/pool.h"
#include "data/dataset.h"
#include "engine/engine.h"
#include "quant/snapshot.h"
#include "train/comparison.h"

enum path { PATH_FP32, PATH_FAKE_QUANT, PATH_INT8, PATHS };
const char *path_name(enum path path); /* "FP32", "QAT", "INT8" */

struct predictions {
    size_t count;
    size_t correct;
    double accuracy; /* correct / count */
    double loss;     /* mean softmax cross-entropy from logits; INT8: NAN (probabilities of 8 bits
                        saturate, so none is claimed) */
    float *probabilities; /* [count][10] */
    uint8_t *labels;      /* [count] predicted */
};
void predictions_free(struct predictions *predictions); /* frees what is inside */

/* Float path: any weights block of `model`.  A model that ends without softmax is taken to give
 * logits; probabilities are their softmax. */
enum status evaluate_float(const struct model *model, const float *weights,
                           const struct digits *digits, struct pool *pool,
                           struct predictions *predictions, struct error *error);
enum status evaluate_fake_quant(const struct snapshot *snapshot, const struct digits *digits,
                                struct pool *pool, struct predictions *predictions,
                                struct error *error);
enum status evaluate_frozen(const struct frozen *frozen, enum runtime runtime,
                            const struct digits *digits, struct pool *pool, const char *where,
                            struct predictions *predictions, struct error *error);

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
