#include <stdlib.h>
#include <string.h>

#include "tflite/flatbuffer_writer.h"
#include "tflite/operators.h"
#include "tflite/schema.h"
#include "tflite/tflite.h"

/* Buffer 0 is empty by convention; each tensor has one of its own, then the metadata's. */
#define BUFFERS_BEFORE_TENSORS 1

/* The oldest TFLite that runs these operators, as its converter writes it. */
static const char min_runtime_version[16] = "1.14.0";

struct serializer {
    struct flat_writer writer;
    const struct frozen *frozen;
    int codes[OP_COUNT]; /* index of each operator's code, -1: not used */
    enum frozen_op used[OP_COUNT];
    int code_count;
};

static size_t element_at(size_t vector, int index) {
    return vector + 4 + 4 * (size_t)index;
}

static void write_codes(struct serializer *serializer, size_t link) {
    struct flat_writer *writer = &serializer->writer;
    for (int code = 0; code < OP_COUNT; code++) serializer->codes[code] = -1;
    for (int i = 0; i < serializer->frozen->operator_count; i++) {
        enum frozen_op code = serializer->frozen->operators[i].code;
        if (serializer->codes[code] >= 0) continue;
        serializer->codes[code] = serializer->code_count;
        serializer->used[serializer->code_count++] = code;
    }
    size_t vector = flat_write_offsets(writer, (size_t)serializer->code_count);
    flat_link(writer, link, vector);
    for (int i = 0; i < serializer->code_count; i++) {
        const struct operator_row *row = operator_row((int)serializer->used[i]);
        uint32_t code = (uint32_t)row->code;
        struct flat_field fields[] = {
            {CODE_DEPRECATED, 1, code < CODE_PLACEHOLDER ? code : CODE_PLACEHOLDER, 0},
            {CODE_VERSION, 4, row->version, 0},
            {CODE_BUILTIN, 4, code, 0},
        };
        flat_link(writer, element_at(vector, i), flat_write_table(writer, fields, 3));
    }
}

/* ---- tensors ---- */

static size_t write_quantization(struct serializer *serializer,
                                 const struct frozen_tensor *tensor) {
    struct flat_writer *writer = &serializer->writer;
    size_t count = (size_t)tensor->scale_count;
    if (!count) return flat_write_table(writer, NULL, 0);
    struct flat_field fields[] = {
        FLAT_OFFSET(QUANTIZATION_SCALE),
        FLAT_OFFSET(QUANTIZATION_ZERO_POINT),
        {QUANTIZATION_DIMENSION, 4, (uint32_t)tensor->quantized_dimension, 0},
    };
    size_t table = flat_write_table(writer, fields, 3);
    flat_align(writer, 4, 0);
    flat_link(writer, fields[0].at, writer->length);
    flat_append_u32(writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) flat_append_u32(writer, flat_float_bits(tensor->scale[i]));
    flat_align(writer, 8, 4);
    flat_link(writer, fields[1].at, writer->length);
    flat_append_u32(writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        flat_append_u32(writer, (uint32_t)tensor->zero_point[i]);
        flat_append_u32(writer, tensor->zero_point[i] < 0 ? UINT32_MAX : 0);
    }
    return table;
}

static size_t write_tensor(struct serializer *serializer, int index) {
    struct flat_writer *writer = &serializer->writer;
    const struct frozen_tensor *tensor = &serializer->frozen->tensors[index];
    int signature[FROZEN_RANK];
    memcpy(signature, tensor->shape, sizeof signature);
    signature[0] = -1;
    struct flat_field fields[] = {
        FLAT_OFFSET(TENSOR_SHAPE),
        {TENSOR_TYPE, 1, (uint32_t)tensor->type, 0},
        {TENSOR_BUFFER, 4, (uint32_t)(index + BUFFERS_BEFORE_TENSORS), 0},
        FLAT_OFFSET(TENSOR_NAME),
        FLAT_OFFSET(TENSOR_QUANTIZATION),
        {TENSOR_SHAPE_SIGNATURE, tensor->has_batch ? 4 : 0, 0, 0},
        {TENSOR_HAS_RANK, 1, 1, 0},
    };
    size_t table = flat_write_table(writer, fields, sizeof fields / sizeof *fields);
    size_t rank = (size_t)tensor->rank;
    flat_link(writer, fields[0].at, flat_write_i32s(writer, tensor->shape, rank));
    flat_link(writer, fields[3].at, flat_write_string(writer, tensor->name ? tensor->name : ""));
    flat_link(writer, fields[4].at, write_quantization(serializer, tensor));
    if (tensor->has_batch)
        flat_link(writer, fields[5].at, flat_write_i32s(writer, signature, rank));
    return table;
}

