/* h5_read: reads with libhdf5, which may crash on a damaged file; for h5_child only. */
#ifndef MODEL_H5_READ_H
#define MODEL_H5_READ_H

#include "model/h5.h"

/* Open for reading; refuses files that are not HDF5.  `image` (NULL: none) is the file's content.
 */
enum status h5_open(struct h5 *h5, const char *path, const void *image, size_t length,
                    struct error *error);

/* Whether `name` leads from `location` to an object: every link on the way exists. */
bool h5_has(hid_t location, const char *name);

/* As the functions of h5_reader.h with similar names. */
enum status h5_read_text(const struct h5 *h5, hid_t object, const char *object_name,
                         const char *name, char **text, size_t *length, struct error *error);
enum status h5_read_names(const struct h5 *h5, hid_t object, const char *object_name,
                          const char *name, struct h5_names *names, struct error *error);
enum status h5_list_datasets(const struct h5 *h5, hid_t location, struct h5_names *paths,
                             struct error *error);

/* Open a data set of numbers and get its shape and type; no values are read yet. */
enum status h5_open_numbers(const struct h5 *h5, hid_t location, const char *name, hid_t *dataset,
                            struct h5_shape *shape, bool *is_float, struct error *error);

/* Read all `count` values as float32; bfloat16 is supported too. */
enum status h5_read_floats(const struct h5 *h5, hid_t dataset, const char *name, float *values,
                           size_t count, struct error *error);

/* "WHAT of 'OBJECT' cannot be read; the file is damaged" */
enum status h5_damaged(const struct h5 *h5, const char *object, const char *what,
                       struct error *error);

#endif
