/* Keras' description of a model, the JSON of model_config, into layers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/internal.h"

#define PAIR "a whole number or a pair of them"

struct reader {
    const char *path;
    struct error *error;
    struct model *model;
    struct layer *layer; /* the one being read */
};

static enum status wrong_field(const struct reader *reader, const char *field,
                               const char *expected) {
    return layer_error(reader->error, STATUS_FORMAT, reader->path, reader->layer,
                       "its config has no usable \"%s\" (%s expected)", field, expected);
}

static enum status unsupported(const struct reader *reader, const char *what,
                               const char *supported) {
    return layer_error(reader->error, STATUS_UNSUPPORTED, reader->path, reader->layer,
                       "%s is not supported; %s", what, supported);
}

static enum status read_size(const struct reader *reader, const json_t *config, const char *field,
                             int *size) {
    const json_t *value = json_object_get(config, field);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || number > SIZE_MAX_LAYER)
        return wrong_field(reader, field, "a whole number from 1 to 1048576");
    *size = (int)number;
    return STATUS_OK;
}

/* [2, 2] or 2; absent or null gives the default where there is one (not 0). */
static enum status read_pair(const struct reader *reader, const json_t *config, const char *field,
                             int fallback_y, int fallback_x, int *y, int *x) {
    const json_t *value = json_object_get(config, field);
    *y = fallback_y;
    *x = fallback_x;
    if ((!value || json_is_null(value)) && fallback_y) return STATUS_OK;
    const json_t *first = json_is_array(value) ? json_array_get(value, 0) : value;
    const json_t *second = json_is_array(value) ? json_array_get(value, 1) : value;
    if (json_is_array(value) && json_array_size(value) != 2)
        return wrong_field(reader, field, PAIR);
    if (!json_is_integer(first) || !json_is_integer(second))
        return wrong_field(reader, field, PAIR);
    json_int_t a = json_integer_value(first), b = json_integer_value(second);
    if (a < 1 || b < 1 || a > SIZE_MAX_LAYER || b > SIZE_MAX_LAYER)
        return wrong_field(reader, field, "numbers from 1 to 1048576");
    *y = (int)a;
    *x = (int)b;
    return STATUS_OK;
}

static enum status check_channels_last(const struct reader *reader, const json_t *config) {
    const char *format = json_string_value(json_object_get(config, "data_format"));
    if (format && strcmp(format, "channels_last"))
        return unsupported(reader, "data_format channels_first", "channels_last is");
    return STATUS_OK;
}

/* "relu", or {"class_name": "function"|..., "config": "relu"|{...}, "registered_name": ...}. */
static const char *activation_text(const json_t *value) {
    if (json_is_null(value) || !value) return "linear";
    if (json_is_string(value)) return json_string_value(value);
    const json_t *config = json_object_get(value, "config");
    if (json_is_string(config)) return json_string_value(config);
    const char *registered = json_string_value(json_object_get(value, "registered_name"));
    const char *class_name = json_string_value(json_object_get(value, "class_name"));
    return registered ? registered : class_name ? class_name : "?";
}

static enum status read_activation(const struct reader *reader, const json_t *config) {
    const char *name = activation_text(json_object_get(config, "activation"));
    reader->layer->activation = activation_of(name);
    if (reader->layer->activation != ACTIVATIONS) return STATUS_OK;
    char what[128];
    snprintf(what, sizeof what, "activation '%s'", name);
    return unsupported(reader, what, "linear, relu, relu6, sigmoid, tanh and softmax are");
}