/* ---- operators ---- */

static size_t write_operator(struct serializer *serializer, int index) {
    struct flat_writer *writer = &serializer->writer;
    const struct frozen_operator *op = &serializer->frozen->operators[index];
    const struct options_format *format = operator_row((int)op->code)->options;
    int options = format ? format->type : OPTIONS_NONE;
    struct flat_field fields[] = {
        {OPERATOR_CODE, 4, (uint32_t)serializer->codes[op->code], 0},
        FLAT_OFFSET(OPERATOR_INPUTS),
        FLAT_OFFSET(OPERATOR_OUTPUTS),
        {OPERATOR_OPTIONS_TYPE, options ? 1 : 0, (uint32_t)options, 0},
        {OPERATOR_OPTIONS, options ? 4 : 0, 0, 0},
    };
    size_t table = flat_write_table(writer, fields, sizeof fields / sizeof *fields);
    size_t inputs = (size_t)op->input_count;
    flat_link(writer, fields[1].at, flat_write_i32s(writer, op->inputs, inputs));
    flat_link(writer, fields[2].at, flat_write_i32s(writer, op->outputs, 1));
    if (format)
        flat_link(writer, fields[4].at,
                  format->write ? format->write(writer, op) : flat_write_table(writer, NULL, 0));
    return table;
}

/* ---- the rest ---- */

static void write_subgraph(struct serializer *serializer, size_t link) {
    struct flat_writer *writer = &serializer->writer;
    const struct frozen *frozen = serializer->frozen;
    struct flat_field fields[] = {
        FLAT_OFFSET(SUBGRAPH_TENSORS), FLAT_OFFSET(SUBGRAPH_INPUTS),
        FLAT_OFFSET(SUBGRAPH_OUTPUTS), FLAT_OFFSET(SUBGRAPH_OPERATORS),
        FLAT_OFFSET(SUBGRAPH_NAME),
    };
    size_t subgraphs = flat_write_offsets(writer, 1);
    flat_link(writer, link, subgraphs);
    flat_link(writer, element_at(subgraphs, 0), flat_write_table(writer, fields, 5));
    size_t tensors = flat_write_offsets(writer, (size_t)frozen->tensor_count);
    flat_link(writer, fields[0].at, tensors);
    for (int i = 0; i < frozen->tensor_count; i++)
        flat_link(writer, element_at(tensors, i), write_tensor(serializer, i));
    flat_link(writer, fields[1].at, flat_write_i32s(writer, &frozen->input, 1));
    flat_link(writer, fields[2].at, flat_write_i32s(writer, &frozen->output, 1));
    size_t operators = flat_write_offsets(writer, (size_t)frozen->operator_count);
    flat_link(writer, fields[3].at, operators);
    for (int i = 0; i < frozen->operator_count; i++)
        flat_link(writer, element_at(operators, i), write_operator(serializer, i));
    flat_link(writer, fields[4].at, flat_write_string(writer, "main"));
}

/* The file is little endian, whatever the machine is. */
static void append_elements(struct flat_writer *writer, const struct frozen_tensor *tensor) {
    size_t size = frozen_type_size(tensor->type);
    const uint16_t probe = 1;
    unsigned char first;
    memcpy(&first, &probe, 1);
    if (first || size == 1) {
        flat_append(writer, tensor->data, tensor->data_bytes);
        return;
    }
    const unsigned char *from = tensor->data;
    for (size_t i = 0; i < tensor->data_bytes; i++)
        flat_append(writer, from + i - i % size + (size - 1 - i % size), 1);
}

static void write_buffers(struct serializer *serializer, size_t link) {
    struct flat_writer *writer = &serializer->writer;
    const struct frozen *frozen = serializer->frozen;
    int count = BUFFERS_BEFORE_TENSORS + frozen->tensor_count + 1;
    size_t vector = flat_write_offsets(writer, (size_t)count);
    flat_link(writer, link, vector);
    for (int i = 0; i < count - 1; i++) {
        const struct frozen_tensor *tensor =
            i < BUFFERS_BEFORE_TENSORS ? NULL : &frozen->tensors[i - BUFFERS_BEFORE_TENSORS];
        bool has_data = tensor && tensor->data;
        struct flat_field data = {BUFFER_DATA, has_data ? 4 : 0, 0, 0};
        flat_link(writer, element_at(vector, i), flat_write_table(writer, &data, 1));
        if (!has_data) continue;
        flat_align(writer, 16, 4);
        flat_link(writer, data.at, writer->length);
        flat_append_u32(writer, (uint32_t)tensor->data_bytes);
        append_elements(writer, tensor);
    }
    struct flat_field data = FLAT_OFFSET(BUFFER_DATA);
    flat_link(writer, element_at(vector, count - 1), flat_write_table(writer, &data, 1));
    flat_link(writer, data.at,
              flat_write_vector(writer, min_runtime_version, sizeof min_runtime_version, 1, 16));
}

