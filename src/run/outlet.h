/* outlet: the queue of events from a run to one reader.
 *
 * The worker publishes, the reader takes; between them is a ring.  If the ring is full, the outlet
 * neither drops nor waits but folds: batches are merged into one record with their count, extremes,
 * sum, last value and number of non-finite losses; of each tensor, and of evaluations of only some
 * test digits, the newest is kept; everything else is kept individually and in order.  Folded
 * records are pushed as soon as there is room.
 *
 * An outlet can have patience, in seconds: it then waits that long for the reader before it folds.
 * The run's record has patience, the screen has none.
 */
#ifndef RUN_OUTLET_H
#define RUN_OUTLET_H

#include "run/event.h"

/* Individual events kept while the reader is stalled.  Beyond that the oldest log lines are
 * dropped, then the oldest evaluations; their number is logged when the reader is back. */
#define OUTLET_PENDING 256

struct outlet; /* opaque */

/* `slots` (a power of two) records; tensor events have indices 0..tensors-1.  NULL if out of
 * memory. */
struct outlet *outlet_create(size_t slots, int tensors, double patience) MUST_USE;
void outlet_destroy(struct outlet *outlet); /* NULL is harmless; releases untaken events */

/* Worker only.  Keeps a reference of its own. */
void outlet_publish(struct outlet *outlet, const struct event *event);
/* Worker only.  Push pending events while there is room; true if none is left. */
bool outlet_flush(struct outlet *outlet);
/* Worker only.  How often the worker had to wait for this reader, and for how long in total. */
struct outlet_waits {
    uint64_t count;
    double seconds;
};
struct outlet_waits outlet_waits(const struct outlet *outlet);

/* Reader only.  Take the next event, which the reader must release; outlet_wait waits for one, and
 * returns false early if a signal arrives. */
bool outlet_take(struct outlet *outlet, struct event *event);
bool outlet_wait(struct outlet *outlet, struct event *event, double seconds);

/* Any thread.  Records folded because the reader was slow, and the most ever in the queue. */
struct outlet_pressure {
    uint64_t folded;
    uint32_t high_water, capacity;
};
struct outlet_pressure outlet_pressure(const struct outlet *outlet);

#endif
