/* made_keras: Keras .h5 files made piece by piece with libhdf5 alone, good and bad ones. */
#ifndef TESTS_MODEL_MADE_KERAS_H
#define TESTS_MODEL_MADE_KERAS_H

#include <hdf5.h>

struct made_keras {
    hid_t file, weights; /* weights: the group model_weights */
};

/* A new file with a group model_weights; `config` (with ' for ") may be NULL. */
struct made_keras keras_create(const char *path, const char *config);
void keras_close(struct made_keras *file);

/* Text of variable length, or of fixed length. */
void keras_text(hid_t object, const char *name, const char *text, int is_fixed);
void keras_names(hid_t object, const char *name, const char *const *names, int count, int is_fixed);

/* model_weights/LAYER with weight_names and nothing else. */
hid_t keras_layer(struct made_keras *file, const char *layer, const char *const *names, int count);

/* A data set of `type` (stored) from floats, opaque for their upper halves; size ends with 0. */
void keras_numbers(hid_t group, const char *path, hid_t type, const hsize_t *size,
                   const float *values);

#endif
