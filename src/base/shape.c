#include "base/shape.h"

#include <stdio.h>

size_t shape_count(const struct shape *shape) {
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->size[i];
    return count;
}

const char *shape_text(const struct shape *shape, char text[64]) {
    int used = 0;
    text[0] = 0;
    for (int i = 0; i < shape->rank; i++)
        used += snprintf(text + used, 64 - (size_t)used, "%s%d", i ? "x" : "", shape->size[i]);
    return text;
}

bool shape_equal(const struct shape *a, const struct shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->size[i] != b->size[i]) return false;
    return true;
}

int shape_channels(const struct shape *shape) {
    return shape->rank == 3 ? shape->size[2] : 1;
}
