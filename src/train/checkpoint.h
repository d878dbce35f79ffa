/* checkpoint: everything needed to resume a training, in one .h5.
 *
 *   model_config, model_weights/   the float model as saved by Keras: Keras and model_load open the
 *                                  file as a model
 *   quantized_weights/             the variables of the quantized model under TFMOT's names
 *                                  (quant_dense/kernel_min): variables_load reads these
 *   optimizer/m/, optimizer/v/     Adam's moments, named like the parameters
 *   pretrained/                    the parameters that training started from
 *   attribute qatop                JSON: version, scheme, options and progress
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "train/trainer.h"

#define CHECKPOINT_VERSION 1

struct checkpoint {
    struct snapshot *snapshot; /* weights, ranges and step; names model and plan */
    struct training training;
    struct trainer_progress progress;
    float *m, *v;        /* [weight_count], laid out like the weights */
    bool has_pretrained; /* the weights of the snapshot's model are those that training started
                            from; early checkpoints do not have them */
    struct model *model; /* owned, if loaded from a file; otherwise NULL */
    struct quant_plan *plan;
};

/* A copy of the trainer's current state; NULL if out of memory.  The model must outlive it. */
struct checkpoint *checkpoint_take(const struct trainer *trainer, const struct training *training,
                                   const struct model *model, bool has_pretrained);
void checkpoint_free(struct checkpoint *checkpoint); /* NULL is harmless */

/* Write FOLDER/checkpoint-s<step>.h5 and make FOLDER/checkpoint.h5 a copy of it, each whole or not
 * at all; `path` (of `size` bytes) is set to the first. */
enum status checkpoint_save(const struct checkpoint *checkpoint, const char *folder, char *path,
                            size_t size, struct error *error);

/* Whether the file is a checkpoint, not just a model or variables; also false if it cannot be read.
 */
bool checkpoint_probe(const char *path);

/* The checkpoint owns model, plan and snapshot; do not keep the snapshot longer than it. */
enum status checkpoint_load(const char *path, struct checkpoint **checkpoint, struct error *error);

#endif
