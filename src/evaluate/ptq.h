/* ptq: post-training quantization, the baseline that QAT must beat.
 *
 * As the TFLite converter does it (optimizations=[DEFAULT] with a representative dataset): the
 * float model is run on calibration images; the range of an activation is the smallest that
 * contains 0 and all its values (an input of an Add may get the range of the sums: the converter
 * reads it after TFLite has overwritten it); every kernel is quantized per output channel by its
 * largest magnitude. The result is a snapshot like any other: freeze it, write it, run it.
 */
#ifndef EVALUATE_PTQ_H
#define EVALUATE_PTQ_H

#include "base/pool.h"
#include "data/dataset.h"
#include "quant/snapshot.h"
#include "evaluate/evaluate.h"

#define PTQ_SAMPLES 500 /* for calibration, by default */

struct ptq {
    struct quant_plan *plan;
    struct snapshot *snapshot; /* of the plan and the model, which must outlive it */
};

/* Calibrate with the first `count` of `digits` (all, if there are fewer) or, if they are sorted by
 * label, with as many spread over all: the first would all have the same label. */
enum status ptq_create(struct ptq *ptq, const struct model *model, const struct samples *samples,
                       size_t count, struct pool *pool, struct error *error);
void ptq_free(struct ptq *ptq); /* frees the contents; harmless if zeroed */

/* Quantize the model's own weights, calibrated with PTQ_SAMPLES of `train`, and run the integer
 * model on `test`. */
enum status ptq_evaluate(const struct model *model, const struct samples *train,
                         const struct samples *test, enum runtime runtime, struct pool *pool,
                         struct predictions *predictions, struct error *error);

#endif
