/* trainer: a model, a scheme and the state of the optimizer, trained one batch at a time.
 *
 * Semantics of Keras: softmax cross-entropy on the logits, averaged over the batch; Adam with
 * epsilon outside the root; the last batch of an epoch may be smaller.  Semantics of TFMOT: ranges
 * are updated first and used by the same step's fake quantization; straight-through gradients. With
 * a NULL plan, plain float32.  The results are bit-identical for any number of threads.
 *
 * A trainer belongs to one thread.  Memory is allocated at creation; a step allocates none.
 */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "quant/snapshot.h"
#include "train/inspect.h"
#include "train/optimizer.h"

/* The most epochs that can be requested, at the start or later. */
#define MAX_EPOCHS 10000

/* Maximum batch size of training and evaluation. */
#define MAX_BATCH 4096

struct training {
    int epochs;             /* 3 */
    int batch;              /* 32; 1..MAX_BATCH */
    float learning_rate;    /* 0.001; the peak if there is a schedule */
    enum schedule schedule; /* decays to 0 over all epochs, updated every batch */
    float label_smoothing;  /* share of each target that is spread over all classes, [0, 1);
                               reported losses do not include it */
    int warmup;             /* batches of linear rise: 1/warmup, 2/warmup, ... of the rate */
    uint64_t seed;
    uint64_t max_steps; /* stop after this many batches; 0: no limit */
    bool shuffle, dropout;
    enum augmentation augment;        /* of the training digits, different every time */
    char rescale[PREPROCESSING_NAME]; /* of the images, as preprocessing_parse takes it; "": what
                                         suits them.  For checkpoints: the trainer takes the
                                         samples as they come */
};

struct step_result {
    uint64_t step;       /* batches trained, including this one: 1, 2, ... */
    int epoch;           /* 0-based epoch this batch belonged to */
    int batch, batches;  /* 1-based number within the epoch, and batches per epoch */
    int count, correct;  /* images in the batch, how many were correct */
    float loss;          /* mean over the batch */
    float learning_rate; /* used in this step */
    bool is_finite;      /* false: a loss, range or gradient is NaN or infinite; the batch then
                            changes neither weights nor ranges nor the optimizer */
    bool ends_epoch, ends_training;
};

struct trainer;

/* model, plan, dataset and pool must outlive the trainer.  Training starts from the model's own
 * weights, which are not modified. */
enum status trainer_create(struct trainer **trainer, const struct model *model,
                           const struct quant_plan *plan, const struct dataset *dataset,
                           const struct training *training, struct pool *pool, struct error *error);
void trainer_destroy(struct trainer *trainer); /* NULL is harmless */

/* Call before the first batch and the first snapshot, unless trainer_resume is called.  A scheme
 * that calibrates runs about 1024 images, spread over the training set, through the model, which
 * takes as long as a dozen batches of 32.  Does nothing for other schemes or without a plan. */
void trainer_calibrate(struct trainer *trainer);

/* Train one batch.  After ends_training, call trainer_extend first. */
void trainer_step(struct trainer *trainer, struct step_result *result);

/* Continue training: finish the current epoch, if one is incomplete, then train `epochs` more.  The
 * schedule restarts at its peak over the remaining batches; max_steps no longer applies. */
void trainer_extend(struct trainer *trainer, int epochs);
/* The next batch uses this rate; a schedule continues in proportion. */
void trainer_set_learning_rate(struct trainer *trainer, float learning_rate);

/* From the next batch on, sum up where the time goes (network.h); NULL: stop. */
struct step_times;
void trainer_measure(struct trainer *trainer, struct step_times *times);

/* Bytes used by a step, allocated at creation. */
struct trainer_memory {
    size_t network;   /* network_memory: values, gradients, quantized kernels, scratch */
    size_t optimizer; /* weights, their gradient, Adam's two moments, ranges */
    size_t samples;   /* the batch and the order of the epoch */
};
struct trainer_memory trainer_memory(const struct trainer *trainer);
const struct network *trainer_network(const struct trainer *trainer);

const float *trainer_weights(const struct trainer *trainer);
/* [plan->range_count]; NULL without a plan.  The range of a kernel is that of the weights before
 * the last update (as in TFMOT) or, with fresh_weight_ranges, of the current weights. */
const struct range *trainer_ranges(const struct trainer *trainer);
uint64_t trainer_steps(const struct trainer *trainer);

/* Reference count 1; NULL if out of memory.  Requires a plan. */
struct snapshot *trainer_snapshot(const struct trainer *trainer);
/* Go back to the weights and ranges of a snapshot; the optimizer state is kept. */
void trainer_restore(struct trainer *trainer, const struct snapshot *snapshot);

/* Start from these ranges [plan->range_count] instead of those that trainer_calibrate found.  Call
 * before the first batch. */
void trainer_set_ranges(struct trainer *trainer, const struct range *ranges);

/* The effect of quantization on one tensor, measured on the last batch, or on all weights.  Before
 * the first batch, input and activations get zeros and a NaN for sqnr. */
void trainer_inspect(const struct trainer *trainer, int tensor, struct tensor_stats *stats);

/* Optimizer state for checkpoints: blocks [model->weight_count] laid out like the weights. */
struct optimizer_state {
    uint64_t steps;
    const float *m, *v;
};
struct optimizer_state trainer_optimizer(const struct trainer *trainer);

/* The state of a training apart from weights, ranges and moments, for checkpoints. */
struct trainer_progress {
    uint64_t steps, updates; /* batches trained, and those that changed the weights */
    uint64_t end;            /* the step at which training ends, apart from max_steps */
    uint64_t schedule_begin, schedule_length;
    double peak;     /* rate at which the schedule's share is 1 */
    float nominal;   /* the last rate requested */
    uint64_t set_at; /* the step for which set_rate was requested */
    float set_rate;
};
struct trainer_progress trainer_progress(const struct trainer *trainer);

/* Continue from the state of another trainer with the same model, plan, digits and options: the
 * following batches give exactly the bits they would have given there. */
void trainer_resume(struct trainer *trainer, const struct snapshot *snapshot, const float *m,
                    const float *v, const struct trainer_progress *progress);

#endif
