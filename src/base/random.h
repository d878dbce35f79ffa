/* random: counter-based random numbers.
 *
 * A number is a pure function of (seed, stream, counter): there is no state, so any thread may
 * compute any part of a sequence, and a run can be resumed anywhere.  Each use has a stream of its
 * own. Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC
 * 2011).
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum random_stream {
    RANDOM_INIT,    /* initial weights */
    RANDOM_SHUFFLE, /* order of the training images; high part of the counter: epoch */
    RANDOM_DROPOUT, /* high part of the counter: step */
    RANDOM_TEST,
    RANDOM_AUGMENT, /* high part: step, low part: image of the batch */
    RANDOM_SPLIT,   /* high part: class */
};

/* Four 32-bit numbers for one counter. */
void random_philox(uint64_t seed, uint32_t stream, uint64_t counter_high, uint32_t counter_low,
                   uint32_t out[4]);

/* Uniform float32 in [0, 1): the top 24 bits of a word, exact. */
float random_unit(uint32_t word);

/* order[0..count) = a permutation of 0..count-1 (Fisher-Yates, unbiased). */
void random_permutation(uint64_t seed, uint64_t epoch, uint32_t *order, size_t count);

#endif
