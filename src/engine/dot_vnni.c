/* AVX-512 VNNI: four products of unsigned activations and signed weights a lane (vpdpbusd, which
 * wraps and does not saturate). */
#include <immintrin.h>
#include <string.h>

#include "engine/dot_avx2.h"

#define LANES       16
#define GROUPS_MOST 4
#define ROWS_MOST   8

static void pack(size_t count, const int8_t *x, int zero_point, unsigned char *packed) {
    (void)zero_point; /* subtracted through the sums of the weights */
    const __m512i flip = _mm512_set1_epi8(-128);
    size_t i = 0;
    for (; i + 64 <= count; i += 64)
        _mm512_storeu_si512(packed + i, _mm512_xor_si512(_mm512_loadu_si512(x + i), flip));
    __mmask64 rest = ((__mmask64)1 << (count - i)) - 1;
    _mm512_mask_storeu_epi8(packed + i, rest,
                            _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, x + i), flip));
}

/* At one step: to the sums of all rows their products of all groups' weights. */
static inline __attribute__((always_inline)) void
add_step(const int rows, const int groups, const unsigned char *const from[ROWS_MOST], size_t at,
         const unsigned char *weights, size_t group_bytes, __m512i sum[ROWS_MOST][GROUPS_MOST]) {
    __m512i w[GROUPS_MOST];
    DOT_UNROLL
    for (int g = 0; g < groups; g++) w[g] = _mm512_load_si512(weights + (size_t)g * group_bytes);
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        int32_t lane;
        memcpy(&lane, from[r] + at, 4);
        __m512i a = _mm512_set1_epi32(lane);
        DOT_UNROLL
        for (int g = 0; g < groups; g++) sum[r][g] = _mm512_dpbusd_epi32(sum[r][g], a, w[g]);
    }
}

/* `rows` and `groups` are constants where this is inlined, so that the sums stay in registers.
 * With a list only its steps, of a single segment. */
static inline __attribute__((always_inline)) void
block(const struct dot *dot, const unsigned char *activations, const int rows, const int groups,
      const uint32_t *row_offset, const struct dot_list *list, int first, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    size_t group_bytes = (size_t)dot->segments * (size_t)dot->steps * 64;
    const unsigned char *weights = dot->weights + (size_t)first * group_bytes;
    const unsigned char *from[ROWS_MOST];
    __m512i sum[ROWS_MOST][GROUPS_MOST];
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = activations + row_offset[r];
        DOT_UNROLL
        for (int g = 0; g < groups; g++)
            sum[r][g] = _mm512_load_si512(dot->start + (first + g) * DOT_GROUP);
    }
    if (list)
        for (int i = 0; i < list->count; i++) {
            size_t step = list->steps[i];
            add_step(rows, groups, from, 4 * step, weights + 64 * step, group_bytes, sum);
        }
    else
        for (int s = 0; s < dot->segments; s++) {
            size_t at = dot->segment_offset[s], end = at + 4 * (size_t)dot->steps;
            for (; at < end; at += 4, weights += 64)
                add_step(rows, groups, from, at, weights, group_bytes, sum);
        }
    DOT_UNROLL
    for (int r = 0; r < rows; r++) DOT_UNROLL
    for (int g = 0; g < groups; g++)
        _mm512_store_si512(acc + (size_t)r * stride + (size_t)(first + g) * DOT_GROUP, sum[r][g]);
}

/* All rows for some groups of channels.  The last full block overlaps the one before it: the same
 * sums twice cost less than a block of every size. */
static inline __attribute__((always_inline)) void
sweep(const struct dot *dot, const unsigned char *activations, size_t rows, const int block_rows,
      const int groups, const uint32_t *row_offset, int first, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP, step = (size_t)block_rows;
    if (rows < step) {
        for (size_t row = 0; row < rows; row++)
            block(dot, activations, 1, groups, row_offset + row, NULL, first, acc + row * stride);
        return;
    }
    for (size_t row = 0; row < rows; row += step) {
        if (row > rows - step) row = rows - step;
        block(dot, activations, block_rows, groups, row_offset + row, NULL, first,
              acc + row * stride);
    }
}

#define LISTED_ROWS 6

/* Rows of many steps that share zeros. */
static void multiply_listed(const struct dot *dot, const unsigned char *activations, size_t rows,
                            const uint32_t *row_offset, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    struct dot_list list;
    for (size_t row = 0; row < rows; row += LISTED_ROWS) {
        if (row > rows - LISTED_ROWS) row = rows - LISTED_ROWS;
        const uint32_t *offset = row_offset + row;
        int32_t *to = acc + row * stride;
        list.count =
            steps_with_values_avx2(activations, LISTED_ROWS, offset, dot->steps, list.steps);
        int group = 0;
        for (; dot->groups - group >= 4; group += 4)
            block(dot, activations, LISTED_ROWS, 4, offset, &list, group, to);
        for (; group < dot->groups; group++)
            block(dot, activations, LISTED_ROWS, 1, offset, &list, group, to);
    }
}

static void multiply(const struct dot *dot, const unsigned char *activations, size_t rows,
                     const uint32_t *row_offset, int32_t *acc) {
    if (rows >= LISTED_ROWS && dot_wants_lists(dot)) {
        multiply_listed(dot, activations, rows, row_offset, acc);
        return;
    }
    int group = 0;
    for (; dot->groups - group >= 4; group += 4)
        sweep(dot, activations, rows, 6, 4, row_offset, group, acc);
    for (; dot->groups - group >= 2; group += 2)
        sweep(dot, activations, rows, 8, 2, row_offset, group, acc);
    for (; group < dot->groups; group++)
        sweep(dot, activations, rows, 8, 1, row_offset, group, acc);
}

