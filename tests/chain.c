#include "chain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "model/layer.h"
#include "test.h"

enum { CHAIN_LAYERS = 24 };

static int branch = -1; /* what the next layer reads; -1: the last one */

struct model *chain_begin(void) {
    struct model *model = model_new(CHAIN_LAYERS);
    assert_non_null(model);
    model->layer_count = 0;
    snprintf(model->name, sizeof model->name, "chain");
    struct layer *input = chain_layer(model, LAYER_INPUT, "input_1", ACTIVATION_LINEAR);
    input->output = (struct shape){.rank = 3, .size = {28, 28, 1}};
    return model;
}

static void infer(struct model *model, struct layer *layer) {
    struct error error;
    assert_ok(layer_infer_shape(model, layer, "chain", &error), &error);
}

struct layer *chain_layer(struct model *model, enum layer_kind kind, const char *name,
                          enum activation activation) {
    assert_true(model->layer_count < CHAIN_LAYERS);
    int index = model->layer_count++;
    struct layer *layer = &model->layers[index];
    *layer = (struct layer){
        .kind = kind, .activation = activation, .trainable = true, .kernel = -1, .bias = -1};
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->input_count = index > 0;
    layer->inputs[0] = branch >= 0 ? branch : index - 1;
    branch = -1;
    bool has_size = layer_has_kernel(layer) || kind == LAYER_MAX_POOLING2D ||
                    kind == LAYER_AVERAGE_POOLING2D || kind == LAYER_BATCH_NORMALIZATION ||
                    kind == LAYER_ZERO_PADDING2D || kind == LAYER_ADD || kind == LAYER_RESHAPE;
    if (index && !has_size) infer(model, layer);
    return layer;
}

static int index_of(const struct model *model, const char *name) {
    for (int i = 0; i < model->layer_count; i++)
        if (!strcmp(model->layers[i].name, name)) return i;
    fail_msg("no layer '%s'", name);
    return -1;
}

void chain_branch(const struct model *model, const char *from) {
    branch = index_of(model, from);
}

void chain_add(struct model *model, const char *name, const char *other) {
    struct layer *layer = chain_layer(model, LAYER_ADD, name, ACTIVATION_LINEAR);
    layer->inputs[1] = index_of(model, other);
    layer->input_count = 2;
    infer(model, layer);
}

void chain_dense(struct model *model, const char *name, int units, enum activation activation) {
    struct layer *layer = chain_layer(model, LAYER_DENSE, name, activation);
    layer->units = units;
    layer->has_bias = true;
    infer(model, layer);
}

void chain_conv2d(struct model *model, const char *name, int filters, int side, int stride,
                  enum padding padding, enum activation activation) {
    struct layer *layer = chain_layer(model, LAYER_CONV2D, name, activation);
    layer->units = filters;
    layer->has_bias = true;
    layer->window = (struct window){side, side, stride, stride, 1, 1, padding};
    infer(model, layer);
}

void chain_max_pooling(struct model *model, const char *name, int side) {
    struct layer *layer = chain_layer(model, LAYER_MAX_POOLING2D, name, ACTIVATION_LINEAR);
    layer->window = (struct window){side, side, side, side, 1, 1, PADDING_VALID};
    infer(model, layer);
}

void chain_depthwise(struct model *model, const char *name, int multiplier, int side, int stride,
                     enum padding padding, enum activation activation) {
    struct layer *layer = chain_layer(model, LAYER_DEPTHWISE_CONV2D, name, activation);
    layer->depth_multiplier = multiplier;
    layer->has_bias = activation != ACTIVATION_LINEAR;
    layer->window = (struct window){side, side, stride, stride, 1, 1, padding};
    infer(model, layer);
}

void chain_dilated(struct model *model, enum layer_kind kind, const char *name, int filters,
                   int side, int dilation_y, int dilation_x, enum padding padding) {
    struct layer *layer = chain_layer(model, kind, name, ACTIVATION_LINEAR);
    layer->units = layer->depth_multiplier = filters;
    layer->has_bias = true;
    layer->window = (struct window){side, side, 1, 1, dilation_y, dilation_x, padding};
    infer(model, layer);
}

void chain_normalization(struct model *model, const char *name, bool has_gamma) {
    struct layer *layer = chain_layer(model, LAYER_BATCH_NORMALIZATION, name, ACTIVATION_LINEAR);
    layer->normalization = (struct normalization){
        .axis = -1, .momentum = 0.99, .epsilon = 0.001, .has_gamma = has_gamma, .has_beta = true};
    infer(model, layer);
}

void chain_average(struct model *model, const char *name, int side, enum padding padding) {
    struct layer *layer = chain_layer(model, LAYER_AVERAGE_POOLING2D, name, ACTIVATION_LINEAR);
    layer->window = (struct window){side, side, side, side, 1, 1, padding};
    infer(model, layer);
}

void chain_padding(struct model *model, const char *name, const int margins[4]) {
    struct layer *layer = chain_layer(model, LAYER_ZERO_PADDING2D, name, ACTIVATION_LINEAR);
    for (int i = 0; i < 4; i++) layer->margin[i / 2][i % 2] = margins[i];
    infer(model, layer);
}

void chain_reshape(struct model *model, const char *name, struct shape target) {
    struct layer *layer = chain_layer(model, LAYER_RESHAPE, name, ACTIVATION_LINEAR);
    layer->target = target;
    infer(model, layer);
}

void chain_dropout(struct model *model, const char *name, float rate) {
    chain_layer(model, LAYER_DROPOUT, name, ACTIVATION_LINEAR)->rate = rate;
}

void chain_finish(struct model *model, unsigned seed) {
    struct error error;
    assert_ok(model_plan_weights(model, "chain", &error), &error);
    for (int i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        size_t units = (size_t)parameter->size[parameter->rank - 1];
        bool is_variance = strstr(parameter->name, "moving_variance") != NULL;
        float size = parameter->rank > 1 ? 1 / sqrtf((float)(parameter->count / units)) : 0.1f;
        for (size_t j = 0; j < parameter->count; j++) {
            uint32_t words[4];
            random_philox(seed, RANDOM_TEST, (uint64_t)i, (uint32_t)j, words);
            float weight = size * (2 * random_unit(words[0]) - 1);
            model->weights[parameter->offset + j] = is_variance ? fabsf(weight) + 0.01f : weight;
        }
    }
}