static bool read_flag(const json_t *config, const char *field, bool fallback) {
    const json_t *value = json_object_get(config, field);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

static enum status read_shape(const struct reader *reader, const json_t *sizes) {
    struct shape *shape = &reader->layer->output;
    size_t rank = json_array_size(sizes);
    if (rank < 2 || rank > 4)
        return wrong_field(reader, "batch_shape", "1 to 3 sizes after the batch's");
    shape->rank = (int)rank - 1;
    for (size_t i = 1; i < rank; i++) {
        const json_t *size = json_array_get(sizes, i);
        if (json_is_null(size))
            return unsupported(reader, "an input shape with an open size",
                               "build the model for 28x28 digits");
        json_int_t number = json_integer_value(size);
        if (!json_is_integer(size) || number < 1 || number > SIZE_MAX_LAYER)
            return wrong_field(reader, "batch_shape", "sizes from 1 to 1048576");
        shape->size[i - 1] = (int)number;
    }
    return STATUS_OK;
}

/* Keras 3 says batch_shape, tf_keras batch_input_shape. */
static const json_t *shape_field(const json_t *config) {
    const json_t *shape = json_object_get(config, "batch_shape");
    return json_is_array(shape) ? shape : json_object_get(config, "batch_input_shape");
}

static enum status read_input(const struct reader *reader, const json_t *config) {
    return read_shape(reader, shape_field(config));
}

static enum status read_dense(const struct reader *reader, const json_t *config) {
    enum status status = read_size(reader, config, "units", &reader->layer->units);
    if (status) return status;
    reader->layer->has_bias = read_flag(config, "use_bias", true);
    return read_activation(reader, config);
}

static enum status read_padding(const struct reader *reader, const json_t *config) {
    const char *padding = json_string_value(json_object_get(config, "padding"));
    if (!padding || !strcmp(padding, "valid"))
        reader->layer->window.padding = PADDING_VALID;
    else if (!strcmp(padding, "same"))
        reader->layer->window.padding = PADDING_SAME;
    else
        return wrong_field(reader, "padding", "\"valid\" or \"same\"");
    return STATUS_OK;
}

/* What Conv2D and DepthwiseConv2D have in common. */
static enum status read_convolution(const struct reader *reader, const json_t *config) {
    struct layer *layer = reader->layer;
    struct window *window = &layer->window;
    const json_t *groups = json_object_get(config, "groups");
    enum status status =
        read_pair(reader, config, "kernel_size", 0, 0, &window->height, &window->width);
    if (!status)
        status = read_pair(reader, config, "strides", 1, 1, &window->stride_y, &window->stride_x);
    if (!status)
        status = read_pair(reader, config, "dilation_rate", 1, 1, &window->dilation_y,
                           &window->dilation_x);
    if (!status) status = read_padding(reader, config);
    if (!status) status = check_channels_last(reader, config);
    if (status) return status;
    if (json_is_integer(groups) && json_integer_value(groups) != 1)
        return unsupported(reader, "a convolution in groups", "groups=1 is");
    bool is_strided = window->stride_y > 1 || window->stride_x > 1;
    if (is_strided && (window->dilation_y > 1 || window->dilation_x > 1))
        return unsupported(reader, "strides together with dilation", "either of them is");
    layer->has_bias = read_flag(config, "use_bias", true);
    return read_activation(reader, config);
}

static enum status read_conv2d(const struct reader *reader, const json_t *config) {
    enum status status = read_size(reader, config, "filters", &reader->layer->units);
    return status ? status : read_convolution(reader, config);
}

static enum status read_depthwise_conv2d(const struct reader *reader, const json_t *config) {
    int *multiplier = &reader->layer->depth_multiplier;
    enum status status = STATUS_OK;
    *multiplier = 1;
    if (json_object_get(config, "depth_multiplier"))
        status = read_size(reader, config, "depth_multiplier", multiplier);
    return status ? status : read_convolution(reader, config);
}

/* Its strides are those of the depthwise part. */
static enum status read_separable_conv2d(const struct reader *reader, const json_t *config) {
    enum status status = read_size(reader, config, "filters", &reader->layer->units);
    return status ? status : read_depthwise_conv2d(reader, config);
}

static enum status read_real(const struct reader *reader, const json_t *config, const char *field,
                             double fallback, double *number) {
    const json_t *value = json_object_get(config, field);
    *number = fallback;
    if (!value) return STATUS_OK;
    *number = json_number_value(value);
    if (!json_is_number(value) || !(*number >= 0) || !(*number <= 1))
        return wrong_field(reader, field, "a number from 0 to 1");
    return STATUS_OK;
}

/* "axis" is [3] in tf_keras and -1 in Keras 3. */
static enum status read_normalization(const struct reader *reader, const json_t *config) {
    struct normalization *normalization = &reader->layer->normalization;
    const json_t *axis = json_object_get(config, "axis");
    if (json_is_array(axis) && json_array_size(axis) == 1) axis = json_array_get(axis, 0);
    json_int_t number = axis ? json_integer_value(axis) : -1;
    if ((axis && !json_is_integer(axis)) || number < -1 || number > 4)
        return unsupported(reader, "its axis", "the last one, -1, is");
    normalization->axis = (int)number;
    normalization->has_gamma = read_flag(config, "scale", true);
    normalization->has_beta = read_flag(config, "center", true);
    enum status status = read_real(reader, config, "momentum", 0.99, &normalization->momentum);
    if (status) return status;
    return read_real(reader, config, "epsilon", 0.001, &normalization->epsilon);
}

static enum status read_pooling2d(const struct reader *reader, const json_t *config) {
    struct window *window = &reader->layer->window;
    window->dilation_y = window->dilation_x = 1;
    enum status status =
        read_pair(reader, config, "pool_size", 2, 2, &window->height, &window->width);
    if (!status)
        status = read_pair(reader, config, "strides", window->height, window->width,
                           &window->stride_y, &window->stride_x);
    if (!status) status = read_padding(reader, config);
    if (!status) status = check_channels_last(reader, config);
    return status;
}

static enum status read_global_pooling2d(const struct reader *reader, const json_t *config) {
    reader->layer->keeps_dimensions = read_flag(config, "keepdims", false);
    return check_channels_last(reader, config);
}

/* 1, [1, 2], or [[1, 2], [3, 4]]. */
static enum status read_zero_padding2d(const struct reader *reader, const json_t *config) {
    const json_t *padding = json_object_get(config, "padding");
    if (json_is_array(padding) && json_array_size(padding) != 2)
        return wrong_field(reader, "padding", PAIR ", or two pairs");
    for (size_t i = 0; i < 4; i++) {
        const json_t *side = json_is_array(padding) ? json_array_get(padding, i / 2) : padding;
        if (json_is_array(side) && json_array_size(side) != 2)
            return wrong_field(reader, "padding", PAIR ", or two pairs");
        if (json_is_array(side)) side = json_array_get(side, i % 2);
        json_int_t number = json_integer_value(side);
        if (!json_is_integer(side) || number < 0 || number > SIZE_MAX_LAYER)
            return wrong_field(reader, "padding", "numbers from 0 to 1048576");
        reader->layer->margin[i / 2][i % 2] = (int)number;
    }
    return check_channels_last(reader, config);
}

static enum status read_reshape(const struct reader *reader, const json_t *config) {
    const json_t *target = json_object_get(config, "target_shape");
    struct shape *shape = &reader->layer->target;
    size_t rank = json_array_size(target);
    int open = 0;
    if (rank != 1 && rank != 3)
        return unsupported(reader, "its target_shape", "one size or three are");
    shape->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(target, i);
        json_int_t number = json_integer_value(size);
        open += number == -1;
        if (!json_is_integer(size) || number < -1 || number == 0 || number > SIZE_MAX_LAYER ||
            open > 1)
            return wrong_field(reader, "target_shape", "sizes from 1 to 1048576, one may be -1");
        shape->size[i] = (int)number;
    }
    return STATUS_OK;
}

