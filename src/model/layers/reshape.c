/* Reshape, Flatten, ZeroPadding2D */
#include "model/fields.h"

/* ---- Reshape -------------------------------------------------------------------------------- */

static enum status reshape_read(struct layer_builder *builder, const json_t *config) {
    const json_t *target = json_object_get(config, "target_shape");
    struct shape *shape = &builder->layer->target;
    size_t rank = json_array_size(target);
    int open = 0;
    if (rank != 1 && rank != 3)
        return field_unsupported(builder, "its target_shape", "one size or three are");
    shape->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(target, i);
        json_int_t number = json_integer_value(size);
        open += number == -1;
        if (!json_is_integer(size) || number < -1 || number == 0 || number > MAX_LAYER_SIZE ||
            open > 1)
            return field_wrong(builder, "target_shape", "sizes from 1 to 1048576, one may be -1");
        shape->size[i] = (int)number;
    }
    return STATUS_OK;
}

static int reshape_write(json_t *config, const struct layer *layer) {
    json_t *sizes = json_array();
    int failed = field_append_sizes(sizes, &layer->target);
    return json_object_set_new(config, "target_shape", sizes) | failed;
}

static enum status reshape_infer(struct layer_builder *builder, const struct shape *input) {
    struct layer *layer = builder->layer;
    long known = 1, count = (long)shape_count(input);
    int open = -1;
    char text[64];
    layer->output = layer->target;
    for (int i = 0; i < layer->target.rank; i++) {
        if (layer->target.size[i] < 0)
            open = i;
        else
            known *= layer->target.size[i];
        if (known > count) break;
    }
    if (open >= 0 && known <= count) layer->output.size[open] = (int)(count / known);
    if (known > count || (open < 0 ? known != count : count % known))
        return layer_error(builder->error, STATUS_FORMAT, builder->path, layer,
                           "its target_shape does not hold the %ld numbers of %s", count,
                           shape_text(input, text));
    return STATUS_OK;
}

const struct layer_type reshape_layer = {
    .class_name = "Reshape",
    .read = reshape_read,
    .write = reshape_write,
    .infer = reshape_infer,
};

/* ---- Flatten -------------------------------------------------------------------------------- */

static int flatten_write(json_t *config, const struct layer *layer) {
    (void)layer;
    return json_object_set_new(config, "data_format", json_string("channels_last"));
}

static enum status flatten_infer(struct layer_builder *builder, const struct shape *input) {
    builder->layer->output = (struct shape){.rank = 1, .size = {(int)shape_count(input)}};
    return STATUS_OK;
}

const struct layer_type flatten_layer = {
    .class_name = "Flatten",
    .read = field_check_format,
    .write = flatten_write,
    .infer = flatten_infer,
};

/* ---- ZeroPadding2D -------------------------------------------------------------------------- */

/* 1, [1, 2], or [[1, 2], [3, 4]]. */
static enum status padding_read(struct layer_builder *builder, const json_t *config) {
    const json_t *padding = json_object_get(config, "padding");
    if (json_is_array(padding) && json_array_size(padding) != 2)
        return field_wrong(builder, "padding", FIELD_PAIR ", or two pairs");
    for (size_t i = 0; i < 4; i++) {
        const json_t *side = json_is_array(padding) ? json_array_get(padding, i / 2) : padding;
        if (json_is_array(side) && json_array_size(side) != 2)
            return field_wrong(builder, "padding", FIELD_PAIR ", or two pairs");
        if (json_is_array(side)) side = json_array_get(side, i % 2);
        json_int_t number = json_integer_value(side);
        if (!json_is_integer(side) || number < 0 || number > MAX_LAYER_SIZE)
            return field_wrong(builder, "padding", "numbers from 0 to 1048576");
        builder->layer->margin[i / 2][i % 2] = (int)number;
    }
    return field_check_format(builder, config);
}

static int padding_write(json_t *config, const struct layer *layer) {
    return json_object_update_new(config,
                                  json_pack("{s:[[ii][ii]], s:s}", "padding", layer->margin[0][0],
                                            layer->margin[0][1], layer->margin[1][0],
                                            layer->margin[1][1], "data_format", "channels_last"));
}

static enum status padding_infer(struct layer_builder *builder, const struct shape *input) {
    struct layer *layer = builder->layer;
    enum status status = layer_check_image(builder, input);
    if (status) return status;
    for (int i = 0; i < 2; i++) layer->output.size[i] += layer->margin[i][0] + layer->margin[i][1];
    return STATUS_OK;
}

const struct layer_type zero_padding2d_layer = {
    .class_name = "ZeroPadding2D",
    .read = padding_read,
    .write = padding_write,
    .infer = padding_infer,
};
