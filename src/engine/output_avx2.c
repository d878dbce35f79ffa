/* AVX2: from sums to bytes. */
#include <immintrin.h>
#include <string.h>

#include "engine/dot_avx2.h"

#define LANES 8

static inline __m256i load(const int32_t *from) {
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

/* `window` is a constant where it is usual. */
static inline __attribute__((always_inline)) __m256i largest_sums(const int window, size_t stride,
                                                                  const int32_t *acc) {
    __m256i most = load(acc);
    if (window == 4)
        return _mm256_max_epi32(_mm256_max_epi32(most, load(acc + stride)),
                                _mm256_max_epi32(load(acc + 2 * stride), load(acc + 3 * stride)));
    for (int i = 1; i < window; i++) most = _mm256_max_epi32(most, load(acc + (size_t)i * stride));
    return most;
}

/* Where the bytes of a row go, and how they are clamped.  Packing saturates, which is a clamp
 * which comes before the one to low and high. */
struct store {
    __m128i zero, low, high;
    size_t count; /* bytes, at most LANES */
};

static inline struct store store_of(const struct dot_output *output, size_t c) {
    size_t rest = (size_t)output->channels - c;
    return (struct store){_mm_set1_epi16((short)output->zero_point),
                          _mm_set1_epi8((char)output->low), _mm_set1_epi8((char)output->high),
                          rest < LANES ? rest : LANES};
}

static inline void store_bytes(const struct store *store, __m256i values, int8_t *out) {
    __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
    words = _mm_adds_epi16(words, store->zero);
    __m128i bytes = _mm_packs_epi16(words, words);
    bytes = _mm_min_epi8(_mm_max_epi8(bytes, store->low), store->high);
    if (store->count == LANES) {
        _mm_storel_epi64((__m128i *)(void *)out, bytes);
    } else {
        int64_t all = _mm_cvtsi128_si64(bytes);
        memcpy(out, &all, store->count);
    }
}

/* ---- fixed point ---- */

struct fixed_lanes {
    __m256i left, right, even, odd; /* odd: the multipliers of the odd lanes in the even ones */
    __m256i mask, half;             /* of the bits shifted out, and half of them */
};

static inline struct fixed_lanes fixed_lanes_of(const struct dot_output *output, size_t c) {
    const __m256i ones = _mm256_set1_epi32(-1);
    struct fixed_lanes lanes = {.left = load(output->shift_left + c),
                                .right = load(output->shift_right + c),
                                .even = load(output->multiplier + c)};
    lanes.odd = _mm256_srli_epi64(lanes.even, 32);
    lanes.mask = _mm256_andnot_si256(_mm256_sllv_epi32(ones, lanes.right), ones);
    lanes.half = _mm256_srli_epi32(lanes.mask, 1);
    return lanes;
}

/* Low 32 bits of (x * multiplier + 2^30) >> 31, then division by 2^right, ties away from zero. */
static inline __m256i fixed_scaled(const struct fixed_lanes *lanes, __m256i x) {
    const __m256i nudge = _mm256_set1_epi64x((int64_t)1 << 30);
    x = _mm256_sllv_epi32(x, lanes->left);
    __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, lanes->even), nudge);
    __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), lanes->odd), nudge);
    x = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
    __m256i threshold = _mm256_sub_epi32(lanes->half, _mm256_srai_epi32(x, 31));
    __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(x, lanes->mask), threshold);
    return _mm256_sub_epi32(_mm256_srav_epi32(x, lanes->right), up);
}

static inline __attribute__((always_inline)) void fixed_rows(const struct dot_output *output,
                                                             const int window, size_t rows,
                                                             const int32_t *acc, int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    for (size_t c = 0; c < channels; c += LANES) {
        const struct fixed_lanes lanes = fixed_lanes_of(output, c);
        const struct store store = store_of(output, c);
        for (size_t row = 0; row < rows; row++) {
            __m256i x = largest_sums(window, stride, acc + row * (size_t)window * stride + c);
            store_bytes(&store, fixed_scaled(&lanes, x), out + row * channels + c);
        }
    }
}

void output_fixed_avx2(const struct dot_output *output, size_t rows, const int32_t *acc,
                       int8_t *out) {
    if (output->window == 1)
        fixed_rows(output, 1, rows, acc, out);
    else if (output->window == 4)
        fixed_rows(output, 4, rows, acc, out);
    else
        fixed_rows(output, output->window, rows, acc, out);
}

/* ---- float ---- */

