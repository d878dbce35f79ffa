#include "data/resize.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Two neighbours along one axis, and how far the place is from the lower one to the upper. */
struct place {
    size_t lower, upper;
    float part;
};

static struct place find_place(int index, int size, int to_size) {
    const float scale = (float)size / (float)to_size;
    const float at = ((float)index + .5f) * scale - .5f, below = floorf(at), above = ceilf(at);
    return (struct place){.lower = below > 0 ? (size_t)below : 0,
                          .upper = above < (float)(size - 1) ? (size_t)above : (size_t)(size - 1),
                          .part = at - below};
}

static float interpolate(float from, float to, float part) {
    return from + (to - from) * part;
}

/* One output row of channels, its places along x being given. */
static void resize_row(const struct resize *resize, const struct place *columns, struct place row,
                       const unsigned char *from, float *to) {
    const size_t channels = (size_t)resize->channels, pitch = (size_t)resize->width * channels;
    const unsigned char *top = from + row.lower * pitch, *bottom = from + row.upper * pitch;
    for (int x = 0; x < resize->to_width; x++) {
        const size_t left = columns[x].lower * channels, right = columns[x].upper * channels;
        for (size_t c = 0; c < channels; c++) {
            float upper = interpolate(top[left + c], top[right + c], columns[x].part);
            float lower = interpolate(bottom[left + c], bottom[right + c], columns[x].part);
            *to++ = interpolate(upper, lower, row.part);
        }
    }
}

static void round_row(const float *row, size_t count, unsigned char *to) {
    for (size_t i = 0; i < count; i++) to[i] = (unsigned char)lrintf(row[i]);
}

/* Into floats, or bytes where those are wanted. */
static enum status resize_rows(const struct resize *resize, const unsigned char *from,
                               float *floats, unsigned char *bytes, const char *where,
                               struct error *error) {
    const size_t count = (size_t)resize->to_width * (size_t)resize->channels;
    const size_t size = (size_t)resize->to_width * sizeof(struct place) + count * sizeof(float);
    qt_assert(resize->height > 0 && resize->width > 0 && resize->channels > 0);
    qt_assert(resize->to_height > 0 && resize->to_width > 0);
    struct place *columns = malloc(size);
    if (!columns) return error_memory(error, where, size);
    float *row = (float *)(columns + resize->to_width);
    for (int x = 0; x < resize->to_width; x++)
        columns[x] = find_place(x, resize->width, resize->to_width);
    for (int y = 0; y < resize->to_height; y++) {
        struct place place = find_place(y, resize->height, resize->to_height);
        resize_row(resize, columns, place, from, floats ? floats + (size_t)y * count : row);
        if (bytes) round_row(row, count, bytes + (size_t)y * count);
    }
    free(columns);
    return STATUS_OK;
}

enum status resize_to_floats(const struct resize *resize, const unsigned char *from, float *to,
                             const char *where, struct error *error) {
    return resize_rows(resize, from, to, NULL, where, error);
}

enum status resize_to_bytes(const struct resize *resize, const unsigned char *from,
                            unsigned char *to, const char *where, struct error *error) {
    return resize_rows(resize, from, NULL, to, where, error);
}