static enum status read_add(const struct reader *reader, const json_t *config) {
    (void)reader, (void)config;
    return STATUS_OK;
}

static enum status read_flatten(const struct reader *reader, const json_t *config) {
    return check_channels_last(reader, config);
}

static enum status read_dropout(const struct reader *reader, const json_t *config) {
    const json_t *rate = json_object_get(config, "rate");
    double value = json_number_value(rate);
    if (!json_is_number(rate) || !(value >= 0 && (float)value < 1))
        return wrong_field(reader, "rate", "a number from 0 up to, not including, 1");
    const json_t *noise = json_object_get(config, "noise_shape");
    if (noise && !json_is_null(noise))
        return unsupported(reader, "a noise_shape", "Dropout of single numbers is");
    reader->layer->rate = (float)value;
    return STATUS_OK;
}

static enum status read_activation_layer(const struct reader *reader, const json_t *config) {
    return read_activation(reader, config);
}

static enum status read_relu(const struct reader *reader, const json_t *config) {
    const json_t *max_value = json_object_get(config, "max_value");
    char what[64];
    bool has_limit = max_value && !json_is_null(max_value);
    float limit = (float)json_number_value(max_value);
    if (has_limit && (!json_is_number(max_value) || !(limit > 0) || !isfinite(limit)))
        return wrong_field(reader, "max_value", "null or a number above 0");
    static const char *const fields[] = {"negative_slope", "threshold"};
    for (int i = 0; i < 2; i++) {
        const json_t *value = json_object_get(config, fields[i]);
        if (!value || json_is_null(value)) continue;
        if (!json_is_number(value)) return wrong_field(reader, fields[i], "a number");
        if (json_number_value(value) == 0) continue;
        snprintf(what, sizeof what, "%s %g", fields[i], json_number_value(value));
        return unsupported(reader, what, "a ReLU with 0 there is");
    }
    bool is_relu6 = has_limit && limit == 6;
    reader->layer->activation = is_relu6 ? ACTIVATION_RELU6 : ACTIVATION_RELU;
    if (has_limit && !is_relu6) reader->layer->limit = limit;
    return STATUS_OK;
}

