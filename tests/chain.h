/* chain: small models made by hand, for tests that need no file.
 *
 *     struct model *model = chain_begin();
 *     chain_conv2d(model, "conv", 4, 5, 2, PADDING_VALID, ACTIVATION_RELU);
 *     chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
 *     chain_dense(model, "dense", 10, ACTIVATION_SOFTMAX);
 *     chain_finish(model, 7);
 */
#ifndef TESTS_CHAIN_H
#define TESTS_CHAIN_H

#include "model/model.h"

/* An input of 28x28x1; free with model_free. At most 24 layers. */
struct model *chain_begin(void);
/* Every kind that needs no more than a name; returns it for what else is to be set. */
struct layer *chain_layer(struct model *model, enum layer_kind kind, const char *name,
                          enum activation activation);
/* The next layer reads the layer of this name, not the last one. */
void chain_branch(const struct model *model, const char *from);
/* The sum of the last layer and the one of this name. */
void chain_add(struct model *model, const char *name, const char *other);
void chain_dense(struct model *model, const char *name, int units, enum activation activation);
void chain_conv2d(struct model *model, const char *name, int filters, int side, int stride,
                  enum padding padding, enum activation activation);
void chain_max_pooling(struct model *model, const char *name, int side);
/* One without activation has no bias. */
void chain_depthwise(struct model *model, const char *name, int multiplier, int side, int stride,
                     enum padding padding, enum activation activation);
/* Conv2D, or DepthwiseConv2D with that multiplier. */
void chain_dilated(struct model *model, enum layer_kind kind, const char *name, int filters,
                   int side, int dilation_y, int dilation_x, enum padding padding);
void chain_normalization(struct model *model, const char *name, bool has_gamma);
void chain_average(struct model *model, const char *name, int side, enum padding padding);
/* Rows above and below, columns left and right. */
void chain_padding(struct model *model, const char *name, const int margins[4]);
void chain_reshape(struct model *model, const char *name, struct shape target);
void chain_dropout(struct model *model, const char *name, float rate);
/* Kernels uniform within +-1/sqrt(inputs of a unit), all else within +-0.1, variances above 0. */
void chain_finish(struct model *model, unsigned seed);

#endif
