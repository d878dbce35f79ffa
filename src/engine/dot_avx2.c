/* AVX2: 16-bit products summed in pairs (vpmaddwd), which cannot saturate here: an activation less
 * its zero point fits 9 bits and a sign, a weight 8 bits. */
#include <immintrin.h>
#include <string.h>

#include "engine/dot.h"

#define LANES      8
#define BLOCK_ROWS 4

static void pack(size_t count, const int8_t *x, int zero_point, unsigned char *packed) {
    const __m256i zero = _mm256_set1_epi16((short)zero_point);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i)));
        _mm256_storeu_si256((__m256i *)(packed + 2 * i), _mm256_sub_epi16(wide, zero));
    }
    for (; i < count; i++) {
        int16_t value = (int16_t)(x[i] - zero_point);
        memcpy(packed + 2 * i, &value, 2);
    }
}

/* `rows` and is a constant where this is inlined, so that the sums stay in registers. */
static inline __attribute__((always_inline)) void block(const struct dot *dot,
                                                        const unsigned char *activations,
                                                        const int rows, const uint32_t *row_offset,
                                                        int group, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    const __m256i *weights = (const __m256i *)(const void *)dot->weights +
                             2 * (size_t)group * (size_t)dot->segments * (size_t)dot->steps;
    const __m256i *start = (const __m256i *)(const void *)(dot->start + group * DOT_GROUP);
    __m256i sum[BLOCK_ROWS][2];
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        sum[r][0] = _mm256_load_si256(start);
        sum[r][1] = _mm256_load_si256(start + 1);
    }
    for (int s = 0; s < dot->segments; s++) {
        const unsigned char *from[BLOCK_ROWS];
        DOT_UNROLL
        for (int r = 0; r < rows; r++)
            from[r] = activations + row_offset[r] + dot->segment_offset[s];
        for (int step = 0; step < dot->steps; step++, weights += 2) {
            __m256i w0 = _mm256_load_si256(weights), w1 = _mm256_load_si256(weights + 1);
            DOT_UNROLL
            for (int r = 0; r < rows; r++) {
                int32_t pair;
                memcpy(&pair, from[r] + 4 * (size_t)step, 4);
                __m256i a = _mm256_set1_epi32(pair);
                sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(a, w0));
                sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(a, w1));
            }
        }
    }
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        __m256i *to = (__m256i *)(void *)(acc + (size_t)r * stride + (size_t)group * DOT_GROUP);
        _mm256_store_si256(to, sum[r][0]);
        _mm256_store_si256(to + 1, sum[r][1]);
    }
}

static void multiply(const struct dot *dot, const unsigned char *activations, size_t rows,
                     const uint32_t *row_offset, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    for (int group = 0; group < dot->groups; group++) {
        size_t row = 0;
        for (; row + BLOCK_ROWS <= rows; row += BLOCK_ROWS)
            block(dot, activations, BLOCK_ROWS, row_offset + row, group, acc + row * stride);
        for (; row < rows; row++)
            block(dot, activations, 1, row_offset + row, group, acc + row * stride);
    }
}

/* Low 32 bits of (a * b + 2^30) >> 31 for each lane. */
static inline __m256i multiply_high(__m256i a, __m256i b) {
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30);
    __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
    __m256i odd = _mm256_add_epi64(
        _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
}

/* Division by 2^bits, ties away from zero. */
static inline __m256i shift_right(__m256i x, __m256i bits) {
    const __m256i ones = _mm256_set1_epi32(-1);
    __m256i mask = _mm256_andnot_si256(_mm256_sllv_epi32(ones, bits), ones);
    __m256i threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(x, 31));
    __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(x, mask), threshold);
    return _mm256_sub_epi32(_mm256_srav_epi32(x, bits), up);
}

/* Eight clamped values to eight bytes, `count` of them stored. */
static inline void store_bytes(__m256i values, int8_t *out, size_t count) {
    __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
    __m128i bytes = _mm_packs_epi16(words, words);
    if (count >= LANES) {
        _mm_storel_epi64((__m128i *)(void *)out, bytes);
    } else {
        int64_t all = _mm_cvtsi128_si64(bytes);
        memcpy(out, &all, count);
    }
}