/* Keras 3 says negative_slope, tf_keras alpha. */
static enum status read_leaky_relu(const struct reader *reader, const json_t *config) {
    const char *field = json_object_get(config, "negative_slope") ? "negative_slope" : "alpha";
    double slope;
    enum status status = read_real(reader, config, field, 0.3, &slope);
    reader->layer->slope = (float)slope;
    return status;
}

static enum status read_softmax(const struct reader *reader, const json_t *config) {
    const json_t *axis = json_object_get(config, "axis");
    if (json_is_array(axis) && json_array_size(axis) == 1) axis = json_array_get(axis, 0);
    json_int_t number = json_integer_value(axis);
    if (axis && !(json_is_integer(axis) && (number == -1 || number == 1)))
        return unsupported(reader, "another axis than the last", "axis=-1 is");
    reader->layer->activation = ACTIVATION_SOFTMAX;
    return STATUS_OK;
}

typedef enum status layer_reader(const struct reader *reader, const json_t *config);

static layer_reader *const layer_readers[LAYER_KINDS] = {
    [LAYER_INPUT] = read_input,
    [LAYER_DENSE] = read_dense,
    [LAYER_CONV2D] = read_conv2d,
    [LAYER_DEPTHWISE_CONV2D] = read_depthwise_conv2d,
    [LAYER_BATCH_NORMALIZATION] = read_normalization,
    [LAYER_ADD] = read_add,
    [LAYER_MAX_POOLING2D] = read_pooling2d,
    [LAYER_AVERAGE_POOLING2D] = read_pooling2d,
    [LAYER_GLOBAL_AVERAGE_POOLING2D] = read_global_pooling2d,
    [LAYER_GLOBAL_MAX_POOLING2D] = read_global_pooling2d,
    [LAYER_ZERO_PADDING2D] = read_zero_padding2d,
    [LAYER_RESHAPE] = read_reshape,
    [LAYER_FLATTEN] = read_flatten,
    [LAYER_DROPOUT] = read_dropout,
    [LAYER_ACTIVATION] = read_activation_layer,
    [LAYER_RELU] = read_relu,
    [LAYER_SOFTMAX] = read_softmax,
    [LAYER_LEAKY_RELU] = read_leaky_relu,
    [LAYER_SEPARABLE_CONV2D] = read_separable_conv2d,
};

static enum status read_name(const struct reader *reader, const json_t *value, const char *what,
                             char name[MODEL_NAME]) {
    const char *text = json_string_value(value);
    if (!text || !*text)
        return error_set(reader->error, STATUS_FORMAT, reader->path, "model_config: %s has no name",
                         what);
    if (strlen(text) >= MODEL_NAME)
        return error_set(reader->error, STATUS_UNSUPPORTED, reader->path,
                         "model_config: the name '%.40s...' is longer than %d bytes", text,
                         MODEL_NAME - 1);
    strcpy(name, text);
    return STATUS_OK;
}

