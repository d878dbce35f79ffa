#include "tflite/flatbuffer.h"

#include <string.h>

static uint32_t load_u16(const struct flat *flat, size_t at) {
    const unsigned char *p = flat->bytes + at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t load_u32(const struct flat *flat, size_t at) {
    return load_u16(flat, at) | load_u16(flat, at + 2) << 16;
}

static uint64_t load_u64(const struct flat *flat, size_t at) {
    return load_u32(flat, at) | (uint64_t)load_u32(flat, at + 4) << 32;
}

static int32_t as_i32(uint32_t bits) {
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float as_f32(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void flat_refuse(struct flat *flat, enum status status, const char *what, size_t index,
                 const char *text) {
    if (flat->status) return;
    flat->status = error_set(flat->error, status, flat->where, "%s %zu: %s", what, index, text);
}

static void fault(struct flat *flat, size_t at, const char *text) {
    if (flat->status) return;
    flat->status = error_set(flat->error, STATUS_FORMAT, flat->where, "offset %zu: %s", at, text);
}

/* Whether `bytes` bytes from `at` lie inside the file; `at` itself may be anything. */
static bool inside(const struct flat *flat, size_t at, size_t bytes) {
    return at <= flat->length && bytes <= flat->length - at;
}

static struct flat_table table_at(struct flat *flat, size_t position) {
    const struct flat_table absent = {0, 0, 0, 0};
    struct flat_table table = {position, 0, 0, 0};
    if (flat->status) return absent;
    if (position % 4 || !inside(flat, position, 4)) {
        fault(flat, position, "a table lies outside the file or is not aligned");
        return absent;
    }
    int64_t vtable = (int64_t)position - as_i32(load_u32(flat, position));
    if (vtable < 0 || vtable % 2 || !inside(flat, (size_t)vtable, 4)) {
        fault(flat, position, "a table's field list lies outside the file");
        return absent;
    }
    table.vtable = (size_t)vtable;
    table.vtable_bytes = load_u16(flat, table.vtable);
    table.table_bytes = load_u16(flat, table.vtable + 2);
    if (table.vtable_bytes < 4 || table.vtable_bytes % 2 || table.table_bytes < 4 ||
        !inside(flat, table.vtable, table.vtable_bytes) ||
        !inside(flat, position, table.table_bytes)) {
        fault(flat, position, "a table or its field list is longer than the file");
        return absent;
    }
    return table;
}

/* Where a field of `bytes` bytes stands; 0 when it is absent or at fault. */
static size_t field_at(struct flat *flat, struct flat_table table, int field, size_t bytes) {
    unsigned entry = 4 + 2 * (unsigned)field;
    if (flat->status || !table.position || entry + 2 > table.vtable_bytes) return 0;
    unsigned offset = load_u16(flat, table.vtable + entry);
    if (offset == 0) return 0;
    if (offset < 4 || offset + bytes > table.table_bytes) {
        fault(flat, table.vtable + entry, "a field lies outside its table");
        return 0;
    }
    return table.position + offset;
}

/* What the offset at `at` points to; `needed` bytes there are inside the file. */
static size_t follow(struct flat *flat, size_t at, size_t needed) {
    uint32_t offset = load_u32(flat, at);
    if (offset < 4 || !inside(flat, at + offset, needed)) {
        fault(flat, at, "an offset points outside the file");
        return 0;
    }
    return at + offset;
}

struct flat_table flat_root(struct flat *flat) {
    const struct flat_table absent = {0, 0, 0, 0};
    if (!inside(flat, 0, 8)) {
        fault(flat, flat->length, "the file ends before its header");
        return absent;
    }
    size_t position = follow(flat, 0, 4);
    return position ? table_at(flat, position) : absent;
}

int8_t flat_i8(struct flat *flat, struct flat_table table, int field, int8_t absent) {
    size_t at = field_at(flat, table, field, 1);
    if (!at) return absent;
    int8_t value;
    memcpy(&value, flat->bytes + at, 1);
    return value;
}

uint32_t flat_u32(struct flat *flat, struct flat_table table, int field, uint32_t absent) {
    size_t at = field_at(flat, table, field, 4);
    return at ? load_u32(flat, at) : absent;
}

int32_t flat_i32(struct flat *flat, struct flat_table table, int field, int32_t absent) {
    size_t at = field_at(flat, table, field, 4);
    return at ? as_i32(load_u32(flat, at)) : absent;
}

uint64_t flat_u64(struct flat *flat, struct flat_table table, int field, uint64_t absent) {
    size_t at = field_at(flat, table, field, 8);
    return at ? load_u64(flat, at) : absent;
}

float flat_f32(struct flat *flat, struct flat_table table, int field, float absent) {
    size_t at = field_at(flat, table, field, 4);
    return at ? as_f32(load_u32(flat, at)) : absent;
}

struct flat_table flat_child(struct flat *flat, struct flat_table table, int field) {
    const struct flat_table absent = {0, 0, 0, 0};
    size_t at = field_at(flat, table, field, 4);
    if (!at) return absent;
    size_t position = follow(flat, at, 4);
    return position ? table_at(flat, position) : absent;
}

struct flat_vector flat_vector(struct flat *flat, struct flat_table table, int field,
                               size_t element_bytes) {
    const struct flat_vector absent = {0, 0};
    size_t at = field_at(flat, table, field, 4);
    if (!at) return absent;
    size_t position = follow(flat, at, 4);
    if (!position) return absent;
    size_t count = load_u32(flat, position);
    if (position % 4 || count > (flat->length - position - 4) / element_bytes) {
        fault(flat, position, "a vector reaches past the end of the file or is not aligned");
        return absent;
    }
    struct flat_vector vector = {position + 4, count};
    return vector;
}

struct flat_vector flat_string(struct flat *flat, struct flat_table table, int field) {
    struct flat_vector string = flat_vector(flat, table, field, 1);
    if (string.position && (!inside(flat, string.position, string.count + 1) ||
                            flat->bytes[string.position + string.count])) {
        fault(flat, string.position, "a string does not end in a NUL");
        string.position = string.count = 0;
    }
    return string;
}

struct flat_table flat_element(struct flat *flat, struct flat_vector vector, size_t index) {
    const struct flat_table absent = {0, 0, 0, 0};
    if (flat->status || index >= vector.count) return absent;
    size_t position = follow(flat, vector.position + 4 * index, 4);
    return position ? table_at(flat, position) : absent;
}

int32_t flat_vector_i32(const struct flat *flat, struct flat_vector vector, size_t index) {
    return as_i32(load_u32(flat, vector.position + 4 * index));
}

int64_t flat_vector_i64(const struct flat *flat, struct flat_vector vector, size_t index) {
    uint64_t bits = load_u64(flat, vector.position + 8 * index);
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float flat_vector_f32(const struct flat *flat, struct flat_vector vector, size_t index) {
    return as_f32(load_u32(flat, vector.position + 4 * index));
}
