/* worker: the thread that owns the trainer.
 *
 * Between batches it publishes the shadow's results, carries out commands and waits if paced or
 * paused; it never waits for the screen.
 *
 *   STARTING -> TRAIN <-> PAUSED      pause, resume, step; a non-finite loss pauses too
 *   TRAIN, PAUSED -> STOPPING         stop at the end of the epoch; it may be paused again
 *   TRAIN, STOPPING, PAUSED -> EVAL   the last batch, or stop now
 *   EVAL -> DONE                      when the last evaluation is ready
 *   DONE -> TRAIN                     train on
 *   any training state -> FAILED      a non-finite loss with --on-nan stop
 * Export, evaluation and checkpoint commands are accepted in every state.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include "run/info.h"
#include "run/reporter.h"
#include "run/shadow.h"
#include "run/trace.h"

/* All of these must outlive the worker, which alone uses trainer, pool, reporter and trace from
 * worker_start to worker_finish. */
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

/* End it after the current batch and free it.  NULL is harmless. */
void worker_finish(struct worker *worker);

#endif
