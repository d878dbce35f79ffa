/* ring: bounded queue of events, one writer thread, one reader thread, lock-free.
 *
 * The writer never waits.  When the queue is full ring_push refuses the record and the writer
 * decides what to merge; nothing is overwritten.  Indices are C11 atomics on cache lines of their
 * own: the writer's release store of `tail` pairs with the reader's acquire load, the reader's
 * release store of `head` with the writer's.
 */
#ifndef RUN_RING_H
#define RUN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct ring; /* opaque */

/* A ring for `slots` records (a power of two) of `size` bytes each.  Free with ring_destroy.
 * NULL when an argument is 0, slots is not a power of two, or memory is short. */
struct ring *ring_create(size_t slots, size_t size) MUST_USE;
void ring_destroy(struct ring *ring);

/* Writer only.  Copy one record in; false when full. */
bool ring_push(struct ring *ring, const void *record) MUST_USE;

/* Reader only.  Copy the oldest record out; false when empty. */
bool ring_pop(struct ring *ring, void *record) MUST_USE;

/* Either thread; exact for the caller's own side, a moment old for the other. */
size_t ring_used(const struct ring *ring);

#endif
