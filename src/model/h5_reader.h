/* h5_reader: the contents of Keras files, read in a process of its own.
 *
 * On damaged files libhdf5 crashes, corrupts the heap or loops forever.  So the caller's process
 * never reads one: h5_reader_open forks a child that answers requests over a socket, with limited
 * memory and processor time.  When the child dies or hangs, that is an error like any other, and
 * its answers are checked before use.
 *
 * The fork holds the library's lock (h5.h), so the child finds libhdf5 at rest; it calls only
 * libhdf5 and malloc, which glibc keeps usable after a fork whatever other threads do.  A child
 * that hangs all the same is killed.  A reader belongs to one thread at a time; several may be open
 * at once.
 *
 * A location is the path of a group or data set from the root, "/" or "model_weights/dense".
 */
#ifndef MODEL_H5_READER_H
#define MODEL_H5_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/h5_types.h"

struct h5_reader;

/* Open for reading; refuses files that are not HDF5.  `path` names the file in messages and is
 * copied. End it with h5_reader_close. */
enum status h5_reader_open(struct h5_reader **reader, const char *path, struct error *error);

/* The same for a file in memory, which is needed only until this returns. */
enum status h5_reader_open_image(struct h5_reader **reader, const void *image, size_t length,
                                 const char *path, struct error *error);

/* End the child.  STATUS_FORMAT when it died or hung before: then nothing that was read can be
 * trusted, and this is the error to show.  NULL is harmless. */
enum status h5_reader_close(struct h5_reader *reader, struct error *error);

/* Whether there is such an object or attribute; also false when the child is lost. */
bool h5_reader_has(struct h5_reader *reader, const char *location);
bool h5_reader_has_attribute(struct h5_reader *reader, const char *location, const char *name);

/* One string attribute, fixed or variable length; the caller frees *text. */
enum status h5_reader_text(struct h5_reader *reader, const char *location, const char *name,
                           char **text, size_t *length, struct error *error);

/* A list of strings, whole or split into name0, name1, ...; Keras writes an empty list as float64
 * [0].  Free with h5_free_names. */
enum status h5_reader_names(struct h5_reader *reader, const char *location, const char *name,
                            struct h5_names *names, struct error *error);

/* Paths of all data sets below `location`, in byte order, each once.  Free with h5_free_names. */
enum status h5_reader_datasets(struct h5_reader *reader, const char *location,
                               struct h5_names *paths, struct error *error);

/* Shape and type of a data set of numbers, `name` below `location`. */
enum status h5_reader_shape(struct h5_reader *reader, const char *location, const char *name,
                            struct h5_shape *shape, bool *is_float, struct error *error);

/* Its values as float32; `count` from h5_reader_shape. */
enum status h5_reader_floats(struct h5_reader *reader, const char *location, const char *name,
                             float *values, size_t count, struct error *error);

#endif
