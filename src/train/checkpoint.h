/* checkpoint: all that a training needs to go on later, in one .h5.
 *
 *   model_config, model_weights/   the float model as Keras saves it: Keras and model_load open the
 *                                  file as a model
 *   quantized_weights/             the quantized model's variables by TFMOT's names
 *                                  (quant_dense/kernel_min): variables_load reads these
 *   optimizer/m/, optimizer/v/     Adam's moments, named as the parameters
 *   pretrained/                    the parameters that the training started from
 *   attribute qatop                JSON: version, scheme, and where the training stands
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "train/trainer.h"

#define CHECKPOINT_VERSION 1

struct checkpoint {
    struct snapshot *snapshot; /* weights, ranges and step; names model and plan */
    struct training training;
    struct trainer_progress progress;
    float *m, *v;        /* [weight_count], laid out as the weights */
    bool has_pretrained; /* the weights in the snapshot's model are those that training started
                            from; the first checkpoints did not hold them */
    struct model *model; /* of a loaded one, which owns them; else NULL */
    struct quant_plan *plan;
};

/* A copy of the trainer's present state; NULL when memory is short.  The model outlives it. */
struct checkpoint *checkpoint_take(const struct trainer *trainer, const struct training *training,
                                   const struct model *model, bool has_pretrained);
void checkpoint_free(struct checkpoint *checkpoint); /* NULL is harmless */

/* Write FOLDER/checkpoint-s<step>.h5 and make FOLDER/checkpoint.h5 the newest, each whole or not
 * at all; `path` (of `size` bytes) tells the first. */
enum status checkpoint_save(const struct checkpoint *checkpoint, const char *folder, char *path,
                            size_t size, struct error *error);

/* Whether the file holds a checkpoint rather than only a model or only variables; false too when it
 * cannot be read. */
bool checkpoint_probe(const char *path);

/* Model, plan and snapshot are the checkpoint's; retain a snapshot no longer than it lives. */
enum status checkpoint_load(const char *path, struct checkpoint **checkpoint, struct error *error);

#endif
