/* outlet: the events of a run on their way to one reader.
 *
 * The worker publishes, the reader takes; between them is a ring.  When the ring is full the outlet
 * folds instead of losing or waiting: batches merge into one record that keeps count, extremes,
 * sum, last value and every non-finite loss; of each tensor, and of the evaluations of only part of
 * the test digits, the newest stays; everything else is kept one by one in the order it happened.
 * What was folded is pushed as soon as there is room.
 *
 * An outlet may have patience: it then first waits so long for the reader, and folds only when that
 * was in vain.  The run's record has patience, the screen has none.
 */
#ifndef RUN_OUTLET_H
#define RUN_OUTLET_H

#include "run/event.h"

/* Rare events kept while the reader stands still; beyond that the oldest log lines go first, then
 * the oldest evaluations, and the count of what was lost is logged when the reader is back. */
#define OUTLET_PENDING 256

struct outlet; /* opaque */

/* `slots` (a power of two) records; tensor events have indices 0..tensors-1.  NULL when memory is
 * short. */
struct outlet *outlet_create(size_t slots, int tensors, double patience) MUST_USE;
void outlet_destroy(struct outlet *outlet); /* NULL is harmless; gives back what was not taken */

/* Worker only.  Keeps a reference of its own to what the event holds. */
void outlet_publish(struct outlet *outlet, const struct event *event);
/* Worker only.  Push what is pending as far as there is room; true when nothing is left. */
bool outlet_flush(struct outlet *outlet);
/* Worker only.  How often the worker had to wait for this reader, and for how long in all. */
struct outlet_waits {
    uint64_t count;
    double seconds;
};
struct outlet_waits outlet_waits(const struct outlet *outlet);

/* Reader only.  The next event, the reader's to release; outlet_wait sleeps for it, and comes back
 * early and empty-handed when a signal arrives. */
bool outlet_take(struct outlet *outlet, struct event *event);
bool outlet_wait(struct outlet *outlet, struct event *event, double seconds);

/* Any thread.  Records merged because the screen was slow, and the most that ever waited. */
struct outlet_pressure {
    uint64_t folded;
    uint32_t high_water, capacity;
};
struct outlet_pressure outlet_pressure(const struct outlet *outlet);

#endif
