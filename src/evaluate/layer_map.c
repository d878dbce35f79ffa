#include "evaluate/layer_map.h"

#include <stdlib.h>

#define PASSES (-1) /* a layer that needs no operator */

struct mapper {
    struct layer_map *map;
    const struct model *model;
    const struct frozen *frozen;
};

/* The operator that a layer is converted to, if any; *is_needed: there is always one. */
static int code_of(const struct layer *layer, bool *is_needed) {
    *is_needed = true;
    switch (layer->kind) {
    case LAYER_DENSE:
        return OP_FULLY_CONNECTED;
    case LAYER_CONV2D:
        return OP_CONV_2D;
    case LAYER_DEPTHWISE_CONV2D:
        return OP_DEPTHWISE_CONV_2D;
    case LAYER_MAX_POOLING2D:
        return OP_MAX_POOL_2D;
    case LAYER_AVERAGE_POOLING2D:
        return OP_AVERAGE_POOL_2D;
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        return OP_MEAN;
    case LAYER_GLOBAL_MAX_POOLING2D:
        return OP_REDUCE_MAX;
    case LAYER_ZERO_PADDING2D:
        return OP_PAD;
    default:
        break;
    }
    *is_needed = false;
    switch (layer->kind) {
    case LAYER_FLATTEN:
    case LAYER_RESHAPE:
        return OP_RESHAPE;
    default:
        return PASSES;
    }
}

static bool reads(const struct frozen_operator *op, int tensor) {
    for (int i = 0; i < op->input_count; i++)
        if (op->inputs[i] == tensor) return true;
    return false;
}

/* The same, also through operators that only change the scale. */
static bool reads_codes(const struct frozen *frozen, const struct frozen_operator *op, int tensor) {
    if (reads(op, tensor)) return true;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *between = &frozen->operators[i];
        if (between->code == OP_QUANTIZE && between->inputs[0] == tensor &&
            reads(op, between->outputs[0]))
            return true;
    }
    return false;
}

static int count_readers(const struct frozen *frozen, int tensor) {
    int readers = tensor == frozen->output;
    for (int i = 0; i < frozen->operator_count; i++)
        readers += reads(&frozen->operators[i], tensor);
    return readers;
}

/* Of one element of the batch. */
static size_t count_values(const struct frozen_tensor *tensor) {
    size_t batch = tensor->rank > 0 && tensor->shape[0] > 0 ? (size_t)tensor->shape[0] : 1;
    return frozen_tensor_count(tensor) / batch;
}

/* The first operator of this kind, not taken yet, that reads the layer's input and has as many
 * output values; -1 if there is none. */
static int find_operator(const struct mapper *mapper, const struct layer *layer, int code) {
    const struct frozen *frozen = mapper->frozen;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        if (mapper->map->taken[i] || (int)op->code != code) continue;
        bool is_it = count_values(&frozen->tensors[op->outputs[0]]) == shape_count(&layer->output);
        for (int j = 0; j < layer->input_count; j++)
            is_it = is_it && reads_codes(frozen, op, mapper->map->tensor[layer->inputs[j]]);
        if (is_it) return i;
    }
    return -1;
}

/* A QUANTIZE to int8 that is the only reader of the tensor; -1 if there is none. */
static int find_quantize(const struct mapper *mapper, int tensor) {
    const struct frozen *frozen = mapper->frozen;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        if (op->code == OP_QUANTIZE && op->inputs[0] == tensor &&
            frozen->tensors[op->outputs[0]].type == TYPE_INT8 && count_readers(frozen, tensor) == 1)
            return i;
    }
    return -1;
}

/* Elementwise operators that are not a kind of layer: RELU, LOGISTIC, ... */
static bool is_activation(enum frozen_op code) {
    switch (code) {
    case OP_ADD:
    case OP_AVERAGE_POOL_2D:
    case OP_CONV_2D:
    case OP_DEPTHWISE_CONV_2D:
    case OP_DEQUANTIZE:
    case OP_FULLY_CONNECTED:
    case OP_MAX_POOL_2D:
    case OP_RESHAPE:
    case OP_SOFTMAX:
    case OP_PAD:
    case OP_MEAN:
    case OP_REDUCE_MAX:
    case OP_QUANTIZE:
        return false;
    default:
        return true;
    }
}

static bool wants_activation(const struct layer *layer) {
    if (layer->kind == LAYER_RELU) return true;
    bool is_fused =
        layer->activation == ACTIVATION_LINEAR || layer->activation == ACTIVATION_SOFTMAX ||
        (layer->kind != LAYER_ACTIVATION &&
         (layer->activation == ACTIVATION_RELU || layer->activation == ACTIVATION_RELU6));
    return !is_fused;
}

