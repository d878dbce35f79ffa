/* pacer: how fast a run goes by on screen.
 *
 * Plain arithmetic on times that the caller brings; it neither sleeps nor looks at a clock.
 */
#ifndef RUN_PACER_H
#define RUN_PACER_H

#include <stdint.h>

/* What PACE_AUTO makes of a run that would be over sooner; longer runs are not held back. */
#define PACER_SHOW_SECONDS 20.0

struct pacer {
    double interval; /* seconds between the starts of two batches; 0: as fast as it goes */
    double due;      /* when the next batch may start */
};

/* `pace` in batches a second, or PACE_MAX or PACE_AUTO of run.h; `batches` is the length of the
 * run that PACE_AUTO stretches.  The first batch is due at once. */
void pacer_set(struct pacer *pacer, double pace, uint64_t batches, double now);

/* Seconds until the next batch may start; 0: now. */
double pacer_delay(const struct pacer *pacer, double now);

/* A batch was trained. */
void pacer_count(struct pacer *pacer, double now);

#endif
