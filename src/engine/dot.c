#include "engine/dot.h"

#include <string.h>

#include "base/cpu.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

const struct dot_kernels *dot_kernels_choose(void) {
#ifdef HAVE_AVX512
    if (cpu_has_vnni()) return &dot_vnni;
#endif
#ifdef HAVE_AVX2
    if (cpu_isa() >= ISA_AVX2) return &dot_avx2;
#endif
    return &dot_plain;
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
