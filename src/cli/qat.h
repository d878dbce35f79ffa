/* qat: a model that TensorFlow Model Optimization trained with quantization, as a snapshot of what
 * its own scheme (tfmot) makes of it: what Keras evaluates, and what the TFLite converter converts.
 */
#ifndef CLI_QAT_H
#define CLI_QAT_H

#include "quant/snapshot.h"

struct qat {
    struct model *model; /* of qat_load; NULL of qat_from_model */
    struct quant_plan *plan;
    struct snapshot *snapshot;
};

/* Weights and ranges of file `weights` (model/variables.h), the layers of file `model`; a saved QAT
 * model is both.  On failure *qat is zeroed. */
enum status qat_load(struct qat *qat, const char *weights, const char *model, struct error *error);
/* The same for layers that are loaded already; `model` outlives *qat. */
enum status qat_from_model(struct qat *qat, const char *weights, const struct model *model,
                           struct error *error);
void qat_free(struct qat *qat);

#endif
