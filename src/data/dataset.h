/* dataset: the images a model is trained and tested on.
 *
 * A digit is a 28x28 grey image (uint8, 0 = background, 255 = ink) with a label 0..9.
 * A folder holds a dataset in one of two forms:
 *   - the four IDX files of MNIST (train-images-idx3-ubyte, train-labels-idx1-ubyte,
 *     t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte), each plain or with .gz; the spelling
 *     `-images.idx3-ubyte` is accepted too;
 *   - PNG folders {train,test}/{0..9}/NAME.png, each 28x28 or converted as described in image.h,
 *     ordered by label and then by name, in byte order.
 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stddef.h>

#include "base/error.h"

#define DIGIT_SIDE    28
#define DIGIT_PIXELS  (DIGIT_SIDE * DIGIT_SIDE)
#define DIGIT_CLASSES 10

struct digits {
    size_t count;
    unsigned char *images; /* [count][28][28] */
    unsigned char *labels; /* [count], each 0..9 */
};

struct dataset {
    struct digits train, test;
    char folder[512]; /* where it was loaded from, for messages and the record of a run */
};

/* Load both parts.  On failure *dataset is zeroed, and the error names the file and, where it
 * applies, the offset or header field. */
enum status dataset_load(struct dataset *dataset, const char *folder, struct error *error);

/* Frees what dataset_load filled; harmless on a zeroed dataset. */
void dataset_free(struct dataset *dataset);

#endif
