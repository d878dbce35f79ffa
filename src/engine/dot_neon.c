/* Armv8.2's dot product: four products of signed bytes a lane (sdot, which wraps). */
#include <arm_neon.h>
#include <string.h>

#include "engine/dot.h"

#define BLOCK_ROWS 4 /* 16 sums, 4 weights and 4 activations: of 32 registers */
#define QUARTERS   4 /* of a group of channels */

static void pack(size_t count, const int8_t *x, int zero_point, unsigned char *packed) {
    (void)zero_point; /* subtracted through the sums of the weights */
    memcpy(packed, x, count);
}

static void pack_words(size_t count, const int8_t *x, int zero_point, unsigned char *packed) {
    const int16x8_t zero = vdupq_n_s16((int16_t)zero_point);
    int16_t *to = (int16_t *)(void *)packed;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) vst1q_s16(to + i, vsubq_s16(vmovl_s8(vld1_s8(x + i)), zero));
    for (; i < count; i++) to[i] = (int16_t)(x[i] - zero_point);
}

/* ---- products ---- */

/* `rows` is a constant where this is inlined, so that the sums stay in registers. */
static inline __attribute__((always_inline)) void block(const struct dot *dot,
                                                        const unsigned char *activations,
                                                        const int rows, const uint32_t *row_offset,
                                                        int group, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    const int8_t *weights = (const int8_t *)dot->weights + (size_t)group * (size_t)dot->segments *
                                                               (size_t)dot->steps * DOT_GROUP *
                                                               sizeof(int32_t);
    const unsigned char *from[BLOCK_ROWS];
    int32x4_t sum[BLOCK_ROWS][QUARTERS];
    DOT_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = activations + row_offset[r];
        DOT_UNROLL
        for (int q = 0; q < QUARTERS; q++)
            sum[r][q] = vld1q_s32(dot->start + group * DOT_GROUP + 4 * q);
    }
    for (int s = 0; s < dot->segments; s++) {
        size_t at = dot->segment_offset[s], end = at + 4 * (size_t)dot->steps;
        for (; at < end; at += 4, weights += DOT_GROUP * 4) {
            int8x16_t w[QUARTERS];
            DOT_UNROLL
            for (int q = 0; q < QUARTERS; q++) w[q] = vld1q_s8(weights + 16 * q);
            DOT_UNROLL
            for (int r = 0; r < rows; r++) {
                int32_t lane;
                memcpy(&lane, from[r] + at, 4);
                int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(lane));
                DOT_UNROLL
                for (int q = 0; q < QUARTERS; q++) sum[r][q] = vdotq_s32(sum[r][q], w[q], a);
            }
        }
    }
    DOT_UNROLL
    for (int r = 0; r < rows; r++) DOT_UNROLL
    for (int q = 0; q < QUARTERS; q++)
        vst1q_s32(acc + (size_t)r * stride + (size_t)group * DOT_GROUP + 4 * (size_t)q, sum[r][q]);
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

static void multiply_taps(const struct dot_taps *taps, const int16_t *activations, size_t rows,
                          const uint32_t *row_offset, int32_t *acc) {
    size_t channels = (size_t)taps->groups * DOT_GROUP;
    for (size_t row = 0; row < rows; row++, acc += channels)
        for (size_t c = 0; c < channels; c += 8) {
            const int16_t *from = activations + row_offset[row] + c, *w = taps->weights + 2 * c;
            int32x4_t low = vld1q_s32(taps->start + c), high = vld1q_s32(taps->start + c + 4);
            for (int pair = 0; pair < taps->pairs; pair++, w += 2 * channels) {
                int16x8x2_t both = vld2q_s16(w); /* one tap's weights, and the other's */
                int16x8_t a = vld1q_s16(from + taps->tap_offset[2 * pair]);
                int16x8_t b = vld1q_s16(from + taps->tap_offset[2 * pair + 1]);
                low = vmlal_s16(low, vget_low_s16(a), vget_low_s16(both.val[0]));
                high = vmlal_high_s16(high, a, both.val[0]);
                low = vmlal_s16(low, vget_low_s16(b), vget_low_s16(both.val[1]));
                high = vmlal_high_s16(high, b, both.val[1]);
            }
            vst1q_s32(acc + c, low);
            vst1q_s32(acc + c + 4, high);
        }
}

/* ---- from sums to bytes ---- */

static inline int32x4_t largest_sums(int window, size_t stride, const int32_t *acc) {
    int32x4_t most = vld1q_s32(acc);
    for (int i = 1; i < window; i++) most = vmaxq_s32(most, vld1q_s32(acc + (size_t)i * stride));
    return most;
}

