#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "tflite/flatbuffer.h"
#include "tflite/operators.h"
#include "tflite/schema.h"
#include "tflite/tflite.h"

/* Offsets can let many parts of a program share one part of the file, so the size of a file does
 * not bound the memory that it needs.  This budget does. */
#define BUDGET_BYTES  ((size_t)1 << 20)
#define BUDGET_FACTOR 8

struct parser {
    struct flat flat;
    size_t budget;
    struct frozen *frozen;
    struct flat_table model, subgraph;
    struct flat_vector codes, buffers, tensors, operators;
};

static void refuse(struct parser *parser, enum status status, const char *what, size_t index,
                   const char *text) {
    flat_refuse(&parser->flat, status, what, index, text);
}

/* Zeroed memory, charged to the budget; NULL sets the parser's status.  `aligned`: the caller frees
 * it with array_free instead of free. */
static void *allocate(struct parser *parser, size_t count, size_t size, bool aligned) {
    struct flat *flat = &parser->flat;
    size_t bytes;
    if (flat->status) return NULL;
    if (!size_multiply(count, size, &bytes) || bytes > parser->budget) {
        flat->status =
            error_set(flat->error, STATUS_FORMAT, flat->where,
                      "needs far more memory than a file of %zu bytes can fill", flat->length);
        return NULL;
    }
    parser->budget -= bytes;
    void *memory = aligned ? array_new(count, size) : calloc(count ? count : 1, size);
    if (!memory) flat->status = error_memory(flat->error, flat->where, bytes);
    return memory;
}

static char *copy_string(struct parser *parser, struct flat_vector string) {
    char *text = allocate(parser, string.count + 1, 1, false);
    if (text && string.count) memcpy(text, parser->flat.bytes + string.position, string.count);
    return text;
}

/* ---- tensors ---- */

static void parse_shape(struct parser *parser, struct flat_table table, size_t index,
                        struct frozen_tensor *tensor) {
    struct flat *flat = &parser->flat;
    struct flat_vector shape = flat_vector(flat, table, TENSOR_SHAPE, 4);
    struct flat_vector signature = flat_vector(flat, table, TENSOR_SHAPE_SIGNATURE, 4);
    if (shape.count > FROZEN_RANK) {
        refuse(parser, STATUS_UNSUPPORTED, "tensor", index, "more than 4 dimensions");
        return;
    }
    tensor->rank = (int)shape.count;
    for (size_t i = 0; i < shape.count; i++) tensor->shape[i] = flat_vector_i32(flat, shape, i);
    tensor->has_batch = shape.count > 0 && signature.count == shape.count &&
                        flat_vector_i32(flat, signature, 0) == -1;
}

static void parse_quantization(struct parser *parser, struct flat_table table, size_t index,
                               struct frozen_tensor *tensor) {
    struct flat *flat = &parser->flat;
    struct flat_table quantization = flat_child(flat, table, TENSOR_QUANTIZATION);
    struct flat_vector scale = flat_vector(flat, quantization, QUANTIZATION_SCALE, 4);
    struct flat_vector zero = flat_vector(flat, quantization, QUANTIZATION_ZERO_POINT, 8);
    if (scale.count == 0) return;
    if (zero.count && zero.count != scale.count) {
        refuse(parser, STATUS_FORMAT, "tensor", index,
               "has a different number of zero points and scales");
        return;
    }
    if (scale.count > MAX_FROZEN_ELEMENTS) {
        refuse(parser, STATUS_FORMAT, "tensor", index, "has too many scales");
        return;
    }
    tensor->scale = allocate(parser, scale.count, sizeof *tensor->scale, false);
    tensor->zero_point = allocate(parser, scale.count, sizeof *tensor->zero_point, false);
    if (flat->status) return;
    tensor->scale_count = (int)scale.count;
    tensor->quantized_dimension = flat_i32(flat, quantization, QUANTIZATION_DIMENSION, 0);
    for (size_t i = 0; i < scale.count; i++) {
        int64_t zero_point = zero.count ? flat_vector_i64(flat, zero, i) : 0;
        if (zero_point < INT32_MIN || zero_point > INT32_MAX) {
            refuse(parser, STATUS_FORMAT, "tensor", index, "a zero point is outside its type");
            return;
        }
        tensor->zero_point[i] = (int32_t)zero_point;
        tensor->scale[i] = flat_vector_f32(flat, scale, i);
    }
}

/* The file is little endian; in memory values have the machine's byte order. */
static void copy_elements(void *to, const unsigned char *from, size_t bytes, size_t size) {
    const uint16_t probe = 1;
    unsigned char first, *out = to;
    memcpy(&first, &probe, 1);
    for (size_t i = 0; i < bytes; i++) {
        size_t within = i % size;
        out[i] = from[first ? i : i - within + (size - 1 - within)];
    }
}

