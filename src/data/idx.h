/* idx: files in MNIST's IDX format, plain or compressed with gzip.
 *
 * A file is a big-endian header (00 00, element type, number of dimensions, one uint32 for each)
 * and then the elements.  Only uint8 elements are read: labels in one dimension, images in three
 * [n][height][width] or four [n][height][width][channels].  The header is believed only as far as
 * the file's real length bears it out, and nothing takes more than MAX_DATASET_BYTES.
 */
#ifndef DATA_IDX_H
#define DATA_IDX_H

#include <stddef.h>

#include "base/error.h"
#include "base/shape.h"

#define MAX_IDX_ITEMS ((size_t)1 << 20) /* a file that claims more items is refused */

struct idx {
    size_t count;         /* items: the first dimension */
    struct shape shape;   /* of an image: [height, width, channels]; rank 0 for labels */
    unsigned char *bytes; /* [count] labels or [count][shape] images; the caller's, to free() */
};

enum status idx_read_labels(const char *path, struct idx *idx, struct error *error);
enum status idx_read_images(const char *path, struct idx *idx, struct error *error);

#endif
