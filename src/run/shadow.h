/* shadow: the thread that evaluates snapshots and writes exports and checkpoints during training.
 *
 * The worker submits jobs and takes results; the shadow never touches the trainer.  It computes
 * with one thread of its own and leaves the pool to training.
 */
#ifndef RUN_SHADOW_H
#define RUN_SHADOW_H

#include "quant/freeze.h"
#include "train/checkpoint.h"
#include "run/event.h"
#include "run/mailbox.h"

/* Digits of a rolling evaluation between epochs, and the minimum time from one to the next. */
#define SHADOW_ROLLING_SAMPLES 1000
#define SHADOW_ROLLING_SECONDS 2.0
/* The largest share of one core's time that they may take if training leaves cores idle, and of all
 * cores' time if they take it from training. */
#define SHADOW_SHARE_OF_SPARE    0.1
#define SHADOW_SHARE_OF_TRAINING 0.02

struct shadow_options {
    const struct samples *samples; /* test digits */
    enum runtime runtime;
    enum frozen_io io;
    const char *export_path; /* FOLDER/model_int8.tflite; checkpoints go to FOLDER */
    bool keeps_steps;        /* also keep every export under a name of its own */
    struct mailbox *mailbox; /* woken when a result is ready */
};

enum shadow_task { SHADOW_EVALUATE, SHADOW_PTQ, SHADOW_EXPORT, SHADOW_CHECKPOINT };

struct shadow_job {
    enum shadow_task task;
    struct snapshot *snapshot;     /* EVALUATE, EXPORT: handed over */
    struct checkpoint *checkpoint; /* CHECKPOINT: handed over */
    const struct model *model;     /* PTQ: it and the calibration digits must outlive the shadow */
    const struct samples *train;
    size_t count;                 /* EVALUATE: the first `count` digits */
    struct predictions validated; /* EVALUATE: for evaluation_create, handed over, or empty */
    int epochs;                   /* EVALUATE: completed so far */
    bool is_final;                /* EVALUATE: the last of the training; copied to the result */
    uint32_t command;             /* to acknowledge with the result, or 0 */
};

struct shadow_result {
    enum shadow_task task;
    struct event event; /* EVENT_EVALUATION, _PTQ, _EXPORT or _CHECKPOINT; owned by the taker */
    bool has_event;     /* a failed evaluation has none */
    bool is_final;
    uint32_t command;
    uint64_t step;      /* of what was evaluated or written */
    struct error error; /* STATUS_OK on success */
};

struct shadow; /* opaque */

/* Creates the thread. */
enum status shadow_create(struct shadow **shadow, const struct shadow_options *options,
                          struct error *error);

/* The worker only.  False, with everything released, if too many jobs are waiting.  Of evaluations
 * that no command requested only the newest are kept, so submitting those never fails. */
bool shadow_submit(struct shadow *shadow, const struct shadow_job *job);

/* The worker only: whether a rolling evaluation is due, given that they may take `share` (above 0,
 * at most 1) of one core's time. */
bool shadow_is_due(struct shadow *shadow, double now, double share);

/* The worker only.  False if no result is ready. */
bool shadow_take(struct shadow *shadow, struct shadow_result *result);

/* Complete the waiting exports and checkpoints, drop evaluations, end the thread and free
 * everything. NULL is harmless. */
void shadow_destroy(struct shadow *shadow);

#endif
