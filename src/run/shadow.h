/* shadow: the thread beside the worker that evaluates snapshots, writes exports and checkpoints.
 *
 * The worker submits jobs and takes results; the shadow never touches the trainer.  It computes
 * with one thread of its own, so that training keeps its pool.
 */
#ifndef RUN_SHADOW_H
#define RUN_SHADOW_H

#include "quant/freeze.h"
#include "train/checkpoint.h"
#include "run/event.h"
#include "run/mailbox.h"

/* Digits of a rolling evaluation between epochs, and the least time from one to the next. */
#define SHADOW_ROLLING_DIGITS  1000
#define SHADOW_ROLLING_SECONDS 2.0
/* The largest share of one core's time that they may take while training leaves some over, and of
 * all cores' time when they take it from training. */
#define SHADOW_SHARE_OF_SPARE    0.1
#define SHADOW_SHARE_OF_TRAINING 0.02

struct shadow_options {
    const struct digits *digits; /* test digits */
    enum runtime runtime;
    enum frozen_io io;
    const char *export_path; /* FOLDER/model_int8.tflite; checkpoints go beside it */
    bool keeps_steps;        /* every export under a name of its own as well */
    struct mailbox *mailbox; /* woken when a result is ready */
};

enum shadow_task { SHADOW_EVALUATE, SHADOW_PTQ, SHADOW_EXPORT, SHADOW_CHECKPOINT };

struct shadow_job {
    enum shadow_task task;
    struct snapshot *snapshot;     /* EVALUATE, EXPORT: handed over */
    struct checkpoint *checkpoint; /* CHECKPOINT: handed over */
    const struct model *model;     /* PTQ: it and the digits to calibrate with outlive the shadow */
    const struct digits *train;
    size_t count;                 /* EVALUATE: the first so many digits */
    struct predictions validated; /* EVALUATE: for evaluation_create, handed over; or empty */
    int epochs;                   /* EVALUATE: finished by then */
    bool is_final;                /* EVALUATE: the training's last; carried over to the result */
    uint32_t command;             /* to be acknowledged with the result, or 0 */
};

struct shadow_result {
    enum shadow_task task;
    struct event event; /* EVENT_EVALUATION, _PTQ, _EXPORT or _CHECKPOINT; the taker's */
    bool has_event;     /* a failed evaluation has none */
    bool is_final;
    uint32_t command;
    uint64_t step;      /* of what was evaluated or written */
    struct error error; /* status STATUS_OK when all went well */
};

struct shadow; /* opaque */

/* Creates the thread. */
enum status shadow_create(struct shadow **shadow, const struct shadow_options *options,
                          struct error *error);

/* The worker only.  False, with everything given back, when too many jobs are waiting; of
 * evaluations that nobody asked for by a command only the newest are kept, so those never fail. */
bool shadow_submit(struct shadow *shadow, const struct shadow_job *job);

/* The worker only: whether a rolling evaluation should be submitted now, so that they take at most
 * `share` (above 0, at most 1) of one core's time. */
bool shadow_is_due(struct shadow *shadow, double now, double share);

/* The worker only.  False when no result is ready. */
bool shadow_take(struct shadow *shadow, struct shadow_result *result);

/* Carries out the exports and checkpoints that are waiting, drops evaluations, ends the thread and
 * frees everything.  NULL is harmless. */
void shadow_destroy(struct shadow *shadow);

#endif
