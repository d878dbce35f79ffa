/* h5_types: limits and results that the reader of Keras files, its child and the writer share. */
#ifndef MODEL_H5_TYPES_H
#define MODEL_H5_TYPES_H

#include <stddef.h>

#define H5_RANK_MAX  4
#define H5_TEXT_MAX  ((size_t)16 << 20) /* bytes of one text, or of all names in one list */
#define H5_NAMES_MAX 4096               /* strings of one attribute */
#define H5_PATH_MAX  4096               /* bytes of a location or name, NUL included */

struct h5_names {
    char **names; /* [count] */
    size_t count;
};

struct h5_shape {
    int rank;
    size_t size[H5_RANK_MAX];
    size_t count; /* the product, at most MODEL_WEIGHTS_MAX */
};

/* Free what is inside and set it to 0; harmless when it is 0 already. */
void h5_free_names(struct h5_names *names);

#endif
