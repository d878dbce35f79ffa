/* cifar: the binary version of CIFAR-10 and CIFAR-100, 32x32 RGB pictures.
 *
 *   CIFAR-10    data_batch_1.bin, data_batch_2.bin, ... and test_batch.bin, records of a label and
 *               3072 pixels; names in batches.meta.txt
 *   CIFAR-100   train.bin and test.bin, records of a coarse label, a fine label and 3072 pixels;
 *               names in fine_label_names.txt.  The fine labels are read.
 *
 * A record's pixels are three planes (red, green, blue); they are read as [32][32][3].  Files may
 * hold any number of records.  The Python version, which is pickles, is recognised and refused.
 */
#ifndef DATA_CIFAR_H
#define DATA_CIFAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "data/names.h"

#define CIFAR_SIDE   32
#define CIFAR_PIXELS ((size_t)CIFAR_SIDE * CIFAR_SIDE)
#define CIFAR_BYTES  (3 * CIFAR_PIXELS) /* of an image */

enum cifar_kind { CIFAR_NONE, CIFAR_10, CIFAR_100, CIFAR_10_PICKLES, CIFAR_100_PICKLES };
enum cifar_part { CIFAR_TRAIN, CIFAR_TEST };

struct cifar {
    size_t count;
    unsigned char *images; /* [count][32][32][3]; this and the labels are the caller's, to free() */
    uint16_t *labels;      /* [count] */
};

/* What a folder holds of it. */
enum cifar_kind cifar_probe(const char *folder);
/* Whether it holds this part. */
bool cifar_has(const char *folder, enum cifar_part part);

/* The names that the folder's text file lists, however many; without that file "0", "1", ... up to
 * CIFAR's 10 or 100.  Pickles are refused, here and in cifar_read, with the name of the right
 * download.  The caller frees with names_free; zeroed on failure. */
enum status cifar_read_names(const char *folder, struct names *names, struct error *error);

/* Read a part.  Labels must be below `classes`; images may take `limit` bytes.  Memory: the images
 * and labels.  On failure *cifar is zeroed and the error names the file and the record. */
enum status cifar_read(const char *folder, enum cifar_part part, size_t classes, size_t limit,
                       struct cifar *cifar, struct error *error);

#endif
