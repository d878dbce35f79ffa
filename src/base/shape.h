/* shape: the sizes of one tensor, without the batch. */
#ifndef BASE_SHAPE_H
#define BASE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

struct shape {
    int rank;    /* 1 or 3; 2 for an input of (height, width) */
    int size[3]; /* [height, width, channels], [height, width] or [features] */
};

size_t shape_count(const struct shape *shape);                    /* product of the sizes */
const char *shape_text(const struct shape *shape, char text[64]); /* "28x28x1" */
bool shape_equal(const struct shape *a, const struct shape *b);

/* The last size of a shape of rank 3; 1 for the others, whose values are all alike. */
int shape_channels(const struct shape *shape);

#endif
