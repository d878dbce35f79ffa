/* Add */
#include "model/layer.h"

static enum status add_infer(struct layer_builder *builder, const struct shape *a) {
    const struct layer *layer = builder->layer;
    char text[64], other[64];
    if (layer->input_count != 2)
        return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, layer,
                           "adds %d tensor; it needs two", layer->input_count);
    const struct shape *b = &builder->model->layers[layer->inputs[1]].output;
    bool is_same = a->rank == b->rank;
    for (int i = 0; i < a->rank && is_same; i++) is_same = a->size[i] == b->size[i];
    if (is_same) return STATUS_OK;
    return layer_error(builder->error, STATUS_UNSUPPORTED, builder->path, layer,
                       "adds %s and %s; both must have the same shape", shape_text(a, text),
                       shape_text(b, other));
}

const struct layer_type add_layer = {
    .class_name = "Add",
    .has_two_inputs = true,
    .infer = add_infer,
};