/* As store_bytes, for two vectors side by side, all of whose bytes there are. */
static inline void store_both(const struct store *store, __m256i first, __m256i second,
                              int8_t *out) {
    /* Packing interleaves the halves. */
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xd8);
    words = _mm256_adds_epi16(words, _mm256_broadcastsi128_si256(store->zero));
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    bytes = _mm_min_epi8(_mm_max_epi8(bytes, store->low), store->high);
    _mm_storeu_si128((__m128i *)(void *)out, bytes);
}

static inline __attribute__((always_inline)) void float_rows(const struct dot_output *output,
                                                             const int window, size_t rows,
                                                             const int32_t *acc, int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    /* A conversion out of range gives the least integer: right for values that are too small, so
     * that only large ones are clamped here. */
    const __m256 high = _mm256_set1_ps((float)(output->high - output->zero_point));
    size_t c = 0;
    for (; c + 2 * LANES <= channels; c += 2 * LANES) {
        const __m256 first = _mm256_loadu_ps(output->factor + c);
        const __m256 second = _mm256_loadu_ps(output->factor + c + LANES);
        const struct store store = store_of(output, c);
        for (size_t row = 0; row < rows; row++) {
            const int32_t *from = acc + row * (size_t)window * stride + c;
            __m256 x = _mm256_cvtepi32_ps(largest_sums(window, stride, from));
            __m256 y = _mm256_cvtepi32_ps(largest_sums(window, stride, from + LANES));
            x = _mm256_min_ps(_mm256_mul_ps(x, first), high);
            y = _mm256_min_ps(_mm256_mul_ps(y, second), high);
            store_both(&store, _mm256_cvtps_epi32(x), _mm256_cvtps_epi32(y),
                       out + row * channels + c);
        }
    }
    for (; c < channels; c += LANES) {
        const __m256 factor = _mm256_loadu_ps(output->factor + c);
        const struct store store = store_of(output, c);
        for (size_t row = 0; row < rows; row++) {
            __m256i sum = largest_sums(window, stride, acc + row * (size_t)window * stride + c);
            __m256 x = _mm256_min_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), factor), high);
            store_bytes(&store, _mm256_cvtps_epi32(x), out + row * channels + c);
        }
    }
}

void output_float_avx2(const struct dot_output *output, size_t rows, const int32_t *acc,
                       int8_t *out) {
    if (output->window == 1)
        float_rows(output, 1, rows, acc, out);
    else if (output->window == 4)
        float_rows(output, 4, rows, acc, out);
    else
        float_rows(output, output->window, rows, acc, out);
}

/* ---- double ---- */

/* Four sums, scaled, clamped and rounded half away from zero. */
static inline __m128i exact(__m128i sums, __m256d factor, __m256d low, __m256d high) {
    __m256d x = _mm256_mul_pd(_mm256_cvtepi32_pd(sums), factor);
    x = _mm256_max_pd(_mm256_min_pd(x, high), low);
    __m256d whole = _mm256_round_pd(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    __m256d rest = _mm256_sub_pd(x, whole), one = _mm256_set1_pd(1);
    __m256d up = _mm256_cmp_pd(rest, _mm256_set1_pd(0.5), _CMP_GE_OQ);
    __m256d down = _mm256_cmp_pd(rest, _mm256_set1_pd(-0.5), _CMP_LE_OQ);
    whole = _mm256_add_pd(whole, _mm256_and_pd(up, one));
    return _mm256_cvtpd_epi32(_mm256_sub_pd(whole, _mm256_and_pd(down, one)));
}

void output_exact_avx2(const struct dot_output *output, size_t rows, const int32_t *acc,
                       int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    size_t window = (size_t)output->window;
    const __m256d low = _mm256_set1_pd(output->low - output->zero_point);
    const __m256d high = _mm256_set1_pd(output->high - output->zero_point);
    for (size_t c = 0; c < channels; c += LANES) {
        const __m256d factor = _mm256_loadu_pd(output->exact_factor + c);
        const __m256d factor_4 = _mm256_loadu_pd(output->exact_factor + c + 4);
        const struct store store = store_of(output, c);
        for (size_t row = 0; row < rows; row++) {
            __m256i sums = largest_sums((int)window, stride, acc + row * window * stride + c);
            __m128i first = exact(_mm256_castsi256_si128(sums), factor, low, high);
            __m128i second = exact(_mm256_extracti128_si256(sums, 1), factor_4, low, high);
            store_bytes(&store, _mm256_set_m128i(second, first), out + row * channels + c);
        }
    }
}
