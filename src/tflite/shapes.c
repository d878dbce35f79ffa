#include <stdlib.h>
#include <string.h>

#include "tflite/operators.h"

struct resolver {
    struct frozen *frozen;
    int *writer; /* [tensors] the operator that writes it, -1 */
    const char *where;
    struct error *error;
};

static enum shape_rule rule_of(enum frozen_op code) {
    const struct operator_row *row = operator_row((int)code);
    return row ? row->shape : SHAPE_IN_FILE;
}

bool frozen_op_shapes(enum frozen_op code) {
    return rule_of(code) == SHAPE_VALUES;
}

static enum status refuse(const struct resolver *resolver, int index) {
    return error_set(resolver->error, STATUS_UNSUPPORTED, resolver->where,
                     "operator %d (%s): is supported only where it computes the shape of a RESHAPE "
                     "from the batch and constants",
                     index, frozen_op_name(resolver->frozen->operators[index].code));
}

static const struct frozen_operator *writer_of(const struct resolver *resolver, int tensor) {
    int index = tensor < 0 ? -1 : resolver->writer[tensor];
    return index < 0 ? NULL : &resolver->frozen->operators[index];
}

/* Whether the tensor is the first number of a shape: the batch. */
static bool is_batch(const struct resolver *resolver, int tensor) {
    const struct frozen *frozen = resolver->frozen;
    const struct frozen_operator *slice = writer_of(resolver, tensor);
    if (!slice || slice->code != OP_STRIDED_SLICE || slice->input_count != 4 || !slice->takes_one)
        return false;
    const struct frozen_operator *shape = writer_of(resolver, slice->inputs[0]);
    static const int32_t wanted[] = {0, 1, 1}; /* from, to, by */
    for (int i = 0; i < 3; i++) {
        const int32_t *number = frozen_int32s(frozen, slice, 1 + i, 1);
        if (!number || *number != wanted[i]) return false;
    }
    return shape && shape->code == OP_SHAPE && !frozen->tensors[shape->inputs[0]].data;
}

/* The shape that a PACK gives to `count` elements of each sample. */
static bool pack_shape(const struct resolver *resolver, const struct frozen_operator *pack,
                       int batch, size_t count, struct frozen_tensor *output) {
    size_t known = 1;
    int open = -1;
    if (!is_batch(resolver, pack->inputs[0])) return false;
    output->rank = pack->input_count;
    output->shape[0] = batch;
    for (int i = 1; i < pack->input_count; i++) {
        const int32_t *constant = frozen_int32s(resolver->frozen, pack, i, 1);
        if (!constant || *constant == 0 || *constant < -1) return false;
        int32_t size = *constant;
        if (size == -1 && open >= 0) return false;
        if (size == -1)
            open = i;
        else
            known *= (size_t)size;
        if (known > count) return false;
        output->shape[i] = size;
    }
    if (open >= 0) output->shape[open] = (int)(count / known);
    return open >= 0 ? count % known == 0 : known == count;
}

static enum status resolve_reshape(const struct resolver *resolver, int index) {
    struct frozen *frozen = resolver->frozen;
    const struct frozen_operator *op = &frozen->operators[index];
    const struct frozen_tensor *input = &frozen->tensors[op->inputs[0]];
    const struct frozen_operator *pack =
        op->input_count > 1 ? writer_of(resolver, op->inputs[1]) : NULL;
    if (!pack || input->rank == 0) return STATUS_OK;
    struct frozen_tensor shape = frozen->tensors[op->outputs[0]];
    size_t count = frozen_tensor_count(input) / (size_t)input->shape[0];
    if (pack->code != OP_PACK || !pack_shape(resolver, pack, input->shape[0], count, &shape))
        return refuse(resolver, (int)(pack - frozen->operators));
    frozen->tensors[op->outputs[0]] = shape;
    return STATUS_OK;
}

/* Whether input `input` of `op` may come from an operator of that code. */
static bool may_read(const struct frozen_operator *op, int input, enum frozen_op code) {
    return code == OP_SHAPE           ? op->code == OP_STRIDED_SLICE && input == 0
           : code == OP_STRIDED_SLICE ? op->code == OP_PACK && input == 0
                                      : op->code == OP_RESHAPE && input == 1;
}

static enum status check_uses(const struct resolver *resolver) {
    const struct frozen *frozen = resolver->frozen;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        for (int j = 0; j < op->input_count; j++) {
            const struct frozen_operator *from = writer_of(resolver, op->inputs[j]);
            if (from && frozen_op_shapes(from->code) && !may_read(op, j, from->code))
                return refuse(resolver, (int)(from - frozen->operators));
        }
    }
    const struct frozen_operator *last = writer_of(resolver, frozen->output);
    if (last && frozen_op_shapes(last->code))
        return refuse(resolver, (int)(last - frozen->operators));
    return STATUS_OK;
}

static enum status resolve_all(const struct resolver *resolver) {
    struct frozen *frozen = resolver->frozen;
    enum status status = check_uses(resolver);
    for (int i = 0; i < frozen->operator_count && !status; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        const struct frozen_tensor *input = &frozen->tensors[op->inputs[0]];
        struct frozen_tensor *output = &frozen->tensors[op->outputs[0]];
        if (rule_of(op->code) == SHAPE_RESHAPED) {
            status = resolve_reshape(resolver, i);
        } else if (rule_of(op->code) == SHAPE_OF_INPUT) {
            output->rank = input->rank;
            memcpy(output->shape, input->shape, sizeof output->shape);
        }
    }
    return status;
}

enum status frozen_resolve_shapes(struct frozen *frozen, const char *where, struct error *error) {
    bool is_any = false;
    for (int i = 0; i < frozen->operator_count; i++)
        is_any |= frozen_op_shapes(frozen->operators[i].code);
    if (!is_any) return STATUS_OK;
    struct resolver resolver = {.frozen = frozen, .where = where, .error = error};
    size_t tensors = (size_t)frozen->tensor_count;
    resolver.writer = malloc(tensors * sizeof *resolver.writer);
    if (!resolver.writer) return error_memory(error, where, tensors * sizeof *resolver.writer);
    for (size_t i = 0; i < tensors; i++) resolver.writer[i] = -1;
    for (int i = 0; i < frozen->operator_count; i++)
        resolver.writer[frozen->operators[i].outputs[0]] = i;
    enum status status = resolve_all(&resolver);
    free(resolver.writer);
    return status;
}
