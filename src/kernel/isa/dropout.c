#include "base/random.h"
#include "kernel/isa/level.h"

/* V_LANES / 2 counters at once; only the low half of each lane is used (random_philox). */
enum { COUNTERS = V_LANES / 2, WORDS = 4 * COUNTERS };

ALWAYS_INLINE vwide w_set(uint32_t x) {
    return (vwide){0} + x;
}

/* The words of counters low, low + 1, ... */
ALWAYS_INLINE void philox(const struct dropout *by, uint32_t low, uint32_t words[WORDS]) {
    static const uint64_t first_lanes[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    vwide c0, c1 = w_set((uint32_t)by->counter), c2 = w_set((uint32_t)(by->counter >> 32));
    vwide c3 = w_set(RANDOM_DROPOUT);
    memcpy(&c0, first_lanes, sizeof c0);
    c0 += low;
    uint32_t key0 = (uint32_t)by->seed, key1 = (uint32_t)(by->seed >> 32);
    UNROLL
    for (int round = 0; round < 10; round++) {
        vwide p0 = w_multiply(c0, 0xD2511F53u), p1 = w_multiply(c2, 0xCD9E8D57u);
        c0 = (p1 >> 32) ^ c1 ^ w_set(key0);
        c2 = (p0 >> 32) ^ c3 ^ w_set(key1);
        c1 = p1;
        c3 = p0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    vwide first = (c0 & 0xffffffffu) | c1 << 32, second = (c2 & 0xffffffffu) | c3 << 32;
    vwide pairs[2] = {W_PAIRS_LOW(first, second), W_PAIRS_HIGH(first, second)};
    memcpy(words, pairs, sizeof pairs);
}

/* Whole groups of counters: `begin` is a multiple of 64, and there is room beyond `end`. */
void ISA(dropout_factors)(const struct dropout *by, size_t begin, size_t end, float *factors) {
    const float scale = 1.0f / (1.0f - by->rate);
    /* random_unit(word) >= rate, compared as the 24-bit integers that random_unit uses */
    const int32_t threshold = (int32_t)ceilf(by->rate * 0x1p24f);
    for (size_t i = begin; i < end; i += WORDS) {
        uint32_t words[WORDS];
        philox(by, (uint32_t)(i / 4), words);
        for (int j = 0; j < WORDS; j++)
            factors[i + (size_t)j] = (int32_t)(words[j] >> 8) >= threshold ? scale : 0.0f;
    }
}

void ISA(dropout_multiply)(size_t count, const float *x, const float *by, float *y) {
    for (size_t i = 0; i < count; i += V_LANES)
        store_count(y + i, load_count(x + i, count - i) * load_count(by + i, count - i), count - i);
}
