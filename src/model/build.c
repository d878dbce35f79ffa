#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/layer.h"

static const struct layer fc_layers[] = {
    {.kind = LAYER_INPUT, .name = "input_1", .output = {1, {784}}},
    {.kind = LAYER_DENSE, .name = "dense", .units = 128, .activation = ACTIVATION_RELU},
    {.kind = LAYER_DENSE, .name = "dense_1", .units = 10, .activation = ACTIVATION_SOFTMAX},
};

#define CONV_WINDOW                                                                                \
    { 3, 3, 1, 1, 1, 1, PADDING_VALID }
#define POOL_WINDOW                                                                                \
    { 2, 2, 2, 2, 1, 1, PADDING_VALID }

static const struct layer cnn_layers[] = {
    {.kind = LAYER_INPUT, .name = "input_1", .output = {3, {28, 28, 1}}},
    {.kind = LAYER_CONV2D,
     .name = "conv2d",
     .units = 32,
     .activation = ACTIVATION_RELU,
     .window = CONV_WINDOW},
    {.kind = LAYER_MAX_POOLING2D, .name = "max_pooling2d", .window = POOL_WINDOW},
    {.kind = LAYER_CONV2D,
     .name = "conv2d_1",
     .units = 64,
     .activation = ACTIVATION_RELU,
     .window = CONV_WINDOW},
    {.kind = LAYER_MAX_POOLING2D, .name = "max_pooling2d_1", .window = POOL_WINDOW},
    {.kind = LAYER_FLATTEN, .name = "flatten"},
    {.kind = LAYER_DROPOUT, .name = "dropout", .rate = 0.5f},
    {.kind = LAYER_DENSE, .name = "dense", .units = 10, .activation = ACTIVATION_SOFTMAX},
};

struct architecture {
    const char *word, *name;
    const struct layer *layers;
    int count;
};

static const struct architecture architectures[] = {
    {"fc", "mnist_fc", fc_layers, sizeof fc_layers / sizeof *fc_layers},
    {"cnn", "mnist_cnn", cnn_layers, sizeof cnn_layers / sizeof *cnn_layers},
};

/* glorot_uniform: uniform in [-limit, limit), limit = sqrt(6 / (fan_in + fan_out)). */
static void fill_kernel(const struct parameter *parameter, float *values, unsigned long long seed) {
    double window = parameter->rank == 4 ? (double)parameter->size[0] * parameter->size[1] : 1;
    double fan_in = window * parameter->size[parameter->rank - 2];
    double fan_out = window * parameter->size[parameter->rank - 1];
    float limit = (float)sqrt(6 / (fan_in + fan_out));
    for (size_t i = 0; i < parameter->count; i += 4) {
        uint32_t words[4];
        random_philox(seed, RANDOM_INIT, (uint64_t)parameter->offset, (uint32_t)(i / 4), words);
        for (size_t j = 0; j < 4 && i + j < parameter->count; j++)
            values[i + j] = (2 * random_unit(words[j]) - 1) * limit;
    }
}

const char *model_architecture(int index) {
    size_t count = sizeof architectures / sizeof *architectures;
    return index >= 0 && (size_t)index < count ? architectures[index].word : NULL;
}

enum status model_build(const char *name, unsigned long long seed, struct model **model,
                        struct error *error) {
    const struct architecture *architecture = NULL;
    *model = NULL;
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (!strcmp(architectures[i].word, name)) architecture = &architectures[i];
    if (!architecture)
        return error_set(error, STATUS_USAGE, name,
                         "is not a built-in architecture; use fc or cnn");
    struct model *built = model_new(architecture->count);
    if (!built) return error_memory(error, name, sizeof *built);
    strcpy(built->name, architecture->name);
    enum status status = STATUS_OK;
    for (int i = 0; i < architecture->count && !status; i++) {
        struct layer *layer = &built->layers[built->layer_count++];
        *layer = architecture->layers[i];
        layer->trainable = true;
        layer->kernel = layer->bias = -1;
        layer->has_bias = layer->units > 0;
        layer->input_count = i > 0;
        layer->inputs[0] = i > 0 ? i - 1 : 0;
        status = layer_infer_shape(built, layer, name, error);
    }
    if (!status) status = model_plan_weights(built, name, error);
    if (status) {
        model_free(built);
        return status;
    }
    for (int i = 0; i < built->parameter_count; i++) {
        const struct parameter *parameter = &built->parameters[i];
        if (parameter->rank > 1) fill_kernel(parameter, built->weights + parameter->offset, seed);
    }
    *model = built;
    return STATUS_OK;
}
