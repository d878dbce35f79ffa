/* summary: a model's layers, shapes and parameter counts as the table that tf_keras prints. */
#ifndef MODEL_SUMMARY_H
#define MODEL_SUMMARY_H

#include "base/error.h"
#include "model/model.h"

/* *text is what model.summary() of tf_keras 2.21 prints, for a chain of layers as a Sequential
 * model. Lines end in '\n'.  The caller frees it. */
enum status model_summary(const struct model *model, char **text, struct error *error);

#endif
