/* reporter: creates events, raises alarms, and publishes them to both readers.
 *
 * Used by the worker thread only.
 */
#ifndef RUN_REPORTER_H
#define RUN_REPORTER_H

#include "run/outlet.h"
#include "train/trainer.h"

/* Minimum time between two rounds of tensor events, and the largest share of time that measuring
 * them may take. */
#define REPORTER_TENSOR_SECONDS 0.1
#define REPORTER_TENSOR_SHARE   0.05

struct reporter; /* opaque */

/* The outlets (`record` may be NULL) and the plan must outlive it.  NULL if out of memory. */
struct reporter *reporter_create(const struct quant_plan *plan, struct outlet *screen,
                                 struct outlet *record) MUST_USE;
void reporter_destroy(struct reporter *reporter); /* NULL is harmless */

/* Batches trained so far, for the following events. */
void reporter_set_step(struct reporter *reporter, uint64_t step);
double reporter_seconds(const struct reporter *reporter); /* since its creation */

/* Set step, time and folded of the event and publish it; the readers get references of their own.
 */
void reporter_publish(struct reporter *reporter, struct event *event);
void reporter_state(struct reporter *reporter, enum run_state state);
void reporter_log(struct reporter *reporter, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
void reporter_error(struct reporter *reporter, const char *what, const struct error *error);
/* STATUS_OK: carried out; otherwise refused or failed for the reason in `error`. */
void reporter_acknowledge(struct reporter *reporter, uint32_t command, const struct error *error);

/* A batch was trained in `seconds`. */
void reporter_batch(struct reporter *reporter, const struct step_result *result, double seconds);

/* Range and statistics of every tensor; without `now`, only if it is time again. */
void reporter_tensors(struct reporter *reporter, const struct trainer *trainer, bool now);

/* An epoch ended; its ranges are compared with those of the epoch before. */
void reporter_epoch(struct reporter *reporter, const struct event_epoch *epoch,
                    const struct range *ranges);
void reporter_evaluation(struct reporter *reporter, struct event *event);

/* Scale and zero point that an export would give `range`; scale is NAN if it is not finite. */
struct qparams reporter_qparams(const struct quant_plan *plan, const struct quant_tensor *tensor,
                                struct range range);

/* Push what a slow reader had no room for; false if some is left. */
bool reporter_flush(struct reporter *reporter);

#endif
