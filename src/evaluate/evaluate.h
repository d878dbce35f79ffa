/* evaluate: accuracy, loss and predictions of a model on images, in one of three precisions.
 *
 *   PRECISION_FP32  float weights, no fake quantization
 *   PRECISION_QAT   the graph being trained: fake quantization with fixed ranges
 *   PRECISION_INT8  the integer engine on the frozen model, in the arithmetic of a given runtime
 */
#ifndef EVALUATE_EVALUATE_H
#define EVALUATE_EVALUATE_H

#include "base/pool.h"
#include "data/dataset.h"
#include "engine/outputs.h"
#include "quant/snapshot.h"
#include "evaluate/predictions.h"

enum precision { PRECISION_FP32, PRECISION_QAT, PRECISION_INT8, PRECISIONS };
const char *precision_name(enum precision precision); /* "FP32", "QAT", "INT8" */

/* With any weight block of `model`.  The outputs of a model without a final softmax are taken as
 * logits; the probabilities are their softmax. */
enum status evaluate_float(const struct model *model, const float *weights,
                           const struct samples *samples, struct pool *pool,
                           struct predictions *predictions, struct error *error);
enum status evaluate_fake_quant(const struct snapshot *snapshot, const struct samples *samples,
                                struct pool *pool, struct predictions *predictions,
                                struct error *error);
enum status evaluate_frozen(const struct frozen *frozen, enum runtime runtime,
                            const struct samples *samples, struct pool *pool, const char *where,
                            struct predictions *predictions, struct error *error);
/* The same from what a program gave for these digits already. */
enum status evaluate_outputs(const struct frozen *frozen, const struct outputs *outputs,
                             const struct samples *samples, const char *where,
                             struct predictions *predictions, struct error *error);

#endif
