/* pool: N-1 helper threads that run one function over a static partition.
 *
 * One thread (the owner) calls pool_run; helpers spin briefly, then sleep.  There is no work
 * stealing: part p of `parts` is always computed the same way, so results do not depend on timing.
 * On Linux, a thread that wakes up on its waker's processor moves to another one it may use.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/error.h"

struct pool;

/* `threads` in total, including the caller (>= 1); 0 means one per usable core (at most 64). */
enum status pool_create(struct pool **pool, int threads, struct error *error);
void pool_destroy(struct pool *pool);      /* NULL is harmless */
int pool_threads(const struct pool *pool); /* 1 for NULL */

/* Call run(context, part, parts) for part = 0..parts-1 and wait for all; parts may differ from the
 * number of threads.  A NULL pool runs them in order on the caller. */
typedef void pool_task(void *context, int part, int parts);
void pool_run(struct pool *pool, int parts, pool_task *run, void *context);

/* The number of parts to cut `work` into, so that each part has at least `least` and is worth
 * waking a thread for: at least 1, at most one per thread. */
int pool_parts(const struct pool *pool, size_t work, size_t least);

/* [*begin, *end) = part `part` of `parts` of `count` items, in multiples of `grain`. */
void pool_share(size_t count, size_t grain, int part, int parts, size_t *begin, size_t *end);

#endif
