#include "engine/dot.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/cpu.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#ifdef HAVE_AVX2
static bool has_avx2(void) {
    return cpu_isa() >= ISA_AVX2;
}
#endif
#ifdef HAVE_AVXVNNI
static bool has_avxvnni(void) {
    return cpu_has_avx_vnni();
}
#endif
#ifdef HAVE_AVX512
static bool has_vnni(void) {
    return cpu_has_vnni();
}
#endif

#ifdef HAVE_NEON_DOT
static bool has_neon_dot(void) {
    return cpu_has_neon_dot();
}
#endif

/* Later ones are faster. */
static const struct {
    const struct dot_kernels *kernels;
    bool (*runs)(void); /* NULL: everywhere */
} sets[] = {
    {&dot_plain, NULL},
#ifdef HAVE_NEON_DOT
    {&dot_neon, has_neon_dot},
#endif
#ifdef HAVE_AVX2
    {&dot_avx2, has_avx2},
#endif
#ifdef HAVE_AVXVNNI
    {&dot_avxvnni, has_avxvnni},
#endif
#ifdef HAVE_AVX512
    {&dot_vnni, has_vnni},
#endif
};

const struct dot_kernels *dot_kernels_set(int index) {
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if ((!sets[i].runs || sets[i].runs()) && !index--) return sets[i].kernels;
    return NULL;
}

static const struct dot_kernels *_Atomic forced;

/* Relaxed: what it points to is constant. */
void dot_kernels_force(const struct dot_kernels *kernels) {
    atomic_store_explicit(&forced, kernels, memory_order_relaxed);
}

const struct dot_kernels *dot_kernels_choose(void) {
    const struct dot_kernels *best = atomic_load_explicit(&forced, memory_order_relaxed);
    if (best) return best;
    for (int i = 0; dot_kernels_set(i); i++) best = dot_kernels_set(i);
    return best;
}

size_t dot_weights_bytes(const struct dot_kernels *kernels, int groups, int segments, int steps) {
    size_t weight_bytes = kernels->depth == 4 ? 1 : 2;
    return (size_t)groups * (size_t)segments * (size_t)steps * DOT_GROUP * (size_t)kernels->depth *
           weight_bytes;
}

void dot_pack_weights(const struct dot_kernels *kernels, int channels, int segments,
                      int segment_count, const int8_t *w, unsigned char *packed) {
    size_t depth = (size_t)kernels->depth;
    size_t steps = ((size_t)segment_count + depth - 1) / depth;
    for (size_t c = 0; c < (size_t)channels; c++)
        for (size_t s = 0; s < (size_t)segments; s++)
            for (size_t k = 0; k < (size_t)segment_count; k++) {
                size_t step = (c / DOT_GROUP * (size_t)segments + s) * steps + k / depth;
                size_t to = (step * DOT_GROUP + c % DOT_GROUP) * depth + k % depth;
                int16_t value = *w++;
                if (depth == 4)
                    packed[to] = (unsigned char)value;
                else
                    memcpy(packed + 2 * to, &value, 2);
            }
}

void dot_pack_taps(int channels, int taps, const int8_t *w, int16_t *packed) {
    size_t padded = ((size_t)channels + DOT_GROUP - 1) / DOT_GROUP * DOT_GROUP;
    for (size_t t = 0; t < (size_t)taps; t++)
        for (size_t c = 0; c < (size_t)channels; c++)
            packed[(t / 2 * padded + c) * 2 + t % 2] = *w++;
}

void dot_table_finish(struct dot_table *table) {
    table->is_sum = true;
    for (int i = 0; i < 256; i++)
        if (table->bytes[i] != (unsigned char)(i + table->bytes[0])) table->is_sum = false;
}