static inline __m256i clamp(__m256i x, const struct dot_output *output) {
    /* Clamped before the zero point is added, so that the sum cannot wrap. */
    __m256i low = _mm256_set1_epi32(output->low - output->zero_point);
    __m256i high = _mm256_set1_epi32(output->high - output->zero_point);
    return _mm256_add_epi32(_mm256_min_epi32(_mm256_max_epi32(x, low), high),
                            _mm256_set1_epi32(output->zero_point));
}

static inline __m256i load(const int32_t *from) {
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

static void output_fixed(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    for (size_t row = 0; row < rows; row++, acc += stride, out += channels)
        for (size_t c = 0; c < channels; c += LANES) {
            __m256i x = _mm256_sllv_epi32(load(acc + c), load(output->shift_left + c));
            x = multiply_high(x, load(output->multiplier + c));
            x = shift_right(x, load(output->shift_right + c));
            store_bytes(clamp(x, output), out + c, channels - c);
        }
}

static void output_float(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    __m256 low = _mm256_set1_ps((float)(output->low - output->zero_point));
    __m256 high = _mm256_set1_ps((float)(output->high - output->zero_point));
    for (size_t row = 0; row < rows; row++, acc += stride, out += channels)
        for (size_t c = 0; c < channels; c += LANES) {
            __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(load(acc + c)),
                                     _mm256_loadu_ps(output->factor + c));
            x = _mm256_max_ps(_mm256_min_ps(x, high), low);
            store_bytes(clamp(_mm256_cvtps_epi32(x), output), out + c, channels - c);
        }
}

/* Four sums, scaled, clamped and rounded half away from zero. */
static inline __m128i exact(__m128i sums, const double *factor, __m256d low, __m256d high) {
    __m256d x = _mm256_mul_pd(_mm256_cvtepi32_pd(sums), _mm256_loadu_pd(factor));
    x = _mm256_max_pd(_mm256_min_pd(x, high), low);
    __m256d whole = _mm256_round_pd(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    __m256d rest = _mm256_sub_pd(x, whole), one = _mm256_set1_pd(1);
    __m256d up = _mm256_cmp_pd(rest, _mm256_set1_pd(0.5), _CMP_GE_OQ);
    __m256d down = _mm256_cmp_pd(rest, _mm256_set1_pd(-0.5), _CMP_LE_OQ);
    whole = _mm256_add_pd(whole, _mm256_and_pd(up, one));
    return _mm256_cvtpd_epi32(_mm256_sub_pd(whole, _mm256_and_pd(down, one)));
}

static void output_exact(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    __m256d low = _mm256_set1_pd(output->low - output->zero_point);
    __m256d high = _mm256_set1_pd(output->high - output->zero_point);
    for (size_t row = 0; row < rows; row++, acc += stride, out += channels)
        for (size_t c = 0; c < channels; c += LANES) {
            __m256i sums = load(acc + c);
            const double *factor = output->exact_factor + c;
            __m128i first = exact(_mm256_castsi256_si128(sums), factor, low, high);
            __m128i second = exact(_mm256_extracti128_si256(sums, 1), factor + 4, low, high);
            store_bytes(clamp(_mm256_set_m128i(second, first), output), out + c, channels - c);
        }
}

static void largest(const int8_t *x, int height, int width, size_t row_stride, size_t channels,
                    int8_t *out) {
    size_t c = 0;
    for (; c + 16 <= channels; c += 16) {
        __m128i most = _mm_set1_epi8(-128);
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++) {
                const int8_t *from = x + (size_t)row * row_stride + (size_t)column * channels + c;
                most = _mm_max_epi8(most, _mm_loadu_si128((const __m128i *)(const void *)from));
            }
        _mm_storeu_si128((__m128i *)(void *)(out + c), most);
    }
    for (; c < channels; c++) {
        int8_t most = -128;
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++) {
                int8_t value = x[(size_t)row * row_stride + (size_t)column * channels + c];
                most = value > most ? value : most;
            }
        out[c] = most;
    }
}

const struct dot_kernels dot_avx2 = {
    .name = "avx2",
    .depth = 2,
    .activation_bytes = 2,
    .pack = pack,
    .multiply = multiply,
    .output_fixed = output_fixed,
    .output_float = output_float,
    .output_exact = output_exact,
    .largest = largest,
};
