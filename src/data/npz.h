/* npz: arrays that np.savez and np.savez_compressed wrote: a zip archive of .npy files (npy.h).
 *
 * Nothing is believed: an array is refused before memory is allocated when it announces more bytes
 * than the caller's limit, or more than its compressed bytes can hold; and after, when its header,
 * its real length and its checksum do not agree.  Encrypted archives are refused.
 *
 * Memory: the caller's limit at most, twice that for arrays in Fortran order.
 */
#ifndef DATA_NPZ_H
#define DATA_NPZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "data/npy.h"

struct npz;

/* Whether the file at `path` begins as a zip archive does, even if it is damaged: npz_open says
 * what is wrong with it.  False too when it cannot be read. */
bool npz_probe(const char *path);

/* `path` must live as long as the archive.  Close with npz_close. */
enum status npz_open(struct npz **npz, const char *path, struct error *error);
void npz_close(struct npz *npz); /* NULL is harmless */

bool npz_has(const struct npz *npz, const char *name); /* "x_train", without .npy */

/* "'x_train', 'y_train', 'x_test'", for messages; returns out.  What does not fit is left out and
 * "..." ends the list. */
const char *npz_names(const struct npz *npz, char *out, size_t size);

/* Shape and type of an array; its data is NULL. */
enum status npz_describe(struct npz *npz, const char *name, struct npy *npy, struct error *error);

/* Read an array of at most `limit` bytes, arranged as npy.h says.  The caller frees npy->data; on
 * failure *npy is zeroed. */
enum status npz_read(struct npz *npz, const char *name, size_t limit, struct npy *npy,
                     struct error *error);

/* The same as NPY_UINT8, where its values are integers from 0 to 255, or NPY_FLOAT32; `limit` holds
 * for both forms.  Refused are arrays without elements or with one that is not finite in float32
 * (the message names its image). */
enum status npz_read_samples(struct npz *npz, const char *name, size_t limit, struct npy *npy,
                             struct error *error);

struct npz_labels {
    size_t count;
    size_t classes;  /* the width of one-hot labels; 0 for others */
    int64_t *values; /* [count]; the caller's, to free() */
};

/* Labels: whole numbers (of any type) as [n] or [n][1], or one-hot [n][k], each row of which must
 * hold one 1 and else 0.  Which values make sense is for the caller to check.  On failure *labels
 * is zeroed. */
enum status npz_read_labels(struct npz *npz, const char *name, size_t limit,
                            struct npz_labels *labels, struct error *error);

#endif
