/* array: aligned, zeroed memory for tensors, with overflow checks. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define ARRAY_ALIGNMENT 64

/* `count` elements of `size` bytes, zeroed, aligned to 64 bytes, with at least 64 readable bytes
 * after the last element (vector kernels may read past the end but never write there).
 * NULL when count * size overflows or memory runs out; count 0 gives a valid pointer.
 * Free with array_free. */
void *array_new(size_t count, size_t size) MUST_USE;

void array_free(void *array);

/* *product = a * b; false on overflow. */
bool size_multiply(size_t a, size_t b, size_t *product) MUST_USE;

/* `count` rounded up to a multiple; does not check for overflow. */
size_t size_round_up(size_t count, size_t multiple);

#endif
