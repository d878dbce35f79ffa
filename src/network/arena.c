#include "network/arena.h"

#include <stdint.h>

#include "base/array.h"

void *arena_take(struct arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (!size_multiply(count, size, &bytes) || bytes > SIZE_MAX / 4 ||
        arena->used > SIZE_MAX / 16) {
        arena->has_overflowed = true;
        return NULL;
    }
    void *taken = arena->base ? (void *)(arena->base + arena->used) : NULL;
    /* A whole cache line of slack, since vector kernels may read past an end. */
    arena->used += (bytes + ARRAY_ALIGNMENT - 1) / ARRAY_ALIGNMENT * (ARRAY_ALIGNMENT / 4) +
                   ARRAY_ALIGNMENT / 4;
    return taken;
}

float *arena_floats(struct arena *arena, size_t a, size_t b) {
    size_t count;
    if (!size_multiply(a, b, &count)) arena->has_overflowed = true;
    return arena->has_overflowed ? NULL : arena_take(arena, count, sizeof(float));
}
