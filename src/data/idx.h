/* idx: files in MNIST's IDX format, plain or compressed with gzip.
 *
 * A file is a big-endian header (00 00, element type, number of dimensions, one uint32 for each)
 * followed by the elements.  Only uint8 elements in one dimension (labels) or three (images) are
 * read.  The header is trusted only as far as the file's actual length supports it, and no file
 * takes more memory than MAX_IDX_ITEMS images, 784 MiB.
 */
#ifndef DATA_IDX_H
#define DATA_IDX_H

#include <stddef.h>

#include "base/error.h"

#define MAX_IDX_ITEMS ((size_t)1 << 20) /* a file that claims more items is refused */

struct idx {
    size_t count;         /* items: the first dimension */
    unsigned char *bytes; /* [count] labels or [count][28][28] images; free() it */
};

/* Labels: every value must be 0..9. */
enum status idx_read_labels(const char *path, struct idx *idx, struct error *error);

/* Images: each must be 28x28. */
enum status idx_read_images(const char *path, struct idx *idx, struct error *error);

#endif
