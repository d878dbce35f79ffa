/* h5_read: reading with libhdf5, which a damaged file can make crash; for h5_child only. */
#ifndef MODEL_H5_READ_H
#define MODEL_H5_READ_H

#include "model/h5.h"

/* Open for reading; refuses what is not HDF5.  `image` (NULL: none) is the file's content. */
enum status h5_open(struct h5 *h5, const char *path, const void *image, size_t length,
                    struct error *error);

/* Whether `name` leads from `location` to an object: every link on the way exists. */
bool h5_has(hid_t location, const char *name);

/* As the functions of h5_reader of like names. */
enum status h5_read_text(const struct h5 *h5, hid_t object, const char *object_name,
                         const char *name, char **text, size_t *length, struct error *error);
enum status h5_read_names(const struct h5 *h5, hid_t object, const char *object_name,
                          const char *name, struct h5_names *names, struct error *error);
enum status h5_list_datasets(const struct h5 *h5, hid_t location, struct h5_names *paths,
                             struct error *error);

/* Open a data set of numbers and look at its shape and type; no values are read yet. */
enum status h5_open_numbers(const struct h5 *h5, hid_t location, const char *name, hid_t *dataset,
                            struct h5_shape *shape, bool *is_float, struct error *error);

/* All `count` values as float32, also those of bfloat16. */
enum status h5_read_floats(const struct h5 *h5, hid_t dataset, const char *name, float *values,
                           size_t count, struct error *error);

/* "WHAT of 'OBJECT' cannot be read; the file is damaged" */
enum status h5_damaged(const struct h5 *h5, const char *object, const char *what,
                       struct error *error);

#endif
