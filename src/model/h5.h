/* h5: writes HDF5, as far as Keras files need it, with errors as struct error.
 *
 * libhdf5 prints nothing here and is used by one thread at a time, however it was built: h5_create
 * takes a lock that h5_close releases.  h5_reader.h reads.
 */
#ifndef MODEL_H5_H
#define MODEL_H5_H

#include <hdf5.h>

#include "base/error.h"
#include "model/h5_types.h"

struct h5 {
    hid_t file;
    const char *path; /* as the user gave it, for messages; not owned */
    char *name;       /* where h5_close writes */
};

/* Start a new file that h5_close writes to `name`; messages name `path`.  Until then it is in
 * memory: libhdf5 crashes when it cannot flush because the disk is full. */
enum status h5_create(struct h5 *h5, const char *name, const char *path, struct error *error);

/* Write the file and close everything open in it. */
enum status h5_close(struct h5 *h5, struct error *error);

/* Keep every other thread out of libhdf5. */
void h5_lock_library(void);
void h5_unlock_library(void);

/* Access properties for opening files: objects still open close with the file, and a file system
 * that refuses locks does not matter. */
hid_t h5_access_properties(void);

/* Close one object, attribute, type or space; negative ids are harmless. */
void h5_release(hid_t id);

enum status h5_write_text(const struct h5 *h5, hid_t object, const char *name, const char *text,
                          struct error *error);

/* `count` 0 writes what Keras writes: float64 [0]. */
enum status h5_write_names(const struct h5 *h5, hid_t object, const char *name,
                           const char *const *names, size_t count, struct error *error);

/* A float32 data set below `location`; folders in `name` are made. */
enum status h5_write_floats(const struct h5 *h5, hid_t location, const char *name,
                            const struct h5_shape *shape, const float *values, struct error *error);

/* A new group; *group is negative on failure. */
enum status h5_make_group(const struct h5 *h5, hid_t location, const char *name, hid_t *group,
                          struct error *error);

#endif
