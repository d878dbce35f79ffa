/* window: the window of a convolution or pooling layer, in its config and in the shape it gives. */
#ifndef MODEL_WINDOW_H
#define MODEL_WINDOW_H

#include "model/layer.h"

/* "padding" into the layer. */
enum status window_read_padding(struct layer_builder *builder, const json_t *config);
const char *window_padding_name(enum padding padding);

/* layer->output: `input`'s channels become `channels`; refuses a window that does not fit. */
enum status window_infer(struct layer_builder *builder, const struct shape *input, int channels);

#endif
