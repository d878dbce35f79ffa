/* The matrix kernel of the sets whose registers hold 8 sums.  Compiled twice:
 *   for AVX2      16-bit products summed in pairs (vpmaddwd), which cannot saturate here: an
 *                 activation less its zero point fits 9 bits and a sign, a weight 8 bits
 *   DOT_AVXVNNI   four products of unsigned activations and signed weights (vpdpbusd, which wraps
 *                 and does not saturate), as AVX-512 VNNI has it
 */
#include <immintrin.h>
#include <string.h>

#include "engine/dot_avx2.h"

static inline __m256i multiply_add(__m256i sum, __m256i activations, __m256i weights) {
#ifdef DOT_AVXVNNI
    return _mm256_dpbusd_avx_epi32(sum, activations, weights);
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(activations, weights));
#endif
}

#define BLOCK_ROWS 6 /* 12 sums, 2 weights, an activation and a product: 16 registers */

/* At one step: to the sums of all rows their products of two weight vectors. */
static inline __attribute__((always_inline)) void
add_step(const int rows, const unsigned char *const from[BLOCK_ROWS], size_t at,
         const __m256i *weights, __m256i sum[BLOCK_ROWS][2]) {
    __m256i w0 = _mm256_load_si256(weights), w1 = _mm256_load_si256(weights + 1);
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        int32_t lane;
        memcpy(&lane, from[r] + at, 4);
        __m256i a = _mm256_set1_epi32(lane);
        sum[r][0] = multiply_add(sum[r][0], a, w0);
        sum[r][1] = multiply_add(sum[r][1], a, w1);
    }
}

/* `rows` is a constant where this is inlined, so that the sums stay in registers.  With a list only
 * its steps, of a single segment. */
static inline __attribute__((always_inline)) void
block(const struct dot *dot, const unsigned char *activations, const int rows,
      const uint32_t *row_offset, const struct dot_list *list, int group, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    const __m256i *weights = (const __m256i *)(const void *)dot->weights +
                             2 * (size_t)group * (size_t)dot->segments * (size_t)dot->steps;
    const __m256i *start = (const __m256i *)(const void *)(dot->start + group * DOT_GROUP);
    const unsigned char *from[BLOCK_ROWS];
    __m256i sum[BLOCK_ROWS][2];
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = activations + row_offset[r];
        sum[r][0] = _mm256_load_si256(start);
        sum[r][1] = _mm256_load_si256(start + 1);
    }
    if (list)
        for (const uint16_t *at = list->steps, *end = at + list->count; at < end; at++)
            add_step(rows, from, 4 * (size_t)*at, weights + 2 * (size_t)*at, sum);
    else
        for (int s = 0; s < dot->segments; s++) {
            size_t at = dot->segment_offset[s], end = at + 4 * (size_t)dot->steps;
            for (; at < end; at += 4, weights += 2) add_step(rows, from, at, weights, sum);
        }
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        __m256i *to = (__m256i *)(void *)(acc + (size_t)r * stride + (size_t)group * DOT_GROUP);
        _mm256_store_si256(to, sum[r][0]);
        _mm256_store_si256(to + 1, sum[r][1]);
    }
}

/* A function of its own: among a caller's variables the rows' addresses would not stay in
 * registers. */
static __attribute__((noinline)) void
listed_block(const struct dot *dot, const unsigned char *activations, const uint32_t *row_offset,
             const struct dot_list *list, int group, int32_t *acc) {
    block(dot, activations, BLOCK_ROWS, row_offset, list, group, acc);
}

/* Rows of many steps that share zeros. */
static void multiply_listed(const struct dot *dot, const unsigned char *activations, size_t rows,
                            const uint32_t *row_offset, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    struct dot_list list;
    for (size_t row = 0; row < rows; row += BLOCK_ROWS) {
        if (row > rows - BLOCK_ROWS) row = rows - BLOCK_ROWS;
        list.count = steps_with_values_avx2(activations, BLOCK_ROWS, row_offset + row, dot->steps,
                                            list.steps);
        for (int group = 0; group < dot->groups; group++)
            listed_block(dot, activations, row_offset + row, &list, group, acc + row * stride);
    }
}

/* The last full block overlaps the one before it: the same sums twice cost less than rows one by
 * one. */
static void multiply(const struct dot *dot, const unsigned char *activations, size_t rows,
                     const uint32_t *row_offset, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    if (rows >= BLOCK_ROWS && dot_wants_lists(dot)) {
        multiply_listed(dot, activations, rows, row_offset, acc);
        return;
    }
    for (int group = 0; group < dot->groups; group++) {
        size_t row = 0;
        if (rows >= BLOCK_ROWS)
            for (; row < rows; row += BLOCK_ROWS) {
                if (row > rows - BLOCK_ROWS) row = rows - BLOCK_ROWS;
                block(dot, activations, BLOCK_ROWS, row_offset + row, NULL, group,
                      acc + row * stride);
            }
        for (; row + 4 <= rows; row += 4)
            block(dot, activations, 4, row_offset + row, NULL, group, acc + row * stride);
        for (; row < rows; row++)
            block(dot, activations, 1, row_offset + row, NULL, group, acc + row * stride);
    }
}

#ifdef DOT_AVXVNNI
static void pack(size_t count, const int8_t *x, int zero_point, unsigned char *packed) {
    (void)zero_point; /* subtracted through the sums of the weights */
    const __m256i flip = _mm256_set1_epi8(-128);
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        _mm256_storeu_si256((__m256i *)(void *)(packed + i), _mm256_xor_si256(bytes, flip));
    }
    for (; i < count; i++) packed[i] = (unsigned char)(x[i] + 128);
}

const struct dot_kernels dot_avxvnni = {
    .name = "avxvnni",
    .depth = 4,
    .activation_bytes = 1,
    .activation_offset = 128,
    .pack = pack,
    .pack_words = pack_words_avx2,
    .multiply = multiply,
    .multiply_taps = multiply_taps_avx2,
    .output_fixed = output_fixed_avx2,
    .output_float = output_float_avx2,
    .output_exact = output_exact_avx2,
    .largest = largest_avx2,
    .average = average_avx2,
    .look_up = look_up_avx2,
};
#else
const struct dot_kernels dot_avx2 = {
    .name = "avx2",
    .depth = 2,
    .activation_bytes = 2,
    .pack = pack_words_avx2,
    .pack_words = pack_words_avx2,
    .multiply = multiply,
    .multiply_taps = multiply_taps_avx2,
    .output_fixed = output_fixed_avx2,
    .output_float = output_float_avx2,
    .output_exact = output_exact_avx2,
    .largest = largest_avx2,
    .average = average_avx2,
    .look_up = look_up_avx2,
};
#endif
