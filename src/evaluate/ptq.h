/* ptq: post-training quantization, the baseline that QAT must beat.
 *
 * Done as the TFLite converter does it (optimizations=[DEFAULT] with a representative data set):
 * the float model is run on calibration digits, every activation's range is the widest that any of
 * them showed, 0 included (an input of an Add may also have that of the sums: the converter looks
 * at it after TFLite has overwritten it), and every kernel is quantized per output channel by its
 * largest magnitude.  The result is a snapshot like any other: freeze it, write it, run it.
 */
#ifndef EVALUATE_PTQ_H
#define EVALUATE_PTQ_H

#include "base/pool.h"
#include "data/dataset.h"
#include "quant/snapshot.h"
#include "evaluate/evaluate.h"

#define PTQ_DIGITS 500 /* for calibration, where nobody asks for another number */

struct ptq {
    struct quant_plan *plan;
    struct snapshot *snapshot; /* of the plan and the model, which outlives it */
};

/* Calibrates with the first `count` of `digits` (all when there are fewer), or, where the digits
 * are sorted by label, with as many spread over them: the first would all show the same label. */
enum status ptq_create(struct ptq *ptq, const struct model *model, const struct digits *digits,
                       size_t count, struct pool *pool, struct error *error);
void ptq_free(struct ptq *ptq); /* frees what is inside; harmless on a zeroed one */

/* The model's own weights once quantized: calibrated with PTQ_DIGITS of `train`, run as an integer
 * program on `test`. */
enum status ptq_evaluate(const struct model *model, const struct digits *train,
                         const struct digits *test, enum runtime runtime, struct pool *pool,
                         struct predictions *predictions, struct error *error);

#endif
