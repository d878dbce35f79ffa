#include "engine/dot.h"

#include <string.h>

#include "base/cpu.h"
#include "engine/fixed.h"

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
    return (size_t)groups * (size_t)segments * (size_t)steps * DOT_GROUP *
           (size_t)kernels->depth * weight_bytes;
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

void dot_output_exact(const struct dot_output *output, size_t rows, const int32_t *acc,
                      int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    double low = output->low - output->zero_point, high = output->high - output->zero_point;
    for (size_t row = 0; row < rows; row++, acc += stride, out += channels)
        for (size_t c = 0; c < channels; c++) {
            double scaled = acc[c] * output->exact_factor[c];
            scaled = scaled > high ? high : scaled < low ? low : scaled;
            out[c] = (int8_t)(fixed_round(scaled) + output->zero_point);
        }
}
