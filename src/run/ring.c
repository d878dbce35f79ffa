#include "run/ring.h"

#include <stdatomic.h>
#include <string.h>

#include "base/array.h"

/* Each side caches the other's index and loads the shared one only if the cached one says full (or
 * empty), so that a busy pair does not bounce cache lines for every record. */
struct ring {
    _Alignas(ARRAY_ALIGNMENT) atomic_size_t head; /* next to read; written by the reader */
    _Alignas(ARRAY_ALIGNMENT) size_t seen_tail;   /* reader's copy of tail */
    _Alignas(ARRAY_ALIGNMENT) atomic_size_t tail; /* next to write; written by the writer */
    _Alignas(ARRAY_ALIGNMENT) size_t seen_head;   /* writer's copy of head */
    _Alignas(ARRAY_ALIGNMENT) size_t slots;
    size_t size;
    unsigned char *records;
};

struct ring *ring_create(size_t slots, size_t size) {
    if (!slots || !size || (slots & (slots - 1))) return NULL;
    struct ring *ring = array_new(1, sizeof *ring);
    if (!ring) return NULL;
    ring->records = array_new(slots, size);
    if (!ring->records) {
        array_free(ring);
        return NULL;
    }
    ring->slots = slots;
    ring->size = size;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    return ring;
}

void ring_destroy(struct ring *ring) {
    if (!ring) return;
    array_free(ring->records);
    array_free(ring);
}

bool ring_push(struct ring *ring, const void *record) {
    /* Indices are not reduced to slots; their difference is the number of queued records. */
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - ring->seen_head == ring->slots) {
        /* Acquire: pairs with the reader's release of head, so the reader has finished copying from
         * the slot about to be reused. */
        ring->seen_head = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail - ring->seen_head == ring->slots) return false;
    }
    memcpy(ring->records + (tail & (ring->slots - 1)) * ring->size, record, ring->size);
    /* Release: the record is complete before the reader sees the new tail. */
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

bool ring_pop(struct ring *ring, void *record) {
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->seen_tail) {
        /* Acquire: pairs with the writer's release of tail. */
        ring->seen_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->seen_tail) return false;
    }
    memcpy(record, ring->records + (head & (ring->slots - 1)) * ring->size, ring->size);
    /* Release: the copy is done before the writer may reuse the slot. */
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

size_t ring_used(const struct ring *ring) {
    /* Head first: the other side may move meanwhile, and tail is never behind head, so the
     * difference cannot be negative; it may exceed the slots by what was read in between. */
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t used = tail - head;
    return used < ring->slots ? used : ring->slots;
}