/* Four channels of a row.  Narrowing saturates, which does no harm before the clamp. */
static inline void store_bytes(const struct dot_output *output, int32x4_t values, size_t c,
                               int8_t *out) {
    size_t count = (size_t)output->channels - c < 4 ? (size_t)output->channels - c : 4;
    int16x4_t words = vqadd_s16(vqmovn_s32(values), vdup_n_s16((int16_t)output->zero_point));
    int8x8_t bytes = vqmovn_s16(vcombine_s16(words, words));
    bytes =
        vmin_s8(vmax_s8(bytes, vdup_n_s8((int8_t)output->low)), vdup_n_s8((int8_t)output->high));
    int32_t all = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);
    memcpy(out + c, &all, count);
}

/* Low 32 bits of (x * multiplier + 2^30) >> 31, then division by 2^right: the rounding shift takes
 * ties up, so what is negative loses 1 before. */
static void output_fixed(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    size_t step = stride * (size_t)output->window;
    for (size_t c = 0; c < channels; c += 4) {
        const int32x4_t left = vld1q_s32(output->shift_left + c);
        const int32x4_t right = vnegq_s32(vld1q_s32(output->shift_right + c));
        const int32x4_t multiplier = vld1q_s32(output->multiplier + c);
        for (size_t row = 0; row < rows; row++) {
            int32x4_t x = largest_sums(output->window, stride, acc + row * step + c);
            x = vqrdmulhq_s32(vshlq_s32(x, left), multiplier);
            x = vqaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31));
            store_bytes(output, vrshlq_s32(x, right), c, out + row * channels);
        }
    }
}

static void output_float(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    size_t step = stride * (size_t)output->window;
    for (size_t c = 0; c < channels; c += 4) {
        const float32x4_t factor = vld1q_f32(output->factor + c);
        for (size_t row = 0; row < rows; row++) {
            int32x4_t sums = largest_sums(output->window, stride, acc + row * step + c);
            float32x4_t x = vmulq_f32(vcvtq_f32_s32(sums), factor);
            store_bytes(output, vcvtnq_s32_f32(x), c, out + row * channels);
        }
    }
}

/* Half away from zero; conversion and narrowing saturate. */
static inline int32x2_t exact(int32x2_t sums, const double *factor) {
    float64x2_t x = vmulq_f64(vcvtq_f64_s64(vmovl_s32(sums)), vld1q_f64(factor));
    return vqmovn_s64(vcvtaq_s64_f64(x));
}

static void output_exact(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    size_t step = stride * (size_t)output->window;
    for (size_t row = 0; row < rows; row++)
        for (size_t c = 0; c < channels; c += 4) {
            int32x4_t sums = largest_sums(output->window, stride, acc + row * step + c);
            int32x4_t x = vcombine_s32(exact(vget_low_s32(sums), output->exact_factor + c),
                                       exact(vget_high_s32(sums), output->exact_factor + c + 2));
            store_bytes(output, x, c, out + row * channels);
        }
}

/* ---- bytes ---- */

static void largest_of_one(const int8_t *x, const struct dot_window *window, int8_t *out) {
    size_t channels = window->channels, c = 0;
    for (; c + 16 <= channels; c += 16) {
        int8x16_t most = vdupq_n_s8(-128);
        for (int row = 0; row < window->height; row++) {
            const int8_t *from = x + (size_t)row * window->row_stride + c;
            for (int column = 0; column < window->width; column++, from += channels)
                most = vmaxq_s8(most, vld1q_s8(from));
        }
        vst1q_s8(out + c, most);
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

static void largest(const int8_t *x, const struct dot_window *window, int8_t *out) {
    for (size_t i = 0; i < window->count; i++)
        largest_of_one(x + i * window->step, window, out + i * window->channels);
}

static void average(const int8_t *x, const struct dot_window *window, int low, int high,
                    int8_t *out) {
    dot_plain.average(x, window, low, high, out);
}

/* An index beyond the 64 bytes of a part leaves what was found before. */
static void look_up(const struct dot_table *table, size_t count, const unsigned char *x,
                    unsigned char *out) {
    const uint8x16x4_t parts[4] = {vld1q_u8_x4(table->bytes), vld1q_u8_x4(table->bytes + 64),
                                   vld1q_u8_x4(table->bytes + 128),
                                   vld1q_u8_x4(table->bytes + 192)};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        uint8x16_t at = vld1q_u8(x + i), found = vqtbl4q_u8(parts[0], at);
        for (int part = 1; part < 4; part++) {
            at = vsubq_u8(at, vdupq_n_u8(64));
            found = vqtbx4q_u8(found, parts[part], at);
        }
        vst1q_u8(out + i, found);
    }
    for (; i < count; i++) out[i] = table->bytes[x[i]];
}

const struct dot_kernels dot_neon = {
    .name = "neon",
    .depth = 4,
    .activation_bytes = 1,
    .activation_offset = 0,
    .pack = pack,
    .pack_words = pack_words,
    .multiply = multiply,
    .multiply_taps = multiply_taps,
    .output_fixed = output_fixed,
    .output_float = output_float,
    .output_exact = output_exact,
    .largest = largest,
    .average = average,
    .look_up = look_up,
};
