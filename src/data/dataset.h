/* dataset: the samples a model is trained and tested on, and the classes they belong to.
 *
 * A path holds a data set in one of these forms, told apart by what is there:
 *   idx       MNIST's IDX files, plain or .gz: {train,t10k|test}-images-idx3-ubyte and
 *             -labels-idx1-ubyte; images of any size, also [n][height][width][channels].  With
 *             something in front of the names, as EMNIST has it, that is the end of the path:
 *             DIR/emnist-letters.  The spelling `-images.idx3-ubyte` is accepted too
 *   npz       one file by np.savez: x_train, y_train, x_test, y_test (npz.h)
 *   cifar     the binary batches of CIFAR-10 or CIFAR-100 (cifar.h)
 *   pictures  PNG and JPEG files in a folder for each class: {train,test|val|validation}/NAME/, or
 *             NAME/ alone (classes.h), resized to what the model takes; for a model of 28x28 grey
 *             images and classes 0 to 9 they become digits like MNIST's (image.h)
 * Where there is no test part, an equal share of each class becomes it, the same for every command.
 * Stored bytes stay bytes; samples.preprocessing says what becomes of them.
 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdbool.h>

#include "data/names.h"
#include "data/samples.h"

#define DATASET_PATH      512
#define MAX_DATASET_BYTES ((size_t)4 << 30) /* of one part; more is refused */

#define DEFAULT_SPLIT .2

/* What a data set is wanted for. */
struct dataset_request {
    const char *path;
    struct shape shape;     /* what the model takes; rank 0: whatever the samples have */
    int classes;            /* that the model tells apart; 0: as many as there are */
    const char *rescale;    /* as preprocessing_parse takes it; NULL: "unit" for bytes, "raw" for
                               floats */
    bool is_raw_by_default; /* the model scales by itself */
    bool is_transposed;     /* each image's rows are columns; EMNIST's are known by their name */
    bool needs_train, needs_test; /* a part that is not needed may be absent */
    double validation_split; /* share of each class that becomes the test part where there is none,
                                0..1; 0: DEFAULT_SPLIT */
};

struct dataset {
    struct samples train, test; /* a part that is absent has count 0 */
    int classes;
    struct names names; /* [classes] */
    struct preprocessing *preprocessing;
    char remark[512];        /* what was done to them that one should know; or "" */
    char path[DATASET_PATH]; /* where it came from, for messages and the run's record */
};

/* On failure *dataset is zeroed and the error names the file, and offset or header field where that
 * is the trouble. */
enum status dataset_open(struct dataset *dataset, const struct dataset_request *request,
                         struct error *error);

/* The same for a path alone: both parts, as they are. */
enum status dataset_load(struct dataset *dataset, const char *path, struct error *error);

/* Frees what was loaded; harmless on a zeroed dataset. */
void dataset_free(struct dataset *dataset);

#endif
