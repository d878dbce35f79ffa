#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool size_multiply(size_t a, size_t b, size_t *product) {
    if (b && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

size_t size_round_up(size_t count, size_t multiple) {
    return (count + multiple - 1) / multiple * multiple;
}

void *array_new(size_t count, size_t size) {
    size_t bytes;
    if (!size_multiply(count, size, &bytes) || bytes > SIZE_MAX - 2 * ARRAY_ALIGNMENT) return NULL;
    bytes = size_round_up(bytes + ARRAY_ALIGNMENT, ARRAY_ALIGNMENT);
    void *array = aligned_alloc(ARRAY_ALIGNMENT, bytes);
    if (array) memset(array, 0, bytes);
    return array;
}

void array_free(void *array) {
    free(array);
}
