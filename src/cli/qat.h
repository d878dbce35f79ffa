/* qat: a QAT model of TensorFlow Model Optimization, as a snapshot under its own scheme (tfmot):
 * what Keras evaluates and the TFLite converter converts.
 */
#ifndef CLI_QAT_H
#define CLI_QAT_H

#include "quant/snapshot.h"

struct qat {
    struct model *model; /* loaded by qat_load; NULL after qat_from_model */
    struct quant_plan *plan;
    struct snapshot *snapshot;
};

/* Weights and ranges from file `weights` (model/variables.h), layers from file `model`; a saved QAT
 * model has both.  On failure *qat is zeroed. */
enum status qat_load(struct qat *qat, const char *weights, const char *model, struct error *error);
/* The same with layers that are already loaded; `model` must outlive *qat. */
enum status qat_from_model(struct qat *qat, const char *weights, const struct model *model,
                           struct error *error);
void qat_free(struct qat *qat);

#endif
