/* InputLayer */
#include "model/fields.h"

static enum status input_read(struct layer_builder *builder, const json_t *config) {
    struct shape *shape = &builder->layer->output;
    const json_t *sizes = field_input_shape(config);
    size_t rank = json_array_size(sizes);
    if (rank < 2 || rank > 4)
        return field_wrong(builder, "batch_shape", "1 to 3 sizes after the batch's");
    shape->rank = (int)rank - 1;
    for (size_t i = 1; i < rank; i++) {
        const json_t *size = json_array_get(sizes, i);
        if (json_is_null(size))
            return field_unsupported(builder, "an input shape with an unknown size",
                                     "build the model for 28x28 digits");
        json_int_t number = json_integer_value(size);
        if (!json_is_integer(size) || number < 1 || number > MAX_LAYER_SIZE)
            return field_wrong(builder, "batch_shape", "sizes from 1 to 1048576");
        shape->size[i - 1] = (int)number;
    }
    return STATUS_OK;
}

static int input_write(json_t *config, const struct layer *layer) {
    json_t *sizes = json_array();
    int failed = json_array_append_new(sizes, json_null());
    failed |= field_append_sizes(sizes, &layer->output);
    return failed |
           json_object_update_new(config, json_pack("{s:o, s:s, s:b, s:b, s:s}",
                                                    "batch_input_shape", sizes, "dtype", "float32",
                                                    "sparse", 0, "ragged", 0, "name", layer->name));
}

const struct layer_type input_layer = {
    .class_name = "InputLayer",
    .read = input_read,
    .write = input_write,
};
