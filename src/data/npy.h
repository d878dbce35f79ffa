/* npy: an array as NumPy stores it, format versions 1.0, 2.0 and 3.0, turned into C order and the
 * machine's own byte order, and into the element types that qatop works with.
 *
 * Read are bool, int8 to int64, uint8 to uint64, float16, float32 and float64, little and big
 * endian, of up to MAX_NPY_RANK dimensions.  The header is a Python dict literal; exactly the three
 * keys that NumPy writes are accepted, nothing is evaluated.  Arrays of Python objects are pickles,
 * which are programs: they are refused.
 *
 * `path` and `name` in these functions are the file and the array, for error messages.
 */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MAX_NPY_HEADER 65536 /* bytes; NumPy's own are 128 */
#define MAX_NPY_RANK   4

enum npy_type {
    NPY_BOOL,
    NPY_INT8,
    NPY_INT16,
    NPY_INT32,
    NPY_INT64,
    NPY_UINT8,
    NPY_UINT16,
    NPY_UINT32,
    NPY_UINT64,
    NPY_FLOAT16,
    NPY_FLOAT32,
    NPY_FLOAT64,
};

struct npy {
    enum npy_type type;
    int rank;
    size_t shape[MAX_NPY_RANK];     /* 1 from `rank` on */
    size_t count;                   /* elements: the product of the shape */
    void *data;                     /* the caller's, to free() */
    bool is_big_endian, is_fortran; /* how the file holds it; false once npy_arrange was here */
};

const char *npy_type_name(enum npy_type type); /* "uint8", ... */
size_t npy_type_size(enum npy_type type);      /* bytes */

/* Read the header at the start of bytes[length], which hold a whole .npy file or at least its first
 * MAX_NPY_HEADER bytes.  Fills all of *npy but the data, and the header's size: the elements follow
 * it.  count * npy_type_size() does not overflow, but is otherwise as announced. */
enum status npy_parse(const unsigned char *bytes, size_t length, struct npy *npy, size_t *header,
                      const char *path, const char *name, struct error *error);

/* Bring data as the file holds it into C order and the machine's byte order.  For Fortran order
 * this takes the array's size in memory once more. */
enum status npy_arrange(struct npy *npy, const char *path, struct error *error);

/* Whether it holds whole numbers from 0 to 255 in a type of integers. */
bool npy_fits_bytes(const struct npy *npy);

/* Make the data (arranged) NPY_UINT8, if npy_fits_bytes, or NPY_FLOAT32.  Smaller elements replace
 * larger ones in place; the reverse needs both at once.  A float64 beyond the range of float32
 * becomes infinite. */
enum status npy_convert(struct npy *npy, enum npy_type type, const char *path, struct error *error);

/* Element `index` (arranged data) as a double: the nearest one for integers from 2^53 on. */
double npy_number(const struct npy *npy, size_t index);

/* Element `index` (arranged data) as an integer; false when it is not whole or does not fit. */
bool npy_integer(const struct npy *npy, size_t index, int64_t *value);

/* "[60000][28][28]"; returns out. */
const char *npy_shape_text(const struct npy *npy, char *out, size_t size);

#endif
