/* history: one value over the steps of a run, at every zoom without losing an extreme.
 *
 * A pyramid of buckets, factor 2: level 0 keeps raw values, each level above the union of two
 * buckets below.  Memory is bounded: past a cap of raw values the oldest raw ones are dropped and
 * only their buckets stay.  A spike of one batch survives to the top level; NaN and infinity are
 * counted, never mixed in.
 */
#ifndef UI_HISTORY_H
#define UI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct bucket {
    uint32_t count;       /* finite values */
    uint32_t not_finite;
    float min, max, last;
    double sum;
    uint64_t first_step, last_step;
};

struct history; /* opaque */

struct history *history_create(size_t raw_cap) MUST_USE; /* NULL when memory is short */
void history_destroy(struct history *history);           /* NULL is harmless */

/* Steps ascend.  False when memory is short (the value is then only in the newest bucket). */
bool history_add(struct history *history, uint64_t step, float value);
/* Several values folded into one. */
bool history_add_bucket(struct history *history, const struct bucket *bucket);

uint64_t history_first_step(const struct history *history);
uint64_t history_last_step(const struct history *history);
size_t history_count(const struct history *history);

/* Union of everything with first <= step <= last; count 0 and not_finite 0 where there is nothing.
 * Buckets that straddle an edge belong to the range that holds their first step. */
struct bucket history_range(const struct history *history, uint64_t first, uint64_t last);

/* Debiased exponential moving average over raw values in order of arrival, weight 0 (off) <= w < 1:
 * m = w m + (1 - w) x;  s = m / (1 - w^n).  smooth[i] is the value at the last record with
 * step <= steps[i] (ascending), NaN before the first. */
void history_smooth(const struct history *history, double weight, size_t count,
                    const uint64_t *steps, float *smooth);

#endif
