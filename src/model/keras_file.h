/* keras_file: a Keras .h5 or .keras file, open for reading.
 *
 * A .keras is an archive with the model's config beside an HDF5 file of weights; an .h5 holds both,
 * or only weights.  One keras_file serves whoever reads the file: weights (load.c) and the
 * variables of a QAT model (variables.c).
 */
#ifndef MODEL_KERAS_FILE_H
#define MODEL_KERAS_FILE_H

#include <stdbool.h>

#include "model/h5_reader.h"
#include "model/model.h"

struct keras_file {
    const char *path; /* outlives the file */
    bool is_archive;  /* a .keras */
    struct h5_reader *reader;
    struct model *model; /* layers and zeroed weights; of an .h5 NULL until keras_file_describe */
};

/* Tells the two formats apart by content.  Reads the config of a .keras.  Close it with
 * keras_file_close, also after an error. */
enum status keras_file_open(struct keras_file *file, const char *path, struct error *error);

/* file->model from the config of an .h5; refuses a file without one. */
enum status keras_file_describe(struct keras_file *file, struct error *error);

/* Free the model, too: set file->model to NULL to keep it.  An error means that nothing that was
 * read can be trusted (h5_reader_close). */
enum status keras_file_close(struct keras_file *file, struct error *error);

/* The group in a .keras that has a group for each layer: "layers/", or what Keras 2.12 called it.
 */
const char *keras_file_layers(const struct keras_file *file);

#endif
