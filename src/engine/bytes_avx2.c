/* AVX2: pooling and functions of bytes. */
#include <immintrin.h>
#include <string.h>

#include "engine/dot_avx2.h"

static void largest_of_one(const int8_t *x, const struct dot_window *window, int8_t *out) {
    size_t channels = window->channels, c = 0;
    for (; c + 16 <= channels; c += 16) {
        __m128i most = _mm_set1_epi8(-128);
        for (int row = 0; row < window->height; row++) {
            const int8_t *from = x + (size_t)row * window->row_stride + c;
            for (int column = 0; column < window->width; column++, from += channels)
                most = _mm_max_epi8(most, _mm_loadu_si128((const __m128i *)(const void *)from));
        }
        _mm_storeu_si128((__m128i *)(void *)(out + c), most);
    }
    for (; c < channels; c++) {
        int8_t most = -128;
        for (int row = 0; row < window->height; row++) {
            const int8_t *from = x + (size_t)row * window->row_stride + c;
            for (int column = 0; column < window->width; column++, from += channels)
                most = *from > most ? *from : most;
        }
        out[c] = most;
    }
}

void largest_avx2(const int8_t *x, const struct dot_window *window, int8_t *out) {
    for (size_t i = 0; i < window->count; i++)
        largest_of_one(x + i * window->step, window, out + i * window->channels);
}

/* Sums in words, up to 255 pixels.  Their size with half the pixels added, v < 2^15, is divided by
 * n > 1 pixels exactly: with 2^s < n <= 2^(s + 1) and m = ceil(2^(16 + s) / n), which has 16 bits,
 * floor(v / n) = v * m >> (16 + s), since v * (m * n - 2^(16 + s)) < v * n <= 2^(16 + s). */
static void average_sixteen(const int8_t *x, const struct dot_window *window, __m256i factor,
                            int shift, __m128i low, __m128i high, int8_t *out) {
    const __m256i half = _mm256_set1_epi16((short)(window->height * window->width / 2));
    __m256i sum = _mm256_setzero_si256();
    for (int row = 0; row < window->height; row++) {
        const int8_t *from = x + (size_t)row * window->row_stride;
        for (int column = 0; column < window->width; column++, from += window->channels)
            sum = _mm256_add_epi16(
                sum, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)from)));
    }
    __m256i size = _mm256_add_epi16(_mm256_abs_epi16(sum), half);
    size = _mm256_srl_epi16(_mm256_mulhi_epu16(size, factor), _mm_cvtsi32_si128(shift));
    __m256i mean = _mm256_sign_epi16(size, sum);
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(mean), _mm256_extracti128_si256(mean, 1));
    bytes = _mm_min_epi8(_mm_max_epi8(bytes, low), high);
    _mm_storeu_si128((__m128i *)(void *)out, bytes);
}

void average_avx2(const int8_t *x, const struct dot_window *window, int low, int high,
                  int8_t *out) {
    int pixels = window->height * window->width;
    if (window->channels < 16 || pixels < 2 || pixels > 255) {
        dot_plain.average(x, window, low, high, out);
        return;
    }
    int shift = 0;
    while (2 << shift < pixels) shift++;
    int numerator = 1 << (16 + shift);
    const __m256i factor = _mm256_set1_epi16((short)((numerator + pixels - 1) / pixels));
    const __m128i least = _mm_set1_epi8((char)low), most = _mm_set1_epi8((char)high);
    size_t last = window->channels - 16;
    /* The last sixteen channels may overlap the ones before. */
    for (size_t i = 0; i < window->count; i++, x += window->step, out += window->channels) {
        for (size_t c = 0; c < last; c += 16)
            average_sixteen(x + c, window, factor, shift, least, most, out + c);
        average_sixteen(x + last, window, factor, shift, least, most, out + last);
    }
}

static void add(unsigned char summand, size_t count, const unsigned char *x, unsigned char *out) {
    const __m256i all = _mm256_set1_epi8((char)summand);
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_add_epi8(bytes, all));
    }
    for (; i < count; i++) out[i] = (unsigned char)(x[i] + summand);
}

/* A byte shuffle looks up 16 bytes, and gives 0 where an index is negative: of the 16 parts of the
 * table all but one say 0. */
void look_up_avx2(const struct dot_table *table, size_t count, const unsigned char *x,
                  unsigned char *out) {
    if (table->is_sum) {
        add(table->bytes[0], count, x, out);
        return;
    }
    const __m256i outside = _mm256_set1_epi8(0x70);
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(x + i + 32));
        __m256i found_a = _mm256_setzero_si256(), found_b = found_a;
        for (int part = 0; part < 16; part++) {
            __m256i high = _mm256_set1_epi8((char)(part * 16));
            __m256i bytes = _mm256_broadcastsi128_si256(
                _mm_loadu_si128((const __m128i *)(const void *)(table->bytes + part * 16)));
            __m256i at_a = _mm256_adds_epu8(_mm256_xor_si256(a, high), outside);
            __m256i at_b = _mm256_adds_epu8(_mm256_xor_si256(b, high), outside);
            found_a = _mm256_or_si256(found_a, _mm256_shuffle_epi8(bytes, at_a));
            found_b = _mm256_or_si256(found_b, _mm256_shuffle_epi8(bytes, at_b));
        }
        _mm256_storeu_si256((__m256i *)(void *)(out + i), found_a);
        _mm256_storeu_si256((__m256i *)(void *)(out + i + 32), found_b);
    }
    for (; i < count; i++) out[i] = table->bytes[x[i]];
}
