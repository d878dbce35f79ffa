/* pacer: limits the speed of a run on screen.
 *
 * Plain arithmetic on times passed by the caller; it neither sleeps nor reads a clock.
 */
#ifndef RUN_PACER_H
#define RUN_PACER_H

#include <stdint.h>

/* PACE_AUTO stretches shorter runs to this duration; longer runs are not slowed down. */
#define PACER_SHOW_SECONDS 20.0

struct pacer {
    double interval; /* seconds between the starts of two batches; 0: no limit */
    double due;      /* when the next batch may start */
};

/* `pace` in batches per second, or PACE_MAX or PACE_AUTO (config.h); `batches` is the length of the
 * run, for PACE_AUTO.  The first batch is due immediately. */
void pacer_set(struct pacer *pacer, double pace, uint64_t batches, double now);

/* Seconds until the next batch may start; 0: now. */
double pacer_delay(const struct pacer *pacer, double now);

/* A batch was trained. */
void pacer_count(struct pacer *pacer, double now);

#endif