static void parse_data(struct parser *parser, struct flat_table table, size_t index,
                       struct frozen_tensor *tensor) {
    struct flat *flat = &parser->flat;
    uint32_t number = flat_u32(flat, table, TENSOR_BUFFER, 0);
    if (flat_child(flat, table, TENSOR_SPARSITY).position) {
        refuse(parser, STATUS_UNSUPPORTED, "tensor", index, "is sparse");
        return;
    }
    if (number == 0 && parser->buffers.count == 0) return;
    if (number >= parser->buffers.count) {
        refuse(parser, STATUS_FORMAT, "tensor", index, "its buffer does not exist");
        return;
    }
    struct flat_table buffer = flat_element(flat, parser->buffers, number);
    struct flat_vector data = flat_vector(flat, buffer, BUFFER_DATA, 1);
    if (flat_u64(flat, buffer, BUFFER_OFFSET, 0) > 1) {
        refuse(parser, STATUS_UNSUPPORTED, "tensor", index, "its data lies outside the FlatBuffer");
        return;
    }
    if (flat->status || data.count == 0) return;
    size_t bytes = frozen_type_size(tensor->type);
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->shape[i] < 0 || !size_multiply(bytes, (size_t)tensor->shape[i], &bytes))
            bytes = SIZE_MAX;
    if (bytes != data.count) {
        refuse(parser, STATUS_FORMAT, "tensor", index,
               "the size of its data does not match its shape");
        return;
    }
    tensor->data = allocate(parser, bytes, 1, true);
    if (!tensor->data) return;
    tensor->data_bytes = bytes;
    copy_elements(tensor->data, flat->bytes + data.position, bytes, frozen_type_size(tensor->type));
}

static void parse_tensor(struct parser *parser, size_t index) {
    struct flat *flat = &parser->flat;
    struct frozen_tensor *tensor = &parser->frozen->tensors[index];
    struct flat_table table = flat_element(flat, parser->tensors, index);
    tensor->type = (enum frozen_type)flat_i8(flat, table, TENSOR_TYPE, TYPE_FLOAT32);
    tensor->name = copy_string(parser, flat_string(flat, table, TENSOR_NAME));
    parse_shape(parser, table, index, tensor);
    if (!frozen_type_size(tensor->type)) return; /* frozen_check refuses its use */
    parse_quantization(parser, table, index, tensor);
    parse_data(parser, table, index, tensor);
}

/* ---- operators ---- */

static void parse_options(struct parser *parser, struct flat_table table, size_t index,
                          struct frozen_operator *op) {
    struct flat *flat = &parser->flat;
    const struct options_format *format = operator_row(op->code)->options;
    struct options_reader reader = {.flat = flat, .index = index};
    if (!format || !format->read) return;
    int type = flat_i8(flat, table, OPERATOR_OPTIONS_TYPE, OPTIONS_NONE);
    if (type != OPTIONS_NONE && type != format->type)
        refuse(parser, STATUS_FORMAT, "operator", index, "has the options of another operator");
    if (type == format->type) reader.table = flat_child(flat, table, OPERATOR_OPTIONS);
    format->read(&reader, op);
}

/* The name of a custom operator, if it is one that can be shown. */
static bool copy_custom_code(struct parser *parser, struct flat_table entry, char *text,
                             size_t size) {
    struct flat_vector name = flat_string(&parser->flat, entry, CODE_CUSTOM);
    if (!name.count || name.count >= size) return false;
    memcpy(text, parser->flat.bytes + name.position, name.count);
    text[name.count] = 0;
    for (size_t i = 0; i < name.count; i++)
        if (text[i] < ' ' || text[i] > '~') return false;
    return true;
}

static void parse_code(struct parser *parser, struct flat_table table, size_t index,
                       struct frozen_operator *op) {
    struct flat *flat = &parser->flat;
    uint32_t number = flat_u32(flat, table, OPERATOR_CODE, 0);
    if (flat->status) return;
    if (number >= parser->codes.count) {
        refuse(parser, STATUS_FORMAT, "operator", index, "its operator code does not exist");
        return;
    }
    struct flat_table entry = flat_element(flat, parser->codes, number);
    int old = flat_i8(flat, entry, CODE_DEPRECATED, 0);
    int code = flat_i32(flat, entry, CODE_BUILTIN, 0);
    if (code < old) code = old;
    op->code = (enum frozen_op)code;
    if (flat->status || frozen_op_known(code)) return;
    const char *name = frozen_op_name(code);
    char text[128], custom[48];
    if (code == OP_CUSTOM && copy_custom_code(parser, entry, custom, sizeof custom))
        snprintf(text, sizeof text, "the custom operator '%s' is not supported", custom);
    else if (name)
        snprintf(text, sizeof text, "%s is not supported", name);
    else
        snprintf(text, sizeof text, "code %d is not supported", code);
    strcat(text, "; 'man qatop' lists the operators that are");
    refuse(parser, STATUS_UNSUPPORTED, "operator", index, text);
}

