/* A model's layers into the JSON of model_config, in the words of tf_keras 2 that Keras 3 also
 * understands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/internal.h"

/* The double with the fewest digits that reads back as the same float: 0.2f is written 0.2. */
static double short_double(float value) {
    char text[32];
    for (int digits = 6; digits < 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        double number = strtod(text, NULL);
        if ((float)number == value) return number;
    }
    return (double)value;
}

static json_t *initializer(const char *class_name, json_t *config) {
    return json_pack("{s:s, s:s, s:o, s:n}", "module", "keras.initializers", "class_name",
                     class_name, "config", config, "registered_name");
}

/* What layers with a kernel have after their own fields. */
static int add_common(json_t *config, const struct layer *layer) {
    bool is_depthwise = layer->kind == LAYER_DEPTHWISE_CONV2D;
    return json_object_update_new(
        config,
        json_pack("{s:s, s:b, s:o, s:o, s:n, s:n, s:n, s:n, s:n}", "activation",
                  activation_name(layer->activation), "use_bias", layer->has_bias,
                  is_depthwise ? "depthwise_initializer" : "kernel_initializer",
                  initializer("GlorotUniform", json_pack("{s:n}", "seed")), "bias_initializer",
                  initializer("Zeros", json_object()),
                  is_depthwise ? "depthwise_regularizer" : "kernel_regularizer", "bias_regularizer",
                  "activity_regularizer",
                  is_depthwise ? "depthwise_constraint" : "kernel_constraint", "bias_constraint"));
}

static const char *padding_name(enum padding padding) {
    return padding == PADDING_SAME ? "same" : "valid";
}

static json_t *input_config(const struct layer *layer) {
    json_t *sizes = json_array();
    int failed = json_array_append_new(sizes, json_null());
    for (int i = 0; i < layer->output.rank; i++)
        failed |= json_array_append_new(sizes, json_integer(layer->output.size[i]));
    if (failed) {
        json_decref(sizes);
        return NULL;
    }
    return json_pack("{s:o, s:s, s:b, s:b, s:s}", "batch_input_shape", sizes, "dtype", "float32",
                     "sparse", 0, "ragged", 0, "name", layer->name);
}

static int add_convolution(json_t *config, const struct layer *layer) {
    const struct window *window = &layer->window;
    return json_object_update_new(config, json_pack("{s:[ii], s:[ii], s:s, s:s, s:[ii]}",
                                                    "kernel_size", window->height, window->width,
                                                    "strides", window->stride_y, window->stride_x,
                                                    "padding", padding_name(window->padding),
                                                    "data_format", "channels_last", "dilation_rate",
                                                    window->dilation_y, window->dilation_x)) |
           add_common(config, layer);
}

static int add_normalization(json_t *config, const struct layer *layer) {
    const struct normalization *normalization = &layer->normalization;
    return json_object_update_new(
        config,
        json_pack("{s:i, s:f, s:f, s:b, s:b, s:o, s:o, s:o, s:o, s:n, s:n, s:n, s:n}", "axis", -1,
                  "momentum", normalization->momentum, "epsilon", normalization->epsilon, "center",
                  normalization->has_beta, "scale", normalization->has_gamma, "beta_initializer",
                  initializer("Zeros", json_object()), "gamma_initializer",
                  initializer("Ones", json_object()), "moving_mean_initializer",
                  initializer("Zeros", json_object()), "moving_variance_initializer",
                  initializer("Ones", json_object()), "beta_regularizer", "gamma_regularizer",
                  "beta_constraint", "gamma_constraint"));
}

static int add_target(json_t *config, const struct shape *target) {
    json_t *sizes = json_array();
    int failed = 0;
    for (int i = 0; i < target->rank; i++)
        failed |= json_array_append_new(sizes, json_integer(target->size[i]));
    return json_object_set_new(config, "target_shape", sizes) | failed;
}

static int add_relu(json_t *config, const struct layer *layer) {
    json_t *limit = layer->activation == ACTIVATION_RELU6 ? json_real(6)
                    : layer->limit > 0                    ? json_real(short_double(layer->limit))
                                                          : json_null();
    return json_object_update_new(config, json_pack("{s:o, s:f, s:f}", "max_value", limit,
                                                    "negative_slope", 0.0, "threshold", 0.0));
}

