/* history: one value over the steps of a run, readable at any zoom without losing an extreme.
 *
 * Raw records stand in order of arrival; above them lies a pyramid of buckets, the lowest over 16
 * records, each level above the union of two below.  A range of steps is the union of a few of
 * them, whatever its length.  Memory is bounded: past a cap the oldest half of a level is
 * dropped and only its buckets one level up stay, so a spike of a single batch is never lost.  NaN
 * and infinity are counted, never mixed in.
 *
 * A history belongs to one thread.
 */
#ifndef UI_HISTORY_H
#define UI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct bucket {
    uint32_t count; /* finite values */
    uint32_t not_finite;
    uint32_t infinite;    /* of those, how many are known to be infinities; the rest are NaN */
    float min, max, last; /* of the finite ones; NaN when there is none */
    double sum;
    uint64_t first_step, last_step; /* of all, finite or not */
};

struct history; /* opaque */

/* Keeps at least the newest raw_cap / 2 records raw (raw_cap is at least 256) and at most about
 * raw_cap * 100 bytes for a million times as many.  NULL when memory is short. */
struct history *history_create(size_t raw_cap) MUST_USE;
void history_destroy(struct history *history); /* NULL is harmless */
/* One that stays as it is now; NULL when memory is short. */
struct history *history_copy(const struct history *history) MUST_USE;

/* Steps ascend (one that does not is taken for the newest so far).  False when memory is short: the
 * value is then folded into the newest record, nothing is lost but its place. */
bool history_add(struct history *history, uint64_t step, float value);
/* Several values folded into one record; an empty bucket is left out. */
bool history_add_bucket(struct history *history, const struct bucket *bucket);

size_t history_count(const struct history *history); /* values, finite or not */

/* Union of everything with first <= step <= last; count 0 and not_finite 0 where there is nothing.
 * Records and buckets that straddle an edge belong to the range that holds their first step. */
struct bucket history_range(const struct history *history, uint64_t first, uint64_t last);

/* Debiased exponential moving average over raw values in order of arrival, weight 0 (off) <= w < 1:
 * m = w m + (1 - w) x;  s = m / (1 - w^n), n finite values so far.  smooth[i] is the value at the
 * last record that begins at or before steps[i], NaN before the first finite one.  n folded values
 * count as n times their mean, and so do raw ones that were dropped before this weight was first
 * asked for.
 *
 * The first call with a weight walks the whole history; later ones with the same weight only a few
 * records per step asked for. */
void history_smooth(struct history *history, double weight, size_t count, const uint64_t *steps,
                    float *smooth);

/* The levels of smoothing that a person can choose; the first is off. */
#define SMOOTH_LEVELS 9
extern const double smooth_levels[SMOOTH_LEVELS];

#endif