static void parse_operator(struct parser *parser, size_t index) {
    struct flat *flat = &parser->flat;
    struct frozen_operator *op = &parser->frozen->operators[index];
    struct flat_table table = flat_element(flat, parser->operators, index);
    parse_code(parser, table, index, op);
    struct flat_vector inputs = flat_vector(flat, table, OPERATOR_INPUTS, 4);
    struct flat_vector outputs = flat_vector(flat, table, OPERATOR_OUTPUTS, 4);
    if (flat->status) return;
    if (inputs.count > sizeof op->inputs / sizeof *op->inputs || inputs.count == 0) {
        refuse(parser, STATUS_FORMAT, "operator", index, "it must have one to four inputs");
        return;
    }
    if (outputs.count != 1) {
        refuse(parser, STATUS_FORMAT, "operator", index, "it must have one output");
        return;
    }
    op->input_count = (int)inputs.count;
    for (size_t i = 0; i < inputs.count; i++) op->inputs[i] = flat_vector_i32(flat, inputs, i);
    op->outputs[0] = flat_vector_i32(flat, outputs, 0);
    parse_options(parser, table, index, op);
}

/* ---- the rest ---- */

static void parse_ends(struct parser *parser) {
    struct flat *flat = &parser->flat;
    struct flat_vector inputs = flat_vector(flat, parser->subgraph, SUBGRAPH_INPUTS, 4);
    struct flat_vector outputs = flat_vector(flat, parser->subgraph, SUBGRAPH_OUTPUTS, 4);
    if (flat->status) return;
    if (inputs.count != 1 || outputs.count != 1) {
        flat->status = error_set(flat->error, STATUS_UNSUPPORTED, flat->where,
                                 "has %zu inputs and %zu outputs; one of each is supported",
                                 inputs.count, outputs.count);
        return;
    }
    parser->frozen->input = flat_vector_i32(flat, inputs, 0);
    parser->frozen->output = flat_vector_i32(flat, outputs, 0);
}

static void parse_signature(struct parser *parser, struct flat_table table,
                            struct frozen_signature *signature) {
    struct flat *flat = &parser->flat;
    struct flat_vector inputs = flat_vector(flat, table, SIGNATURE_INPUTS, 4);
    struct flat_vector outputs = flat_vector(flat, table, SIGNATURE_OUTPUTS, 4);
    signature->key = copy_string(parser, flat_string(flat, table, SIGNATURE_KEY));
    signature->subgraph = flat_u32(flat, table, SIGNATURE_SUBGRAPH, 0);
    size_t count = inputs.count + outputs.count;
    signature->ends = allocate(parser, count, sizeof *signature->ends, false);
    if (!signature->ends) return;
    signature->input_count = (int)inputs.count;
    signature->output_count = (int)outputs.count;
    for (size_t i = 0; i < count && !flat->status; i++) {
        struct flat_table map = i < inputs.count ? flat_element(flat, inputs, i)
                                                 : flat_element(flat, outputs, i - inputs.count);
        signature->ends[i].tensor = flat_u32(flat, map, MAP_TENSOR, 0);
        signature->ends[i].name = copy_string(parser, flat_string(flat, map, MAP_NAME));
    }
}

/* The name that the first of the program's signatures gives to its input or output. */
static char *copy_end_name(struct parser *parser, bool is_output) {
    struct frozen *frozen = parser->frozen;
    int tensor = is_output ? frozen->output : frozen->input;
    for (int i = 0; i < frozen->signature_count && !parser->flat.status; i++) {
        const struct frozen_signature *signature = &frozen->signatures[i];
        if (signature->subgraph != 0) continue;
        int begin = is_output ? signature->input_count : 0;
        int end = signature->input_count + (is_output ? signature->output_count : 0);
        for (int j = begin; j < end; j++) {
            const char *name = signature->ends[j].name;
            if (signature->ends[j].tensor != (uint32_t)tensor) continue;
            char *copy = allocate(parser, strlen(name) + 1, 1, false);
            if (copy) strcpy(copy, name);
            return copy;
        }
        break;
    }
    return allocate(parser, 1, 1, false);
}

