/* subject: the model file a command works on, of either kind, and the digits it is given. */
#ifndef CLI_SUBJECT_H
#define CLI_SUBJECT_H

#include "cli/options.h"
#include "cli/qat.h"
#include "data/dataset.h"
#include "evaluate/evaluate.h"

struct subject {
    char path[1024];
    struct model *model;   /* a Keras model, or */
    struct frozen *frozen; /* what a .tflite holds */
    struct qat qat;        /* of a saved QAT model, after subject_load_ranges */
};

/* Load the file that a MODEL operand stands for (assets.h).  On failure *subject is zeroed. */
enum status subject_load(struct subject *subject, const char *operand, struct error *error);
/* Load what else subject_evaluate needs of a saved QAT model; does nothing for other files.  Call
 * it before creating threads: reading HDF5 forks. */
enum status subject_load_ranges(struct subject *subject, struct error *error);
void subject_free(struct subject *subject);
const char *subject_format(const struct subject *subject); /* "h5", "keras", "tflite" */

/* Class probabilities, accuracy and loss on `digits`.  A saved QAT model is evaluated as by Keras,
 * with quantization simulated using the ranges in the file. */
enum status subject_evaluate(const struct subject *subject, enum runtime runtime,
                             const struct samples *samples, struct pool *pool,
                             struct predictions *predictions, struct error *error);

/* The same with a Keras model's float weights, without quantization. */
enum status subject_evaluate_float(const struct subject *subject, const struct samples *samples,
                                   struct pool *pool, struct predictions *predictions,
                                   struct error *error);

/* Which parts of a data set a command uses. */
enum parts { PARTS_TEST, PARTS_TRAIN, PARTS_BOTH };

/* The data that --data names, or the bundled digits, for a Keras model or, where that is NULL, a
 * program; what does not suit it is refused. */
enum status data_open(const struct options *options, const struct model *model,
                      const struct frozen *frozen, enum parts parts, struct dataset *dataset,
                      struct error *error);

#endif
