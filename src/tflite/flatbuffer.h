/* flatbuffer: bounds-checked reading of FlatBuffers.
 *
 * Little endian.  A table starts with an i32, the distance back to its vtable; the vtable holds
 * u16 vtable bytes, u16 table bytes, then one u16 a field: its offset in the table, 0 when the
 * field has its default.  Offsets are u32, relative to where they stand.  A vector is a u32 count
 * and its elements.
 *
 * The first fault is kept in `status` and `error`; every function called after that returns a
 * default, so that a reader may check once for several fields.
 */
#ifndef TFLITE_FLATBUFFER_H
#define TFLITE_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct flat {
    const unsigned char *bytes;
    size_t length;
    const char *where; /* names the file in errors */
    struct error *error;
    enum status status;
};

/* position 0: the field was absent. */
struct flat_table {
    size_t position, vtable;
    unsigned vtable_bytes, table_bytes;
};

struct flat_vector {
    size_t position, count; /* of the first element */
};

/* Set the fault "WHAT INDEX: TEXT", unless there is one already. */
void flat_refuse(struct flat *flat, enum status status, const char *what, size_t index,
                 const char *text);

struct flat_table flat_root(struct flat *flat);

int8_t flat_i8(struct flat *flat, struct flat_table table, int field, int8_t absent);
int32_t flat_i32(struct flat *flat, struct flat_table table, int field, int32_t absent);
uint32_t flat_u32(struct flat *flat, struct flat_table table, int field, uint32_t absent);
uint64_t flat_u64(struct flat *flat, struct flat_table table, int field, uint64_t absent);
float flat_f32(struct flat *flat, struct flat_table table, int field, float absent);

struct flat_table flat_child(struct flat *flat, struct flat_table table, int field);
struct flat_vector flat_vector(struct flat *flat, struct flat_table table, int field,
                               size_t element_bytes);
/* A string's bytes; the NUL after them is checked. */
struct flat_vector flat_string(struct flat *flat, struct flat_table table, int field);
/* Element of a vector of tables. */
struct flat_table flat_element(struct flat *flat, struct flat_vector vector, size_t index);

/* Elements of vectors of scalars; index < count. */
int32_t flat_vector_i32(const struct flat *flat, struct flat_vector vector, size_t index);
int64_t flat_vector_i64(const struct flat *flat, struct flat_vector vector, size_t index);
float flat_vector_f32(const struct flat *flat, struct flat_vector vector, size_t index);

#endif