static void write_metadata(struct serializer *serializer, size_t link) {
    struct flat_writer *writer = &serializer->writer;
    uint32_t buffer = (uint32_t)(BUFFERS_BEFORE_TENSORS + serializer->frozen->tensor_count);
    struct flat_field fields[] = {
        FLAT_OFFSET(METADATA_NAME),
        {METADATA_BUFFER, 4, buffer, 0},
    };
    size_t vector = flat_write_offsets(writer, 1);
    flat_link(writer, link, vector);
    flat_link(writer, element_at(vector, 0), flat_write_table(writer, fields, 2));
    flat_link(writer, fields[0].at, flat_write_string(writer, "min_runtime_version"));
}

static size_t write_map(struct flat_writer *writer, const char *name, int tensor) {
    struct flat_field fields[] = {
        FLAT_OFFSET(MAP_NAME),
        {MAP_TENSOR, 4, (uint32_t)tensor, 0},
    };
    size_t vector = flat_write_offsets(writer, 1);
    flat_link(writer, element_at(vector, 0), flat_write_table(writer, fields, 2));
    flat_link(writer, fields[0].at, flat_write_string(writer, name));
    return vector;
}

static const char *name_or(const char *name, const char *otherwise) {
    return name && *name ? name : otherwise;
}

static void write_signature(struct serializer *serializer, size_t link) {
    struct flat_writer *writer = &serializer->writer;
    const struct frozen *frozen = serializer->frozen;
    struct flat_field fields[] = {
        FLAT_OFFSET(SIGNATURE_INPUTS),
        FLAT_OFFSET(SIGNATURE_OUTPUTS),
        FLAT_OFFSET(SIGNATURE_KEY),
        {SIGNATURE_SUBGRAPH, 4, 0, 0},
    };
    size_t vector = flat_write_offsets(writer, 1);
    flat_link(writer, link, vector);
    flat_link(writer, element_at(vector, 0), flat_write_table(writer, fields, 4));
    const char *input = name_or(frozen->input_name, "input");
    const char *output = name_or(frozen->output_name, "output");
    flat_link(writer, fields[0].at, write_map(writer, input, frozen->input));
    flat_link(writer, fields[1].at, write_map(writer, output, frozen->output));
    flat_link(writer, fields[2].at, flat_write_string(writer, "serving_default"));
}

static void write_model(struct serializer *serializer) {
    struct flat_writer *writer = &serializer->writer;
    struct flat_field fields[] = {
        {MODEL_VERSION, 4, TFLITE_VERSION, 0},
        FLAT_OFFSET(MODEL_OPERATOR_CODES),
        FLAT_OFFSET(MODEL_SUBGRAPHS),
        FLAT_OFFSET(MODEL_DESCRIPTION),
        FLAT_OFFSET(MODEL_BUFFERS),
        FLAT_OFFSET(MODEL_METADATA),
        FLAT_OFFSET(MODEL_SIGNATURES),
    };
    flat_append_u32(writer, 0);
    flat_append(writer, TFLITE_IDENTIFIER, 4);
    flat_link(writer, 0, flat_write_table(writer, fields, sizeof fields / sizeof *fields));
    write_codes(serializer, fields[1].at);
    write_subgraph(serializer, fields[2].at);
    const char *description = serializer->frozen->description;
    flat_link(writer, fields[3].at, flat_write_string(writer, description ? description : ""));
    write_metadata(serializer, fields[5].at);
    write_signature(serializer, fields[6].at);
    write_buffers(serializer, fields[4].at);
    flat_align(writer, 16, 0);
}

enum status tflite_serialize(const struct frozen *frozen, unsigned char **bytes, size_t *length,
                             struct error *error) {
    *bytes = NULL;
    *length = 0;
    enum status status = frozen_check(frozen, "", error);
    if (status) return status;
    struct serializer serializer = {.frozen = frozen};
    write_model(&serializer);
    if (serializer.writer.failed)
        status = error_memory(error, "", serializer.writer.room * 2);
    else if (serializer.writer.length > MAX_TFLITE_BYTES)
        status = error_set(error, STATUS_UNSUPPORTED, "", "the model takes more than %zu bytes",
                           MAX_TFLITE_BYTES);
    if (status) {
        free(serializer.writer.bytes);
        return status;
    }
    *bytes = serializer.writer.bytes;
    *length = serializer.writer.length;
    return STATUS_OK;
}
