/* alarms: warnings for whoever watches a run.  Each is one sentence with the verdict, the value and
 * limit behind it, and what to do next.
 *
 * An alarm is raised once, when its condition has held long enough.  It can be raised again only
 * after the condition has been clear for a while, and at most ALARM_REPEATS times in a run.
 */
#ifndef RUN_ALARMS_H
#define RUN_ALARMS_H

#include "run/event.h"

#define ALARM_REPEATS    3
#define ALARM_SATURATION 0.01f /* share of values clipped, 3 reports in a row */
#define ALARM_SQNR       20.0f /* dB, 3 reports in a row */
#define ALARM_DRIFT      0.10f /* change of a range in one epoch */
#define ALARM_GAP        0.005 /* INT8 accuracy below FP32 */
#define ALARM_WARM_UP    100   /* batches before ranges are judged */

struct alarms; /* opaque */

struct alarms *alarms_create(int tensors) MUST_USE; /* NULL when memory is short */
void alarms_destroy(struct alarms *alarms);         /* NULL is harmless */

/* Each checks one report and writes at most one alarm to text[size]; false: no alarm.  `epochs` is
 * the number completed: the drift of a range is judged from the second on. */
bool alarms_tensor(struct alarms *alarms, const char *name, const struct event_tensor *tensor,
                   uint64_t step, char *text, size_t size);
bool alarms_drift(struct alarms *alarms, const char *name, int tensor, float drift, int epochs,
                  char *text, size_t size);
bool alarms_evaluation(struct alarms *alarms, const struct evaluation *evaluation, char *text,
                       size_t size);

#endif
