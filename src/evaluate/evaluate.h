/* evaluate: accuracy, loss and predictions of a model on digits, by one of three paths.
 *
 *   PATH_FP32        float weights, no fake quantization
 *   PATH_FAKE_QUANT  the graph that is being trained, ranges fixed
 *   PATH_INT8        the integer engine on the frozen model, in a named runtime's arithmetic
 */
#ifndef EVALUATE_EVALUATE_H
#define EVALUATE_EVALUATE_H

#include "base/pool.h"
#include "data/dataset.h"
#include "engine/engine.h"
#include "quant/snapshot.h"
#include "evaluate/predictions.h"

enum path { PATH_FP32, PATH_FAKE_QUANT, PATH_INT8, PATHS };
const char *path_name(enum path path); /* "FP32", "QAT", "INT8" */

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

#endif
