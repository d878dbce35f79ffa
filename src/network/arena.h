/* arena: the room of all buffers of a network, planned before it is allocated.
 *
 * The same sequence of calls is made twice: once to measure, with base NULL, and once to hand out.
 */
#ifndef NETWORK_ARENA_H
#define NETWORK_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena {
    float *base;
    size_t used; /* floats */
    bool has_overflowed;
};

/* Room for `count` items of `size` bytes, at the start of a cache line; NULL while measuring. */
void *arena_take(struct arena *arena, size_t count, size_t size);

/* Room for a * b floats. */
float *arena_floats(struct arena *arena, size_t a, size_t b);

#endif
