/* split: each SeparableConv2D into its depthwise and its pointwise layer, as TFMOT does. */
#ifndef MODEL_SPLIT_H
#define MODEL_SPLIT_H

#include "model/model.h"

/* Replace every SeparableConv2D of a model by a DepthwiseConv2D and a 1x1 Conv2D.  The weights must
 * have been read; they stay where they are. */
enum status model_split_separable(struct model *model, const char *path, struct error *error);

#endif
