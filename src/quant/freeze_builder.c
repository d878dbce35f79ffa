#include "quant/freeze_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- the program ---- */

static size_t tensor_room(const struct freeze_builder *builder) {
    return (size_t)builder->model->layer_count * LAYER_TENSORS + 1;
}

static size_t operator_room(const struct freeze_builder *builder) {
    return (size_t)builder->model->layer_count * LAYER_OPERATORS + 1;
}

void builder_open(struct freeze_builder *builder, const struct snapshot *snapshot,
                  struct error *error) {
    *builder = (struct freeze_builder){
        .snapshot = snapshot,
        .model = snapshot->model,
        .plan = snapshot->plan,
        .error = error,
    };
    size_t layers = (size_t)snapshot->model->layer_count, tensors = tensor_room(builder);
    struct frozen *frozen = builder->frozen = calloc(1, sizeof *frozen);
    builder->layer_tensor = calloc(layers, sizeof *builder->layer_tensor);
    builder->scale = calloc(tensors, sizeof *builder->scale);
    if (frozen) {
        frozen->tensors = calloc(tensors, sizeof *frozen->tensors);
        frozen->operators = calloc(operator_room(builder), sizeof *frozen->operators);
    }
    if (!frozen || !frozen->tensors || !frozen->operators || !builder->layer_tensor ||
        !builder->scale) {
        builder_out_of_memory(builder, tensors * sizeof *frozen->tensors);
        return;
    }
    for (size_t i = 0; i < layers; i++) builder->layer_tensor[i] = -1;
}

void builder_close(struct freeze_builder *builder) {
    frozen_free(builder->frozen);
    free(builder->layer_tensor);
    free(builder->scale);
    builder->frozen = NULL;
    builder->layer_tensor = NULL;
    builder->scale = NULL;
}

bool builder_out_of_memory(struct freeze_builder *builder, size_t bytes) {
    builder->status = error_memory(builder->error, builder->model->name, bytes);
    return false;
}

bool builder_not_finite(struct freeze_builder *builder, const struct layer *layer,
                        const char *what) {
    builder->status = error_set(builder->error, STATUS_DIVERGED, layer->name,
                                "its %s hold a value that is not finite", what);
    return false;
}

/* ---- tensors ---- */

int builder_add_tensor(struct freeze_builder *builder, const struct layer *layer,
                       const char *suffix, enum frozen_type type, int rank, const int *shape) {
    struct frozen *frozen = builder->frozen;
    char name[2 * MODEL_NAME];
    qt_assert((size_t)frozen->tensor_count < tensor_room(builder));
    struct frozen_tensor *tensor = &frozen->tensors[frozen->tensor_count];
    snprintf(name, sizeof name, "%s%s", layer->name, suffix);
    tensor->name = strdup(name);
    if (!tensor->name) {
        builder_out_of_memory(builder, sizeof name);
        return -1;
    }
    tensor->type = type;
    tensor->rank = rank;
    for (int i = 0; i < rank; i++) tensor->shape[i] = shape[i];
    return frozen->tensor_count++;
}

int builder_add_activation(struct freeze_builder *builder, const struct layer *layer,
                           const char *suffix, enum frozen_type type) {
    int shape[FROZEN_RANK] = {1}, rank = layer->output.rank + 1;
    for (int i = 1; i < rank; i++) shape[i] = layer->output.size[i - 1];
    int tensor = builder_add_tensor(builder, layer, suffix, type, rank, shape);
    if (tensor >= 0) builder->frozen->tensors[tensor].has_batch = true;
    return tensor;
}

int builder_add_quantized(struct freeze_builder *builder, const struct layer *layer,
                          const char *suffix, struct qparams qparams) {
    int tensor = builder_add_activation(builder, layer, suffix, TYPE_INT8);
    return builder_set_qparams(builder, tensor, qparams) ? tensor : -1;
}

int builder_add_constant(struct freeze_builder *builder, const struct layer *layer,
                         const char *suffix, int rank, const int *shape, int32_t **values) {
    int tensor = builder_add_tensor(builder, layer, suffix, TYPE_INT32, rank, shape);
    *values = tensor < 0 ? NULL : builder_add_data(builder, tensor);
    return *values ? tensor : -1;
}

bool builder_add_quantization(struct freeze_builder *builder, int tensor, int count) {
    struct frozen_tensor *frozen = &builder->frozen->tensors[tensor];
    frozen->scale = calloc((size_t)count, sizeof *frozen->scale);
    frozen->zero_point = calloc((size_t)count, sizeof *frozen->zero_point);
    if (!frozen->scale || !frozen->zero_point)
        return builder_out_of_memory(builder, (size_t)count * sizeof *frozen->scale);
    frozen->scale_count = count;
    return true;
}

void *builder_add_data(struct freeze_builder *builder, int tensor) {
    struct frozen_tensor *frozen = &builder->frozen->tensors[tensor];
    size_t bytes = frozen_tensor_count(frozen) * frozen_type_size(frozen->type);
    frozen->data = array_new(bytes, 1);
    frozen->data_bytes = bytes;
    if (!frozen->data) builder_out_of_memory(builder, bytes);
    return frozen->data;
}

bool builder_set_qparams(struct freeze_builder *builder, int tensor, struct qparams qparams) {
    if (tensor < 0 || !builder_add_quantization(builder, tensor, 1)) return false;
    builder->frozen->tensors[tensor].scale[0] = (float)qparams.scale;
    builder->frozen->tensors[tensor].zero_point[0] = qparams.zero_point;
    builder->scale[tensor] = qparams.scale;
    return true;
}

struct qparams builder_qparams(const struct freeze_builder *builder, int tensor) {
    return (struct qparams){builder->scale[tensor], builder->frozen->tensors[tensor].zero_point[0]};
}

bool builder_has_qparams(const struct freeze_builder *builder, int tensor, struct qparams qparams) {
    struct qparams own = builder_qparams(builder, tensor);
    return own.scale == qparams.scale && own.zero_point == qparams.zero_point;
}

/* ---- operators ---- */

struct frozen_operator *builder_add_operator(struct freeze_builder *builder, enum frozen_op code,
                                             int input, int output) {
    struct frozen *frozen = builder->frozen;
    qt_assert((size_t)frozen->operator_count < operator_room(builder));
    struct frozen_operator *op = &frozen->operators[frozen->operator_count++];
    op->code = code;
    op->inputs[0] = input;
    op->input_count = 1;
    op->outputs[0] = output;
    op->dilation_x = op->dilation_y = 1;
    return op;
}
