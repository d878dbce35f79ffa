/* dot_avx2: what the x86 sets of integer kernels share (see struct dot_kernels in dot.h). */
#ifndef ENGINE_DOT_AVX2_H
#define ENGINE_DOT_AVX2_H

#include "engine/dot.h"

/* The steps at which any of a few rows has a packed value other than 0: images have wide borders
 * that need no multiplication. */
struct dot_list {
    int count;
    uint16_t steps[1024 + 1]; /* the last one is written, never read */
};

/* Worth it, and possible: one long segment, several groups that share a list. */
static inline bool dot_wants_lists(const struct dot *dot) {
    return dot->segments == 1 && dot->groups >= 4 && dot->steps >= 64 && dot->steps <= 1024;
}

/* words_avx2.c */
int steps_with_values_avx2(const unsigned char *activations, int rows, const uint32_t *row_offset,
                           int steps, uint16_t *list); /* returns how many; of segment 0 */
void pack_words_avx2(size_t count, const int8_t *x, int zero_point, unsigned char *packed);
void multiply_taps_avx2(const struct dot_taps *taps, const int16_t *activations, size_t rows,
                        const uint32_t *row_offset, int32_t *acc);

/* output_avx2.c */
void output_fixed_avx2(const struct dot_output *output, size_t rows, const int32_t *acc,
                       int8_t *out);
void output_float_avx2(const struct dot_output *output, size_t rows, const int32_t *acc,
                       int8_t *out);
void output_exact_avx2(const struct dot_output *output, size_t rows, const int32_t *acc,
                       int8_t *out);

/* bytes_avx2.c */
void largest_avx2(const int8_t *x, const struct dot_window *window, int8_t *out);
void average_avx2(const int8_t *x, const struct dot_window *window, int low, int high, int8_t *out);
void look_up_avx2(const struct dot_table *table, size_t count, const unsigned char *x,
                  unsigned char *out);

#endif
