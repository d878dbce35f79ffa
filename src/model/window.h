/* window: the window of a convolution or pooling layer: its padding and the output shape. */
#ifndef MODEL_WINDOW_H
#define MODEL_WINDOW_H

#include "model/layer.h"

/* "padding" into the layer. */
enum status window_read_padding(struct layer_builder *builder, const json_t *config);
const char *window_padding_name(enum padding padding);

/* Set layer->output, with `channels` channels; refuse a window that does not fit. */
enum status window_infer(struct layer_builder *builder, const struct shape *input, int channels);

#endif
