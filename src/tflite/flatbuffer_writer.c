#include "tflite/flatbuffer_writer.h"

#include <stdlib.h>
#include <string.h>

uint32_t flat_float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool reserve(struct flat_writer *writer, size_t more) {
    if (writer->failed) return false;
    if (more <= writer->room - writer->length) return true;
    size_t room = writer->room ? writer->room : 4096;
    while (room - writer->length < more && room <= SIZE_MAX / 2) room *= 2;
    unsigned char *larger = room - writer->length < more ? NULL : realloc(writer->bytes, room);
    if (!larger) {
        writer->failed = true;
        return false;
    }
    writer->bytes = larger;
    writer->room = room;
    return true;
}

void flat_append(struct flat_writer *writer, const void *bytes, size_t length) {
    if (!reserve(writer, length)) return;
    if (bytes)
        memcpy(writer->bytes + writer->length, bytes, length);
    else
        memset(writer->bytes + writer->length, 0, length);
    writer->length += length;
}

static void store(unsigned char *to, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> 8 * i);
}

static void append_value(struct flat_writer *writer, uint32_t value, int bytes) {
    unsigned char stored[4];
    store(stored, value, bytes);
    flat_append(writer, stored, (size_t)bytes);
}

void flat_append_u32(struct flat_writer *writer, uint32_t value) {
    append_value(writer, value, 4);
}

void flat_align(struct flat_writer *writer, size_t alignment, size_t ahead) {
    size_t over = (writer->length + ahead) % alignment;
    if (over) flat_append(writer, NULL, alignment - over);
}

size_t flat_write_table(struct flat_writer *writer, struct flat_field *fields, int count) {
    unsigned entries = 0, table_bytes = 4;
    /* The wide fields first, so that none needs padding. */
    for (int width = 4; width >= 1; width -= 3)
        for (int i = 0; i < count; i++) {
            if (fields[i].bytes != width) continue;
            fields[i].at = table_bytes;
            table_bytes += (unsigned)width;
            if ((unsigned)fields[i].id >= entries) entries = (unsigned)fields[i].id + 1;
        }
    unsigned vtable_bytes = 4 + 2 * entries;
    flat_align(writer, 4, vtable_bytes);
    size_t vtable = writer->length, table = vtable + vtable_bytes;
    append_value(writer, vtable_bytes, 2);
    append_value(writer, table_bytes, 2);
    for (unsigned entry = 0; entry < entries; entry++) {
        size_t offset = 0;
        for (int i = 0; i < count; i++)
            if (fields[i].bytes && fields[i].id == (int)entry) offset = fields[i].at;
        append_value(writer, (uint32_t)offset, 2);
    }
    append_value(writer, vtable_bytes, 4); /* the way back to the vtable */
    flat_append(writer, NULL, table_bytes - 4);
    for (int i = 0; i < count; i++) {
        if (!fields[i].bytes) continue;
        fields[i].at += table;
        if (!writer->failed) store(writer->bytes + fields[i].at, fields[i].value, fields[i].bytes);
    }
    return table;
}

void flat_link(struct flat_writer *writer, size_t at, size_t target) {
    if (writer->failed) return;
    store(writer->bytes + at, (uint32_t)(target - at), 4);
}

size_t flat_write_vector(struct flat_writer *writer, const void *bytes, size_t count,
                         size_t element_bytes, size_t alignment) {
    flat_align(writer, alignment < 4 ? 4 : alignment, 4);
    size_t at = writer->length;
    flat_append_u32(writer, (uint32_t)count);
    flat_append(writer, bytes, count * element_bytes);
    return at;
}

size_t flat_write_offsets(struct flat_writer *writer, size_t count) {
    return flat_write_vector(writer, NULL, count, 4, 4);
}

size_t flat_write_i32s(struct flat_writer *writer, const int *values, size_t count) {
    size_t at = flat_write_vector(writer, NULL, 0, 4, 4);
    for (size_t i = 0; i < count; i++) flat_append_u32(writer, (uint32_t)values[i]);
    if (!writer->failed) store(writer->bytes + at, (uint32_t)count, 4);
    return at;
}

size_t flat_write_string(struct flat_writer *writer, const char *text) {
    size_t at = flat_write_vector(writer, text, strlen(text), 1, 4);
    flat_append(writer, "", 1);
    return at;
}