/* The operator that computes the layer's activation from its tensor, if there is one. */
static void map_activation(struct mapper *mapper, int index) {
    const struct frozen *frozen = mapper->frozen;
    struct layer_map *map = mapper->map;
    const struct layer *layer = &mapper->model->layers[index];
    for (int i = 0; i < frozen->operator_count && wants_activation(layer); i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        if (map->taken[i] || !is_activation(op->code) ||
            !reads_codes(frozen, op, map->tensor[index]) ||
            count_values(&frozen->tensors[op->outputs[0]]) != shape_count(&layer->output))
            continue;
        map->taken[i] = 1;
        map->tensor[index] = op->outputs[0];
        if (map->operator_[index] >= 0) return; /* it rounds its sums first */
        map->operator_[index] = i;
        map->rounded[index] = op->outputs[0];
        return;
    }
}

static enum status map_layer(struct mapper *mapper, int index, const char *where,
                             struct error *error) {
    struct layer_map *map = mapper->map;
    const struct layer *layer = &mapper->model->layers[index];
    int at = map->tensor[layer->inputs[0]];
    map->tensor[index] = map->rounded[index] = at;
    bool is_needed;
    int code = layer->input_count > 1 ? OP_ADD : code_of(layer, &is_needed);
    if (layer->input_count > 1) is_needed = true;
    if (code == PASSES) {
        map_activation(mapper, index);
        return STATUS_OK;
    }
    int op = find_operator(mapper, layer, code);
    if (op < 0 && is_needed)
        return error_set(error, STATUS_UNSUPPORTED, where,
                         "has no %s for layer '%s' (%s); was it made from this model?",
                         frozen_op_name(code), layer->name, layer_class(layer->kind));
    if (op < 0) return STATUS_OK;
    map->taken[op] = 1;
    map->operator_[index] = op;
    map->tensor[index] = mapper->frozen->operators[op].outputs[0];
    int quantize = find_quantize(mapper, map->tensor[index]);
    if (quantize >= 0) map->tensor[index] = mapper->frozen->operators[quantize].outputs[0];
    map->rounded[index] = map->tensor[index];
    map_activation(mapper, index);
    return STATUS_OK;
}

static enum status map_input(struct mapper *mapper, const char *where, struct error *error) {
    const struct frozen *frozen = mapper->frozen;
    const struct layer *layer = &mapper->model->layers[0];
    if (count_values(&frozen->tensors[frozen->input]) != shape_count(&layer->output))
        return error_set(error, STATUS_UNSUPPORTED, where,
                         "takes %zu values, layer '%s' %zu; was it made from this model?",
                         count_values(&frozen->tensors[frozen->input]), layer->name,
                         shape_count(&layer->output));
    mapper->map->tensor[0] = mapper->map->rounded[0] = frozen->input;
    int quantize = find_quantize(mapper, frozen->input);
    if (quantize < 0) return STATUS_OK;
    mapper->map->operator_[0] = quantize;
    mapper->map->tensor[0] = mapper->map->rounded[0] = frozen->operators[quantize].outputs[0];
    return STATUS_OK;
}

static int find_softmax(const struct mapper *mapper) {
    const struct model *model = mapper->model;
    const struct layer *last = &model->layers[model->layer_count - 1];
    if (!layer_is_softmax(last) && last->activation != ACTIVATION_SOFTMAX) return -1;
    for (int i = 0; i < mapper->frozen->operator_count; i++) {
        const struct frozen_operator *op = &mapper->frozen->operators[i];
        if (op->code == OP_SOFTMAX && op->inputs[0] == mapper->map->tensor[model->layer_count - 1])
            return i;
    }
    return -1;
}

enum status layer_map_create(struct layer_map *map, const struct model *model,
                             const struct frozen *frozen, const char *where, struct error *error) {
    size_t layers = (size_t)model->layer_count, operators = (size_t)frozen->operator_count;
    map->tensor = calloc(layers, sizeof *map->tensor);
    map->rounded = calloc(layers, sizeof *map->rounded);
    map->operator_ = calloc(layers, sizeof *map->operator_);
    map->taken = calloc(operators + 1, 1);
    if (!map->tensor || !map->rounded || !map->operator_ || !map->taken) {
        layer_map_free(map);
        return error_memory(error, where, layers * 3 * sizeof(int) + operators);
    }
    struct mapper mapper = {map, model, frozen};
    for (size_t i = 0; i < layers; i++) map->operator_[i] = -1;
    enum status status = map_input(&mapper, where, error);
    for (int i = 1; i < model->layer_count && !status; i++)
        status = map_layer(&mapper, i, where, error);
    map->softmax = find_softmax(&mapper);
    if (status) layer_map_free(map);
    return status;
}

void layer_map_free(struct layer_map *map) {
    free(map->tensor);
    free(map->rounded);
    free(map->operator_);
    free(map->taken);
    *map = (struct layer_map){0};
}