/* Low 32 bits of (a * b + 2^30) >> 31 for each lane. */
static inline __m512i multiply_high(__m512i a, __m512i b) {
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 30);
    __m512i even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
    __m512i odd = _mm512_add_epi64(
        _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)), half);
    return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}

/* Division by 2^bits, ties away from zero. */
static inline __m512i shift_right(__m512i x, __m512i bits) {
    const __m512i ones = _mm512_set1_epi32(-1);
    __m512i mask = _mm512_andnot_si512(_mm512_sllv_epi32(ones, bits), ones);
    __m512i threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(x, 31));
    __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, mask), threshold);
    __m512i shifted = _mm512_srav_epi32(x, bits);
    return _mm512_mask_sub_epi32(shifted, up, shifted, ones);
}

static inline void store_bytes(__m512i x, const struct dot_output *output, int8_t *out,
                               size_t count) {
    /* Clamped before the zero point is added, so that the sum cannot wrap. */
    __m512i low = _mm512_set1_epi32(output->low - output->zero_point);
    __m512i high = _mm512_set1_epi32(output->high - output->zero_point);
    x = _mm512_add_epi32(_mm512_min_epi32(_mm512_max_epi32(x, low), high),
                         _mm512_set1_epi32(output->zero_point));
    __mmask16 mask = count >= LANES ? 0xffff : (__mmask16)((1u << count) - 1);
    _mm512_mask_cvtepi32_storeu_epi8(out, mask, x);
}

static inline __m512i largest_sums(int window, size_t stride, const int32_t *acc) {
    __m512i most = _mm512_loadu_si512(acc);
    for (int i = 1; i < window; i++)
        most = _mm512_max_epi32(most, _mm512_loadu_si512(acc + (size_t)i * stride));
    return most;
}

static void output_fixed(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    size_t step = stride * (size_t)output->window;
    for (size_t c = 0; c < channels; c += LANES) {
        __m512i left = _mm512_loadu_si512(output->shift_left + c);
        __m512i right = _mm512_loadu_si512(output->shift_right + c);
        __m512i multiplier = _mm512_loadu_si512(output->multiplier + c);
        for (size_t row = 0; row < rows; row++) {
            __m512i x = largest_sums(output->window, stride, acc + row * step + c);
            x = multiply_high(_mm512_sllv_epi32(x, left), multiplier);
            store_bytes(shift_right(x, right), output, out + row * channels + c, channels - c);
        }
    }
}

static void output_float(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    size_t step = stride * (size_t)output->window;
    __m512 low = _mm512_set1_ps((float)(output->low - output->zero_point));
    __m512 high = _mm512_set1_ps((float)(output->high - output->zero_point));
    for (size_t c = 0; c < channels; c += LANES) {
        __m512 factor = _mm512_loadu_ps(output->factor + c);
        for (size_t row = 0; row < rows; row++) {
            __m512i sum = largest_sums(output->window, stride, acc + row * step + c);
            __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), factor);
            x = _mm512_max_ps(_mm512_min_ps(x, high), low);
            store_bytes(_mm512_cvtps_epi32(x), output, out + row * channels + c, channels - c);
        }
    }
}

/* Eight sums, scaled, clamped and rounded half away from zero. */
static inline __m256i exact(__m256i sums, const double *factor, __m512d low, __m512d high) {
    __m512d x = _mm512_mul_pd(_mm512_cvtepi32_pd(sums), _mm512_loadu_pd(factor));
    x = _mm512_max_pd(_mm512_min_pd(x, high), low);
    __m512d whole = _mm512_roundscale_pd(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    __m512d rest = _mm512_sub_pd(x, whole), one = _mm512_set1_pd(1);
    __mmask8 up = _mm512_cmp_pd_mask(rest, _mm512_set1_pd(0.5), _CMP_GE_OQ);
    __mmask8 down = _mm512_cmp_pd_mask(rest, _mm512_set1_pd(-0.5), _CMP_LE_OQ);
    whole = _mm512_mask_add_pd(whole, up, whole, one);
    return _mm512_cvtpd_epi32(_mm512_mask_sub_pd(whole, down, whole, one));
}

static void output_exact(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    size_t step = stride * (size_t)output->window;
    __m512d low = _mm512_set1_pd(output->low - output->zero_point);
    __m512d high = _mm512_set1_pd(output->high - output->zero_point);
    for (size_t row = 0; row < rows; row++, acc += step, out += channels)
        for (size_t c = 0; c < channels; c += LANES) {
            __m512i sums = largest_sums(output->window, stride, acc + c);
            const double *factor = output->exact_factor + c;
            __m256i first = exact(_mm512_castsi512_si256(sums), factor, low, high);
            __m256i second = exact(_mm512_extracti64x4_epi64(sums, 1), factor + 8, low, high);
            __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
            store_bytes(both, output, out + c, channels - c);
        }
}

const struct dot_kernels dot_vnni = {
    .name = "vnni",
    .depth = 4,
    .activation_bytes = 1,
    .activation_offset = 128,
    .pack = pack,
    .pack_words = pack_words_avx2,
    .multiply = multiply,
    .multiply_taps = multiply_taps_avx2,
    .output_fixed = output_fixed,
    .output_float = output_float,
    .output_exact = output_exact,
    .largest = largest_avx2,
    .average = average_avx2,
    .look_up = look_up_avx2,
};
