/* worker: the thread that owns the trainer.
 *
 * Between two batches it passes on what the shadow has finished, carries out commands and waits
 * where the pace or a pause asks for it; it never waits for the screen.
 *
 *   STARTING -> TRAIN <-> PAUSED      pause, resume, step; a non-finite loss pauses too
 *   TRAIN, PAUSED -> STOPPING         stop at the end of the epoch; it may be paused again
 *   TRAIN, STOPPING, PAUSED -> EVAL   the last batch, or stop now
 *   EVAL -> DONE                      when the last evaluation is there
 *   DONE -> TRAIN                     train on
 *   any training state -> FAILED      a non-finite loss where the options say stop
 * Export, evaluation and checkpoint are taken in every state.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include "run/info.h"
#include "run/reporter.h"
#include "run/shadow.h"
#include "run/trace.h"

/* All of it outlives the worker, which is the only one to use trainer, pool, reporter and trace
 * from worker_start to worker_finish. */
struct worker_options {
    const struct run_info *info;
    struct trainer *trainer;
    struct pool *pool;
    struct mailbox *mailbox;
    struct shadow *shadow;
    struct reporter *reporter;
    struct trace *trace; /* may be NULL */
};

struct worker; /* opaque */

enum status worker_start(struct worker **worker, const struct worker_options *options,
                         struct error *error);

/* Ends it after the batch it is at, and frees it.  NULL is harmless. */
void worker_finish(struct worker *worker);

#endif
