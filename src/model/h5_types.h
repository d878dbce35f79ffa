/* h5_types: limits and results that the reader of Keras files, its child and the writer share. */
#ifndef MODEL_H5_TYPES_H
#define MODEL_H5_TYPES_H

#include <stddef.h>

#define MAX_H5_RANK  4
#define MAX_H5_TEXT  ((size_t)16 << 20) /* bytes of one text, or of all names in one list */
#define MAX_H5_NAMES 4096               /* strings of one attribute */
#define MAX_H5_PATH  4096               /* bytes of a location or name, NUL included */

struct h5_names {
    char **names; /* [count] */
    size_t count;
};

struct h5_shape {
    int rank;
    size_t size[MAX_H5_RANK];
    size_t count; /* the product, at most MAX_WEIGHTS */
};

/* Free what is inside and set it to 0; harmless when it is 0 already. */
void h5_free_names(struct h5_names *names);

#endif
