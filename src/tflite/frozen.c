#include "tflite/frozen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "tflite/operators.h"

size_t frozen_type_size(enum frozen_type type) {
    switch (type) {
    case TYPE_FLOAT32:
    case TYPE_INT32:
        return 4;
    case TYPE_UINT8:
    case TYPE_INT8:
        return 1;
    case TYPE_INT64:
        return 8;
    }
    return 0;
}

/* The schema's TensorType in order. */
static const char *const type_names[] = {
    "float32", "float16",   "int32",  "uint8",   "int64",      "string", "bool",
    "int16",   "complex64", "int8",   "float64", "complex128", "uint64", "resource",
    "variant", "uint32",    "uint16", "int4",    "bfloat16",
};

const char *frozen_type_name(int type) {
    int count = (int)(sizeof type_names / sizeof *type_names);
    return type >= 0 && type < count ? type_names[type] : "unknown";
}

static const char *const op_names[] = {
#define NAME(name) #name,
    TFLITE_BUILTINS(NAME)
#undef NAME
};

const char *frozen_op_name(int code) {
    return code >= 0 && code < OP_COUNT ? op_names[code] : NULL;
}

bool frozen_op_known(int code) {
    return operator_row(code) != NULL;
}

void frozen_free(struct frozen *frozen) {
    if (!frozen) return;
    for (int i = 0; frozen->tensors && i < frozen->tensor_count; i++) {
        struct frozen_tensor *tensor = &frozen->tensors[i];
        free(tensor->name);
        free(tensor->scale);
        free(tensor->zero_point);
        array_free(tensor->data);
    }
    free(frozen->tensors);
    free(frozen->operators);
    for (int i = 0; frozen->signatures && i < frozen->signature_count; i++) {
        struct frozen_signature *signature = &frozen->signatures[i];
        int count = signature->input_count + signature->output_count;
        for (int j = 0; signature->ends && j < count; j++) free(signature->ends[j].name);
        free(signature->ends);
        free(signature->key);
    }
    free(frozen->signatures);
    free(frozen->input_name);
    free(frozen->output_name);
    free(frozen->description);
    free(frozen);
}

size_t frozen_tensor_count(const struct frozen_tensor *tensor) {
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= (size_t)tensor->shape[i];
    return count;
}

const int32_t *frozen_int32s(const struct frozen *frozen, const struct frozen_operator *op,
                             int index, size_t count) {
    if (index >= op->input_count || op->inputs[index] < 0) return NULL;
    const struct frozen_tensor *tensor = &frozen->tensors[op->inputs[index]];
    if (!tensor->data || tensor->type != TYPE_INT32 ||
        tensor->data_bytes != count * sizeof(int32_t))
        return NULL;
    return tensor->data;
}

/* ---- checks ---- */

static enum status tensor_refused(const struct frozen *frozen, int index, enum status status,
                                  const char *where, struct error *error, const char *text) {
    const char *name = frozen->tensors[index].name;
    if (name && *name)
        return error_set(error, status, where, "tensor %d (%.80s): %s", index, name, text);
    return error_set(error, status, where, "tensor %d: %s", index, text);
}

static enum status tensor_error(const struct frozen *frozen, int index, const char *where,
                                struct error *error, const char *text) {
    return tensor_refused(frozen, index, STATUS_FORMAT, where, error, text);
}

static void mark_used(const struct frozen *frozen, int tensor, unsigned char *used) {
    if (tensor >= 0 && tensor < frozen->tensor_count) used[tensor] = 1;
}

static void find_used(const struct frozen *frozen, unsigned char *used) {
    mark_used(frozen, frozen->input, used);
    mark_used(frozen, frozen->output, used);
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        for (int j = 0; j < op->input_count && j < FROZEN_INPUTS; j++)
            mark_used(frozen, op->inputs[j], used);
        mark_used(frozen, op->outputs[0], used);
    }
}

/* Types that are not supported, but that an option of the converter avoids. */
#define TYPE_FLOAT16 1
#define TYPE_INT16   7

static enum status type_error(const struct frozen *frozen, int index, const char *where,
                              struct error *error) {
    int type = (int)frozen->tensors[index].type;
    char number[16], text[96];
    const char *name = frozen_type_name(type), *hint = "";
    snprintf(number, sizeof number, "%d", type);
    if (!strcmp(name, "unknown")) name = number;
    if (type == TYPE_INT16) hint = "; convert with int8 activations";
    if (type == TYPE_FLOAT16) hint = "; convert with int8 quantization";
    snprintf(text, sizeof text, "type %s is not supported%s", name, hint);
    return tensor_refused(frozen, index, STATUS_UNSUPPORTED, where, error, text);
}

/* Only tensors that nothing uses may have a type that is not supported. */
static enum status check_types(const struct frozen *frozen, const char *where,
                               struct error *error) {
    size_t count = (size_t)frozen->tensor_count;
    unsigned char *used = calloc(count, 1);
    if (!used) return error_memory(error, where, count);
    enum status status = STATUS_OK;
    find_used(frozen, used);
    for (int i = 0; i < frozen->tensor_count && !status; i++)
        if (used[i] && !frozen_type_size(frozen->tensors[i].type))
            status = type_error(frozen, i, where, error);
    free(used);
    return status;
}

