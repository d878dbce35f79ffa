/* freeze_order: the order in which the TFLite converter lists the operators of a model.
 *
 * TensorFlow's graph optimizer sorts by readiness: of the nodes whose inputs are all computed, the
 * one with the first name comes next, and a node is named LAYER/OPERATION.  (Found by experiment;
 * a chain has only one order.)
 */
#ifndef QUANT_FREEZE_ORDER_H
#define QUANT_FREEZE_ORDER_H

#include "quant/scheme.h"

/* order[*count]: the layers that are not folded into others; room for all of the model's. */
enum status freeze_order(const struct model *model, const struct quant_plan *plan, int *order,
                         int *count, struct error *error);

#endif
