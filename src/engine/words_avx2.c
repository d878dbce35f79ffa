/* AVX2: packing, and sums of depthwise convolutions, in words. */
#include <immintrin.h>
#include <string.h>

#include "engine/dot_avx2.h"

void pack_words_avx2(size_t count, const int8_t *x, int zero_point, unsigned char *packed) {
    const __m256i zero = _mm256_set1_epi16((short)zero_point);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i)));
        _mm256_storeu_si256((__m256i *)(packed + 2 * i), _mm256_sub_epi16(wide, zero));
    }
    if (i < count && count >= 16) { /* the last sixteen overlap the ones before */
        i = count - 16;
        __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i)));
        _mm256_storeu_si256((__m256i *)(packed + 2 * i), _mm256_sub_epi16(wide, zero));
        return;
    }
    for (; i < count; i++) {
        int16_t value = (int16_t)(x[i] - zero_point);
        memcpy(packed + 2 * i, &value, 2);
    }
}

static inline __m256i load_steps(const unsigned char *from) {
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

int steps_with_values_avx2(const unsigned char *activations, int rows, const uint32_t *row_offset,
                           int steps, uint16_t *list) {
    int count = 0;
    for (int step = 0; step < steps; step += 8) {
        const unsigned char *from = activations + 4 * (size_t)step;
        __m256i any = load_steps(from + row_offset[0]);
        for (int r = 1; r < rows; r++) any = _mm256_or_si256(any, load_steps(from + row_offset[r]));
        __m256i zeros = _mm256_cmpeq_epi32(any, _mm256_setzero_si256());
        unsigned bits = ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(zeros)) & 0xff;
        if (steps - step < 8) bits &= (1u << (steps - step)) - 1;
        /* Written whether it stays or not: a branch would be guessed wrong as often as not. */
        DOT_UNROLL
        for (int lane = 0; lane < 8; lane++) {
            list[count] = (uint16_t)(step + lane);
            count += (int)(bits >> lane & 1);
        }
    }
    return count;
}

static inline __m256i load_words(const int16_t *from) {
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

#define TAP_ROWS 4

/* Two taps of sixteen channels are interleaved as the lanes allow: 0..3 and 8..11, 4..7 and 12..15.
 * So the weights are too, and the sums are put in order at the end. */
static inline __attribute__((always_inline)) void
tap_block(const struct dot_taps *taps, const int16_t *activations, const int rows,
          const uint32_t *row_offset, size_t c, int32_t *acc) {
    size_t channels = (size_t)taps->groups * DOT_GROUP;
    const int16_t *from[TAP_ROWS], *w = taps->weights + 2 * c;
    __m256i sum[TAP_ROWS][2];
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = activations + row_offset[r] + c;
        sum[r][0] = sum[r][1] = _mm256_setzero_si256();
    }
    for (int pair = 0; pair < taps->pairs; pair++, w += 2 * channels) {
        __m256i w0 = load_words(w), w1 = load_words(w + DOT_GROUP);
        __m256i low = _mm256_permute2x128_si256(w0, w1, 0x20);
        __m256i high = _mm256_permute2x128_si256(w0, w1, 0x31);
        size_t first = taps->tap_offset[2 * pair], second = taps->tap_offset[2 * pair + 1];
        DOT_UNROLL
        for (int r = 0; r < rows; r++) {
            __m256i a = load_words(from[r] + first), b = load_words(from[r] + second);
            sum[r][0] =
                _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), low));
            sum[r][1] =
                _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), high));
        }
    }
    const __m256i *start = (const __m256i *)(const void *)(taps->start + c);
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        __m256i *to = (__m256i *)(void *)(acc + (size_t)r * channels + c);
        __m256i head = _mm256_permute2x128_si256(sum[r][0], sum[r][1], 0x20);
        __m256i tail = _mm256_permute2x128_si256(sum[r][0], sum[r][1], 0x31);
        _mm256_store_si256(to, _mm256_add_epi32(_mm256_load_si256(start), head));
        _mm256_store_si256(to + 1, _mm256_add_epi32(_mm256_load_si256(start + 1), tail));
    }
}

void multiply_taps_avx2(const struct dot_taps *taps, const int16_t *activations, size_t rows,
                        const uint32_t *row_offset, int32_t *acc) {
    size_t channels = (size_t)taps->groups * DOT_GROUP;
    for (size_t c = 0; c < channels; c += DOT_GROUP) {
        size_t row = 0;
        for (; row + TAP_ROWS <= rows; row += TAP_ROWS)
            tap_block(taps, activations, TAP_ROWS, row_offset + row, c, acc + row * channels);
        for (; row < rows; row++)
            tap_block(taps, activations, 1, row_offset + row, c, acc + row * channels);
    }
}
