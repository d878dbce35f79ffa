#include "base/random.h"

void random_philox(uint64_t seed, uint32_t stream, uint64_t counter_high, uint32_t counter_low,
                   uint32_t out[4]) {
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    uint32_t c0 = counter_low, c1 = (uint32_t)counter_high, c2 = (uint32_t)(counter_high >> 32),
             c3 = stream;
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ key0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ key1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

float random_unit(uint32_t word) {
    return (float)(word >> 8) * 0x1p-24f;
}

/* Uniform in [0, bound) without bias (Lemire 2019): reject the short first interval. */
static uint32_t below(uint64_t seed, uint64_t epoch, uint32_t *counter, uint32_t bound) {
    uint32_t threshold = (0u - bound) % bound;
    for (;;) {
        uint32_t words[4];
        random_philox(seed, RANDOM_SHUFFLE, epoch, (*counter)++, words);
        for (int i = 0; i < 4; i++) {
            uint64_t product = (uint64_t)words[i] * bound;
            if ((uint32_t)product >= threshold) return (uint32_t)(product >> 32);
        }
    }
}

void random_permutation(uint64_t seed, uint64_t epoch, uint32_t *order, size_t count) {
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    uint32_t counter = 0;
    for (size_t i = count; i > 1; i--) {
        size_t j = below(seed, epoch, &counter, (uint32_t)i);
        uint32_t other = order[j];
        order[j] = order[i - 1];
        order[i - 1] = other;
    }
}
