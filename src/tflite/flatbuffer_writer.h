/* flatbuffer_writer: writes FlatBuffers front to back.
 *
 * A table is written before what it refers to; flat_link then fills in where that went.  Memory
 * that runs short is remembered: every later call does nothing, and writer->failed says so.
 */
#ifndef TFLITE_FLATBUFFER_WRITER_H
#define TFLITE_FLATBUFFER_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flat_writer {
    unsigned char *bytes; /* free() */
    size_t length, room;
    bool failed;
};

/* A field of a table: `bytes` wide (1 or 4), or 0 to leave it out.  After flat_write_table `at` is
 * where it stands, for flat_link. */
struct flat_field {
    int id, bytes;
    uint32_t value;
    size_t at;
};

/* An offset to be linked later is a field of 4 bytes. */
#define FLAT_OFFSET(field)                                                                         \
    { (field), 4, 0, 0 }

uint32_t flat_float_bits(float value);

/* Append zeros until length + ahead is a multiple of `alignment`. */
void flat_align(struct flat_writer *writer, size_t alignment, size_t ahead);
void flat_append(struct flat_writer *writer, const void *bytes, size_t length);
void flat_append_u32(struct flat_writer *writer, uint32_t value);

/* The table's position. */
size_t flat_write_table(struct flat_writer *writer, struct flat_field *fields, int count);

/* Make the offset that stands at `at` point to `target`. */
void flat_link(struct flat_writer *writer, size_t at, size_t target);

/* A vector of `count` offsets to be linked: the one of element i stands at result + 4 + 4 * i. */
size_t flat_write_offsets(struct flat_writer *writer, size_t count);
size_t flat_write_i32s(struct flat_writer *writer, const int *values, size_t count);
size_t flat_write_string(struct flat_writer *writer, const char *text);
/* Elements start at a multiple of `alignment`. */
size_t flat_write_vector(struct flat_writer *writer, const void *bytes, size_t count,
                         size_t element_bytes, size_t alignment);

#endif
