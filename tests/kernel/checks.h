/* checks: shared by the kernel tests: guarded tensors, awkward numbers, every level and number of
 * threads, and bitwise comparison with the reference. */
#ifndef TESTS_KERNEL_CHECKS_H
#define TESTS_KERNEL_CHECKS_H

#include <stdbool.h>

#include "base/pool.h"
#include "test.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Sizes around the borders of vectors and blocks. */
extern const size_t odd_sizes[];
extern const size_t odd_size_count;

/* `count` floats between guards that tensor_free checks; 64 readable bytes follow, as after
 * array_new's.  `misaligned` starts it off a vector boundary. */
struct tensor {
    float *at;
    size_t count;
    unsigned char *memory;
};
struct tensor tensor_new(size_t count, bool misaligned);
/* Fails if a byte before or after was written; then frees. */
void tensor_free(struct tensor *tensor);

/* Random numbers in [-1, 1) with some 0, -0, equal values and large ones among them. */
void tensor_fill(struct tensor *tensor);
/* Also NaN and infinities. */
void tensor_fill_wild(struct tensor *tensor);
/* A pattern that no result equals, to detect what was not written. */
void tensor_poison(struct tensor *tensor);

/* Equal to the bit; any NaN equals any other. */
void assert_same(const struct tensor *got, const struct tensor *want, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Random number below `bound`; the seed is printed once and taken from QATOP_TEST_SEED. */
unsigned checks_random(unsigned bound);

/* Calls `check` for every level of this machine with every number of threads from 1 to 4 (and no
 * pool at all); leaves the machine's own level chosen. */
typedef void checks_function(struct pool *pool, void *context);
void checks_everywhere(checks_function *check, void *context);

/* "avx2, 3 threads" of the call in progress. */
const char *checks_place(void);

#endif