static const char *shape_fault(const struct frozen_tensor *tensor) {
    if (tensor->rank < 0 || tensor->rank > FROZEN_RANK) return "it has too many dimensions";
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] <= 0) return "a dimension is not positive";
        if (!size_multiply(count, (size_t)tensor->shape[i], &count) || count > MAX_FROZEN_ELEMENTS)
            return "its shape is too large";
    }
    if (tensor->data && tensor->data_bytes != count * frozen_type_size(tensor->type))
        return "the size of its data does not match its shape";
    return NULL;
}

static bool zero_point_fits(enum frozen_type type, int32_t zero_point) {
    switch (type) {
    case TYPE_INT8:
        return zero_point >= -128 && zero_point <= 127;
    case TYPE_UINT8:
        return zero_point >= 0 && zero_point <= 255;
    default:
        return zero_point == 0;
    }
}

static const char *quantization_fault(const struct frozen_tensor *tensor) {
    int count = tensor->scale_count;
    if (count == 0) return NULL;
    if (!tensor->scale || !tensor->zero_point || count < 0) return "it has no scales";
    if (count > 1) {
        int axis = tensor->quantized_dimension;
        if (axis < 0 || axis >= tensor->rank) return "its quantized dimension does not exist";
        if (count != tensor->shape[axis])
            return "it has neither one scale nor one for each channel";
    }
    for (int i = 0; i < count; i++) {
        if (!(tensor->scale[i] > 0) || !isfinite(tensor->scale[i]))
            return "a scale is not a positive number";
        if (!zero_point_fits(tensor->type, tensor->zero_point[i]))
            return "a zero point is outside its type";
    }
    return NULL;
}

static enum status check_operator(const struct frozen *frozen, int index, unsigned char *written,
                                  const char *where, struct error *error) {
    const struct frozen_operator *op = &frozen->operators[index];
    const char *name = frozen_op_known(op->code) ? frozen_op_name(op->code) : NULL;
    if (!name)
        return error_set(error, STATUS_UNSUPPORTED, where, "operator %d: unknown code %d", index,
                         (int)op->code);
    if (op->input_count < 1 || op->input_count > FROZEN_INPUTS)
        return error_set(error, STATUS_FORMAT, where, "operator %d (%s): has %d inputs", index,
                         name, op->input_count);
    for (int i = 0; i < op->input_count; i++) {
        int tensor = op->inputs[i];
        if (tensor < (i == 2 ? -1 : 0) || tensor >= frozen->tensor_count)
            return error_set(error, STATUS_FORMAT, where,
                             "operator %d (%s): input %d is tensor %d; there are %d", index, name,
                             i, tensor, frozen->tensor_count);
        if (tensor >= 0 && !written[tensor])
            return error_set(error, STATUS_FORMAT, where,
                             "operator %d (%s): reads tensor %d, which nothing has written yet",
                             index, name, tensor);
    }
    int output = op->outputs[0];
    if (output < 0 || output >= frozen->tensor_count)
        return error_set(error, STATUS_FORMAT, where,
                         "operator %d (%s): its output is tensor %d; there are %d", index, name,
                         output, frozen->tensor_count);
    if (written[output])
        return error_set(error, STATUS_FORMAT, where,
                         "operator %d (%s): writes tensor %d, which is a constant or already "
                         "written",
                         index, name, output);
    written[output] = 1;
    return STATUS_OK;
}

enum status frozen_check(const struct frozen *frozen, const char *where, struct error *error) {
    int count = frozen->tensor_count;
    if (count <= 0) return error_set(error, STATUS_FORMAT, where, "there is no tensor");
    if (frozen->input < 0 || frozen->input >= count || frozen->output < 0 ||
        frozen->output >= count)
        return error_set(error, STATUS_FORMAT, where,
                         "its input is tensor %d and its output tensor %d; there are %d",
                         frozen->input, frozen->output, count);
    enum status status = check_types(frozen, where, error);
    if (status) return status;
    unsigned char *written = calloc((size_t)count, 1);
    if (!written) return error_memory(error, where, (unsigned long long)count);
    for (int i = 0; i < count && !status; i++) {
        const char *fault = shape_fault(&frozen->tensors[i]);
        if (!fault) fault = quantization_fault(&frozen->tensors[i]);
        if (fault) status = tensor_error(frozen, i, where, error, fault);
        written[i] = frozen->tensors[i].data != NULL;
    }
    if (!status && written[frozen->input])
        status = tensor_error(frozen, frozen->input, where, error,
                              "it is the program's input and a constant");
    if (status) goto done;
    written[frozen->input] = 1;
    for (int i = 0; i < frozen->operator_count && !status; i++)
        status = check_operator(frozen, i, written, where, error);
    if (!status && !written[frozen->output])
        status = tensor_error(frozen, frozen->output, where, error,
                              "it is the program's output, but nothing writes it");
done:
    free(written);
    return status;
}

struct shape frozen_input_shape(const struct frozen *frozen) {
    const struct frozen_tensor *input = &frozen->tensors[frozen->input];
    if (input->rank < 2 || input->rank > 4)
        return (struct shape){
            1, {(int)(frozen_tensor_count(input) / (size_t)(input->rank ? input->shape[0] : 1))}};
    struct shape shape = {.rank = input->rank - 1};
    for (int i = 0; i < shape.rank; i++) shape.size[i] = input->shape[i + 1];
    return shape;
}

size_t frozen_output_count(const struct frozen *frozen) {
    const struct frozen_tensor *output = &frozen->tensors[frozen->output];
    return output->rank ? frozen_tensor_count(output) / (size_t)output->shape[0] : 1;
}
