/* h5: the little of HDF5 that Keras files need, with errors as struct error.
 *
 * libhdf5 prints nothing here and is used by one thread at a time: h5_open and h5_create take a
 * lock that h5_close releases, whatever way the library was built.
 */
#ifndef MODEL_H5_H
#define MODEL_H5_H

#include <stdbool.h>
#include <stddef.h>

#include <hdf5.h>

#include "base/error.h"

#define H5_RANK_MAX 4
#define H5_TEXT_MAX ((size_t)16 << 20) /* bytes of one string */
#define H5_NAMES_MAX 4096              /* strings of one attribute */

struct h5 {
    hid_t file;
    const char *path; /* as the user gave it, for messages; not owned */
    char *name;       /* where h5_close writes a new file; NULL for one opened */
};

/* Open for reading; refuses what is not HDF5. */
enum status h5_open(struct h5 *h5, const char *path, struct error *error);

/* Start a new file that h5_close writes to `name`; messages speak of `path`.  Until then it is in
 * memory: libhdf5 crashes when a full disk keeps it from flushing. */
enum status h5_create(struct h5 *h5, const char *name, const char *path, struct error *error);

/* Close, with all that is open in it.  Fails only when a new file cannot be written. */
enum status h5_close(struct h5 *h5, struct error *error);

/* Close one object, attribute, type or space; negative ids are harmless. */
void h5_release(hid_t id);

/* Whether `name` leads from `location` to an object: every link on the way exists. */
bool h5_has(hid_t location, const char *name);

/* One string attribute, fixed or variable length; *text is the caller's, to free(). */
enum status h5_read_text(const struct h5 *h5, hid_t object, const char *object_name,
                         const char *name, char **text, size_t *length, struct error *error);

struct h5_names {
    char **names; /* [count] */
    size_t count;
};

/* A list of strings, whole or split into name0, name1, ...; Keras writes an empty list as float64
 * [0].  Free with h5_free_names. */
enum status h5_read_names(const struct h5 *h5, hid_t object, const char *object_name,
                          const char *name, struct h5_names *names, struct error *error);
void h5_free_names(struct h5_names *names);

struct h5_shape {
    int rank;
    size_t size[H5_RANK_MAX];
    size_t count;
};

/* Open a data set of numbers and look at its shape and type; no values are read yet. */
enum status h5_open_numbers(const struct h5 *h5, hid_t location, const char *name, hid_t *dataset,
                            struct h5_shape *shape, bool *is_float, struct error *error);

/* Paths of all data sets below `location`, in byte order, each once.  Free with h5_free_names. */
enum status h5_list_datasets(const struct h5 *h5, hid_t location, struct h5_names *paths,
                             struct error *error);

/* All values as float32. */
enum status h5_read_floats(const struct h5 *h5, hid_t dataset, const char *name, float *values,
                           struct error *error);

enum status h5_write_text(const struct h5 *h5, hid_t object, const char *name, const char *text,
                          struct error *error);

/* `count` 0 writes what Keras writes: float64 [0]. */
enum status h5_write_names(const struct h5 *h5, hid_t object, const char *name,
                           const char *const *names, size_t count, struct error *error);

/* A float32 data set below `location`; folders in `name` are made. */
enum status h5_write_floats(const struct h5 *h5, hid_t location, const char *name,
                            const struct h5_shape *shape, const float *values,
                            struct error *error);

/* A new group; *group is negative on failure. */
enum status h5_make_group(const struct h5 *h5, hid_t location, const char *name, hid_t *group,
                          struct error *error);

#endif
