/* split: SeparableConv2D into the two layers that it consists of, as TFMOT does it. */
#ifndef MODEL_SPLIT_H
#define MODEL_SPLIT_H

#include "model/model.h"

/* Put a DepthwiseConv2D and a Conv2D of 1x1 in the place of every SeparableConv2D of a model whose
 * weights are read; they stay where they are. */
enum status model_split_separable(struct model *model, const char *path, struct error *error);

#endif
