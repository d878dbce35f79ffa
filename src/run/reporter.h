/* reporter: what the worker tells: it makes events, raises alarms, and gives each to both readers.
 *
 * Belongs to the worker thread.
 */
#ifndef RUN_REPORTER_H
#define RUN_REPORTER_H

#include "run/outlet.h"
#include "train/trainer.h"

/* Least time between two rounds of tensor events, and the largest share of the time that measuring
 * them may take. */
#define REPORTER_TENSOR_SECONDS 0.1
#define REPORTER_TENSOR_SHARE   0.05

struct reporter; /* opaque */

/* The outlets (`record` may be NULL) and the plan outlive it.  NULL when memory is short. */
struct reporter *reporter_create(const struct quant_plan *plan, struct outlet *screen,
                                 struct outlet *record) MUST_USE;
void reporter_destroy(struct reporter *reporter); /* NULL is harmless */

/* Batches trained so far, for the events to come. */
void reporter_set_step(struct reporter *reporter, uint64_t step);
double reporter_seconds(const struct reporter *reporter); /* since it was made */

/* Completes the event with step, time and folded and publishes it; the readers hold references of
 * their own afterwards. */
void reporter_publish(struct reporter *reporter, struct event *event);
void reporter_state(struct reporter *reporter, enum run_state state);
void reporter_log(struct reporter *reporter, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
void reporter_error(struct reporter *reporter, const char *what, const struct error *error);
/* Status OK: carried out; else refused or failed for the reason in `error`. */
void reporter_acknowledge(struct reporter *reporter, uint32_t command, const struct error *error);

/* One batch was trained in so many seconds. */
void reporter_batch(struct reporter *reporter, const struct step_result *result, double seconds);

/* Range and statistics of every tensor; without `now` only when it is time again. */
void reporter_tensors(struct reporter *reporter, const struct trainer *trainer, bool now);

/* An epoch ended: ranges are compared with those at the end of the one before. */
void reporter_epoch(struct reporter *reporter, const struct event_epoch *epoch,
                    const struct range *ranges);
void reporter_evaluation(struct reporter *reporter, struct event *event);

/* Scale and zero point that an export would give `range`; scale NAN where it is not finite. */
struct qparams reporter_qparams(const struct quant_plan *plan, const struct quant_tensor *tensor,
                                struct range range);

/* Push what a slow reader had no room for; false while some is left. */
bool reporter_flush(struct reporter *reporter);

#endif