static void parse_signatures(struct parser *parser) {
    struct flat *flat = &parser->flat;
    struct frozen *frozen = parser->frozen;
    struct flat_vector signatures = flat_vector(flat, parser->model, MODEL_SIGNATURES, 4);
    frozen->signatures = allocate(parser, signatures.count, sizeof *frozen->signatures, false);
    if (frozen->signatures) frozen->signature_count = (int)signatures.count;
    for (size_t i = 0; i < signatures.count && !flat->status; i++)
        parse_signature(parser, flat_element(flat, signatures, i), &frozen->signatures[i]);
    frozen->input_name = copy_end_name(parser, false);
    frozen->output_name = copy_end_name(parser, true);
}

static void parse_header(struct parser *parser) {
    struct flat *flat = &parser->flat;
    if (flat->length < 8 || memcmp(flat->bytes + 4, TFLITE_IDENTIFIER, 4)) {
        flat->status = error_set(flat->error, STATUS_FORMAT, flat->where,
                                 "is not a TFLite model: \"TFL3\" is missing at offset 4");
        return;
    }
    parser->model = flat_root(flat);
    uint32_t version = flat_u32(flat, parser->model, MODEL_VERSION, 0);
    if (!flat->status && version != TFLITE_VERSION)
        flat->status = error_set(flat->error, STATUS_UNSUPPORTED, flat->where,
                                 "is of schema version %u; 3 is supported", (unsigned)version);
    parser->codes = flat_vector(flat, parser->model, MODEL_OPERATOR_CODES, 4);
    parser->buffers = flat_vector(flat, parser->model, MODEL_BUFFERS, 4);
    struct flat_vector subgraphs = flat_vector(flat, parser->model, MODEL_SUBGRAPHS, 4);
    if (!flat->status && subgraphs.count == 0)
        flat->status = error_set(flat->error, STATUS_FORMAT, flat->where, "holds no subgraph");
    parser->frozen->subgraph_count = (int)subgraphs.count;
    parser->subgraph = flat_element(flat, subgraphs, 0);
    parser->tensors = flat_vector(flat, parser->subgraph, SUBGRAPH_TENSORS, 4);
    parser->operators = flat_vector(flat, parser->subgraph, SUBGRAPH_OPERATORS, 4);
}

static void parse_program(struct parser *parser) {
    struct flat *flat = &parser->flat;
    struct frozen *frozen = parser->frozen;
    parse_header(parser);
    /* Operators first: an operator that is not supported is a better reason than a tensor's type.
     */
    frozen->operators = allocate(parser, parser->operators.count, sizeof *frozen->operators, false);
    if (frozen->operators) frozen->operator_count = (int)parser->operators.count;
    for (size_t i = 0; i < parser->operators.count && !flat->status; i++) parse_operator(parser, i);
    frozen->tensors = allocate(parser, parser->tensors.count, sizeof *frozen->tensors, false);
    if (frozen->tensors) frozen->tensor_count = (int)parser->tensors.count;
    for (size_t i = 0; i < parser->tensors.count && !flat->status; i++) parse_tensor(parser, i);
    parse_ends(parser);
    parse_signatures(parser);
    frozen->description = copy_string(parser, flat_string(flat, parser->model, MODEL_DESCRIPTION));
}

enum status tflite_parse(const unsigned char *bytes, size_t length, const char *where,
                         struct frozen **frozen, struct error *error) {
    *frozen = NULL;
    if (length > MAX_TFLITE_BYTES)
        return error_set(error, STATUS_FORMAT, where, "is larger than %zu bytes", MAX_TFLITE_BYTES);
    struct parser parser = {
        .flat = {bytes, length, where, error, STATUS_OK},
        .budget = BUDGET_BYTES + BUDGET_FACTOR * length,
    };
    parser.frozen = calloc(1, sizeof *parser.frozen);
    if (!parser.frozen) return error_memory(error, where, sizeof *parser.frozen);
    parse_program(&parser);
    enum status status = parser.flat.status;
    if (!status) status = frozen_check(parser.frozen, where, error);
    if (!status) status = frozen_resolve_shapes(parser.frozen, where, error);
    if (status) {
        frozen_free(parser.frozen);
        return status;
    }
    *frozen = parser.frozen;
    return STATUS_OK;
}

enum status tflite_read(const char *path, struct frozen **frozen, struct error *error) {
    unsigned char *bytes;
    size_t length;
    *frozen = NULL;
    enum status status = file_read(path, MAX_TFLITE_BYTES, &bytes, &length, error);
    if (status) return status;
    status = tflite_parse(bytes, length, path, frozen, error);
    free(bytes);
    return status;
}