static int add_fields(json_t *config, const struct layer *layer) {
    const struct window *window = &layer->window;
    switch (layer->kind) {
    case LAYER_DENSE:
        return json_object_set_new(config, "units", json_integer(layer->units)) |
               add_common(config, layer);
    case LAYER_CONV2D:
        return json_object_set_new(config, "filters", json_integer(layer->units)) |
               json_object_set_new(config, "groups", json_integer(1)) |
               add_convolution(config, layer);
    case LAYER_DEPTHWISE_CONV2D:
        return json_object_set_new(config, "depth_multiplier",
                                   json_integer(layer->depth_multiplier)) |
               add_convolution(config, layer);
    case LAYER_BATCH_NORMALIZATION:
        return add_normalization(config, layer);
    case LAYER_ZERO_PADDING2D:
        return json_object_update_new(config, json_pack("{s:[[ii][ii]], s:s}", "padding",
                                                        layer->margin[0][0], layer->margin[0][1],
                                                        layer->margin[1][0], layer->margin[1][1],
                                                        "data_format", "channels_last"));
    case LAYER_RESHAPE:
        return add_target(config, &layer->target);
    case LAYER_GLOBAL_MAX_POOLING2D:
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        return json_object_update_new(config,
                                      json_pack("{s:s, s:b}", "data_format", "channels_last",
                                                "keepdims", layer->keeps_dimensions));
    case LAYER_MAX_POOLING2D:
    case LAYER_AVERAGE_POOLING2D:
        return json_object_update_new(
            config, json_pack("{s:[ii], s:s, s:[ii], s:s}", "pool_size", window->height,
                              window->width, "padding", padding_name(window->padding), "strides",
                              window->stride_y, window->stride_x, "data_format", "channels_last"));
    case LAYER_FLATTEN:
        return json_object_set_new(config, "data_format", json_string("channels_last"));
    case LAYER_DROPOUT:
        return json_object_update_new(
            config,
            json_pack("{s:f, s:n, s:n}", "rate", short_double(layer->rate), "noise_shape", "seed"));
    case LAYER_ACTIVATION:
        return json_object_set_new(config, "activation",
                                   json_string(activation_name(layer->activation)));
    case LAYER_RELU:
        return add_relu(config, layer);
    case LAYER_ADD:
        return 0;
    case LAYER_LEAKY_RELU:
        return json_object_set_new(config, "alpha", json_real(short_double(layer->slope)));
    case LAYER_SOFTMAX:
        return json_object_set_new(config, "axis", json_integer(-1));
    default:
        return -1;
    }
}

static json_t *layer_entry(const struct layer *layer) {
    json_t *config;
    if (layer->kind == LAYER_INPUT) {
        config = input_config(layer);
    } else {
        config = json_pack("{s:s, s:b, s:s}", "name", layer->name, "trainable",
                           !layer->keeps_weights, "dtype", "float32");
        if (config && add_fields(config, layer)) {
            json_decref(config);
            config = NULL;
        }
    }
    if (!config) return NULL;
    return json_pack("{s:s, s:o}", "class_name", layer_class(layer->kind), "config", config);
}

/* What a Functional model says of a layer besides: its name, and the one call of it. */
static int add_links(json_t *entry, const struct model *model, const struct layer *layer) {
    json_t *sources = json_array(), *calls = json_array();
    int failed = 0;
    for (int i = 0; i < layer->input_count; i++)
        failed |= json_array_append_new(
            sources, json_pack("[s, i, i, {}]", model->layers[layer->inputs[i]].name, 0, 0));
    if (layer->input_count)
        failed |= json_array_append_new(calls, sources);
    else
        json_decref(sources);
    return failed | json_object_set_new(entry, "name", json_string(layer->name)) |
           json_object_set_new(entry, "inbound_nodes", calls);
}

static int add_ends(json_t *config, const struct model *model) {
    const struct layer *layers = model->layers, *last = &layers[model->layer_count - 1];
    return json_object_update_new(config, json_pack("{s:[[s, i, i]], s:[[s, i, i]]}",
                                                    "input_layers", layers[0].name, 0, 0,
                                                    "output_layers", last->name, 0, 0));
}

char *config_write(const struct model *model) {
    json_t *layers = json_array();
    char *text = NULL;
    int failed = 0;
    bool is_chain = model_is_chain(model);
    for (int i = 0; i < model->layer_count && !failed; i++) {
        json_t *entry = layer_entry(&model->layers[i]);
        if (entry && !is_chain) failed = add_links(entry, model, &model->layers[i]);
        failed |= json_array_append_new(layers, entry);
    }
    json_t *config = json_pack("{s:s, s:o}", "name", model->name, "layers", layers);
    if (!is_chain) failed |= add_ends(config, model);
    json_t *root = json_pack("{s:s, s:o}", "class_name", is_chain ? "Sequential" : "Functional",
                             "config", config);
    if (root && !failed) text = json_dumps(root, JSON_REAL_PRECISION(17));
    json_decref(root);
    return text;
}
