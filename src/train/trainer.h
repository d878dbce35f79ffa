/* trainer: a model, a scheme and an optimizer's state, trained one batch at a time.
 *
 * Keras' semantics: softmax cross-entropy on the logits, mean over the batch; Adam with epsilon
 * outside the root; the last batch of an epoch may be smaller; ranges are updated first and the
 * same step's fake quantization uses them; straight-through gradients.  With a NULL plan it trains
 * in plain float32.  Results are the same bits for any number of threads.
 *
 * One thread uses a trainer.  Everything is planned at creation; a step allocates nothing.
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

/* The most epochs a training may be asked for, at the start or afterwards. */
#define MAX_EPOCHS 10000

/* Training and evaluation of at most this many digits at once. */
#define BATCH_MAX 4096

struct training {
    int epochs;             /* 3 */
    int batch;              /* 32; 1..BATCH_MAX */
    float learning_rate;    /* 0.001, the peak when there is a schedule */
    enum schedule schedule; /* decays to 0 over all epochs, one change a batch */
    float label_smoothing;  /* share of each target that is spread over all classes, 0..1 without
                               1; losses are told without it */
    int warmup;             /* batches of linear rise: 1/warmup, 2/warmup, ... of the rate */
    uint64_t seed;
    uint64_t max_steps; /* stop after so many batches; 0: no limit */
    bool shuffle, dropout;
    enum augmentation augment; /* of the training digits, each time anew */
};

struct step_result {
    uint64_t step;       /* batches done, this one included: 1, 2, ... */
    int epoch;           /* 0-based epoch this batch belonged to */
    int batch, batches;  /* 1-based number within the epoch, and how many it has */
    int count, correct;  /* digits in the batch, how many were right */
    float loss;          /* mean over the batch */
    float learning_rate; /* used in this step */
    bool is_finite;      /* false: loss, range or gradient is NaN or infinite; such a batch
                            changes neither weights nor ranges nor the optimizer */
    bool ends_epoch, ends_training;
};

struct trainer;

/* model, plan, dataset and pool outlive the trainer; the model's own weights are the start and
 * stay untouched. */
enum status trainer_create(struct trainer **trainer, const struct model *model,
                           const struct quant_plan *plan, const struct dataset *dataset,
                           const struct training *training, struct pool *pool, struct error *error);
void trainer_destroy(struct trainer *trainer); /* NULL is harmless */

/* To be called before the first batch and the first snapshot, unless trainer_resume is: a scheme
 * that calibrates runs about 1024 digits, spread over the training set, through the model, which
 * takes as long as a dozen batches of 32.  Nothing to do for another scheme or without a plan. */
void trainer_calibrate(struct trainer *trainer);

/* Train one batch.  Must not be called after ends_training unless trainer_extend was. */
void trainer_step(struct trainer *trainer, struct step_result *result);

/* Train on: finish the epoch that is begun, if any, then `epochs` more, from the present state; the
 * schedule starts anew at its peak over what is now left, and max_steps no longer holds. */
void trainer_extend(struct trainer *trainer, int epochs);
/* The next batch uses this rate; a schedule goes on from there in proportion. */
void trainer_set_learning_rate(struct trainer *trainer, float learning_rate);

/* From the next batch on add up where the time goes (network.h); NULL: no longer. */
struct step_times;
void trainer_measure(struct trainer *trainer, struct step_times *times);

/* Bytes of what a step uses, planned at creation. */
struct trainer_memory {
    size_t network;   /* network_memory: values, gradients, quantized kernels, scratch */
    size_t optimizer; /* weights, their gradient, Adam's two moments, ranges */
    size_t digits;    /* the batch, and the order of the epoch */
};
struct trainer_memory trainer_memory(const struct trainer *trainer);
const struct network *trainer_network(const struct trainer *trainer);

const float *trainer_weights(const struct trainer *trainer);
/* [plan->range_count], NULL without a plan.  A kernel's range is that of the weights before the
 * last step's update (TFMOT), or with fresh_weight_ranges that of the present weights. */
const struct range *trainer_ranges(const struct trainer *trainer);
uint64_t trainer_steps(const struct trainer *trainer);

/* Reference count 1; NULL when memory is short.  For a trainer with a plan. */
struct snapshot *trainer_snapshot(const struct trainer *trainer);
/* Go back to a snapshot's weights and ranges (optimizer state is kept). */
void trainer_restore(struct trainer *trainer, const struct snapshot *snapshot);

/* Start from these ranges [plan->range_count] rather than from what trainer_calibrate found; before
 * the first batch. */
void trainer_set_ranges(struct trainer *trainer, const struct range *ranges);

/* What quantization does to one tensor, measured on the last batch (weights: all of them).  Before
 * the first batch input and activations have none: zeros and a NaN for sqnr. */
void trainer_inspect(const struct trainer *trainer, int tensor, struct tensor_stats *stats);

/* Optimizer state for checkpoints: blocks [model->weight_count] laid out as the weights. */
struct optimizer_state {
    uint64_t steps;
    const float *m, *v;
};
struct optimizer_state trainer_optimizer(const struct trainer *trainer);

/* Where a training stands, beside weights, ranges and moments; plain numbers for a checkpoint. */
struct trainer_progress {
    uint64_t steps, updates; /* batches done, and those that changed the weights */
    uint64_t end;            /* steps when training ends, max_steps left aside */
    uint64_t schedule_begin, schedule_length;
    double peak;     /* rate where the schedule's share is 1 */
    float nominal;   /* the rate that was asked for last */
    uint64_t set_at; /* step for which set_rate was asked for */
    float set_rate;
};
struct trainer_progress trainer_progress(const struct trainer *trainer);

/* Go on where another trainer of the same model, plan, digits and options stood: the batches to
 * come give the very bits that they would have given there. */
void trainer_resume(struct trainer *trainer, const struct snapshot *snapshot, const float *m,
                    const float *v, const struct trainer_progress *progress);

#endif