/* "Model" is what Functional was called before TensorFlow 2.3. */
static bool is_functional_class(const char *class_name) {
    return !strcmp(class_name, "Functional") || !strcmp(class_name, "Model");
}

static bool is_model_class(const char *class_name) {
    return is_functional_class(class_name) || !strcmp(class_name, "Sequential");
}

static enum status unknown_class(const struct reader *reader, const char *name,
                                 const char *class_name) {
    char supported[320];
    size_t used = 0;
    if (is_model_class(class_name))
        return error_set(reader->error, STATUS_UNSUPPORTED, reader->path,
                         "layer '%.64s' (%.64s): a model inside a model is not supported; build "
                         "the model of its layers",
                         name, class_name);
    for (enum layer_kind kind = 0; kind < LAYER_KINDS; kind++)
        used += (size_t)snprintf(supported + used, sizeof supported - used, "%s%s",
                                 kind ? ", " : "", layer_class(kind));
    return error_set(reader->error, STATUS_UNSUPPORTED, reader->path,
                     "layer '%.64s' (%.64s): this class is not supported; these are: %s", name,
                     class_name, supported);
}

/* What nobody can read is told before what is wrong with the rest. */
static enum status check_classes(const struct reader *reader, const json_t *layers) {
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *entry = json_array_get(layers, i);
        const json_t *config = json_object_get(entry, "config");
        const char *class_name = json_string_value(json_object_get(entry, "class_name"));
        const char *name = json_string_value(json_object_get(config, "name"));
        if (!class_name || !json_is_object(config))
            return error_set(reader->error, STATUS_FORMAT, reader->path,
                             "model_config: layer %zu has no class_name or no config", i);
        if (layer_kind_of(class_name) == LAYER_KINDS)
            return unknown_class(reader, name ? name : "?", class_name);
    }
    return STATUS_OK;
}

/* Fills the layer at `layer` except for its inputs and shape. */
static enum status read_layer(struct reader *reader, const json_t *entry, struct layer *layer) {
    const json_t *config = json_object_get(entry, "config");
    const json_t *name = json_object_get(config, "name");
    layer->kind = layer_kind_of(json_string_value(json_object_get(entry, "class_name")));
    if (!name) name = json_object_get(entry, "name");
    enum status status = read_name(reader, name, "a layer", layer->name);
    if (status) return status;
    reader->layer = layer;
    layer->keeps_weights = !read_flag(config, "trainable", true);
    return layer_readers[layer->kind](reader, config);
}

static enum status check_names(const struct reader *reader) {
    const struct model *model = reader->model;
    for (int i = 0; i < model->layer_count; i++)
        for (int j = 0; j < i; j++)
            if (!strcmp(model->layers[i].name, model->layers[j].name))
                return error_set(reader->error, STATUS_FORMAT, reader->path,
                                 "model_config: two layers are named '%s'", model->layers[i].name);
    return STATUS_OK;
}

/* A Sequential model may have no InputLayer: its first layer then says what it takes. */
static enum status add_missing_input(struct reader *reader, const json_t *first) {
    const json_t *config = json_object_get(first, "config");
    const char *class_name = json_string_value(json_object_get(first, "class_name"));
    const char *name = json_string_value(json_object_get(config, "name"));
    if (layer_kind_of(class_name) == LAYER_INPUT) return STATUS_OK;
    const json_t *shape = shape_field(config);
    if (!json_is_array(shape))
        return error_set(reader->error, STATUS_UNSUPPORTED, reader->path,
                         "the model does not say what it takes: no InputLayer and no "
                         "batch_input_shape; build it before saving");
    struct layer *layer = &reader->model->layers[reader->model->layer_count++];
    int length = snprintf(layer->name, MODEL_NAME, "%s_input", name ? name : "");
    if (length >= MODEL_NAME) strcpy(layer->name, "input");
    reader->layer = layer;
    return read_shape(reader, shape);
}

static enum status read_layers(struct reader *reader, const json_t *layers,
                               const struct config_node *nodes) {
    struct model *model = reader->model;
    enum status status = add_missing_input(reader, json_array_get(layers, nodes[0].entry));
    int shift = model->layer_count; /* 1 when the input was added */
    for (size_t i = 0; i < json_array_size(layers) && !status; i++) {
        struct layer *layer = &model->layers[model->layer_count];
        status = read_layer(reader, json_array_get(layers, nodes[i].entry), layer);
        if (status) break;
        if (model->layer_count && layer->kind == LAYER_INPUT)
            return error_set(reader->error, STATUS_FORMAT, reader->path,
                             "layer '%s' is a second InputLayer", layer->name);
        layer->input_count = i ? nodes[i].input_count : shift;
        for (int j = 0; j < nodes[i].input_count; j++)
            layer->inputs[j] = nodes[i].inputs[j] + shift;
        model->layer_count++;
    }
    return status;
}

static enum status infer_shapes(struct reader *reader) {
    for (int i = 0; i < reader->model->layer_count; i++) {
        enum status status = layer_infer_shape(reader->model, &reader->model->layers[i],
                                               reader->path, reader->error);
        if (status) return status;
    }
    return STATUS_OK;
}

static enum status read_model(struct reader *reader, const json_t *config, const json_t *layers,
                              bool is_functional) {
    struct config_node nodes[MODEL_LAYERS_MAX];
    size_t count = json_array_size(layers);
    enum status status = check_classes(reader, layers);
    if (status) return status;
    for (size_t i = 0; i < count; i++)
        nodes[i] =
            (struct config_node){.entry = i, .inputs = {i ? (int)i - 1 : 0}, .input_count = i > 0};
    if (is_functional) status = config_order(config, layers, reader->path, nodes, reader->error);
    if (status) return status;
    reader->model = model_new((int)count + 1);
    if (!reader->model) return error_memory(reader->error, reader->path, sizeof *reader->model);
    const json_t *name = json_object_get(config, "name");
    if (name)
        status = read_name(reader, name, "the model", reader->model->name);
    else
        strcpy(reader->model->name, "sequential");
    if (!status) status = read_layers(reader, layers, nodes);
    if (!status) status = check_names(reader);
    if (!status) status = infer_shapes(reader);
    return status;
}

static enum status read_root(struct reader *reader, const json_t *root) {
    const char *class_name = json_string_value(json_object_get(root, "class_name"));
    const json_t *config = json_object_get(root, "config");
    const json_t *layers = json_is_array(config) ? config : json_object_get(config, "layers");
    if (!class_name || !json_is_array(layers))
        return error_set(reader->error, STATUS_FORMAT, reader->path,
                         "model_config has no class_name or no list of layers");
    if (!is_model_class(class_name))
        return error_set(reader->error, STATUS_UNSUPPORTED, reader->path,
                         "the model is a %.64s; Sequential and Functional models are supported",
                         class_name);
    size_t count = json_array_size(layers);
    if (!count || count > MODEL_LAYERS_MAX - 1)
        return error_set(reader->error, STATUS_UNSUPPORTED, reader->path,
                         "the model has %zu layers; 1 to %d are supported", count,
                         MODEL_LAYERS_MAX - 1);
    return read_model(reader, config, layers, is_functional_class(class_name));
}

enum status config_read(const char *json, size_t length, const char *path, struct model **model,
                        struct error *error) {
    struct reader reader = {.path = path, .error = error};
    json_error_t trouble;
    json_t *root = json_loadb(json, length, 0, &trouble);
    if (!root)
        return error_set(error, STATUS_FORMAT, path, "model_config is no valid JSON: %s at byte %d",
                         trouble.text, trouble.position);
    bool has_ranges;
    enum status status = config_unwrap(json_object_get(root, "config"), &has_ranges, path, error);
    if (!status) status = read_root(&reader, root);
    json_decref(root);
    if (!status) reader.model->has_ranges = has_ranges;
    if (status)
        model_free(reader.model);
    else
        *model = reader.model;
    return status;
}
