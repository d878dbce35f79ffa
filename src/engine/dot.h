/* dot: the integer matrix kernels, one set per instruction set.
 *
 * All sets give the same integers; sums wrap modulo 2^32.  Channels are handled 16 at a time.
 * Activations and weights are packed so that one 32-bit lane holds `depth` consecutive values of
 * the summed index k:
 *   depth 4  activations uint8 (q + 128) or int8 (q), weights int8; 128 + zero point, or the
 *            zero point, times the sum of the weights is subtracted in advance
 *   depth 2  activations int16 (q - zero point), weights int16
 *   depth 1  the same, one k at a time (plain C)
 */
#ifndef ENGINE_DOT_H
#define ENGINE_DOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOT_GROUP 16 /* channels handled together */

/* Before a loop of a constant few rounds over registers: at -O2 a compiler would keep them in
 * memory. */
#if defined(__clang__)
#define DOT_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define DOT_UNROLL _Pragma("GCC unroll 8")
#else
#define DOT_UNROLL
#endif

/* acc[row][groups * 16] = start[c] + sum over segments and k of a(row, k) * w(c, k)
 * A row's activations lie in `segments` runs of `steps` lanes each, at activations +
 * row_offset[row] + segment_offset[s] (bytes, any alignment).  The last lane of a run may read
 * past it: weights are 0 there. */
struct dot {
    const unsigned char *weights; /* [groups][segments * steps][16][depth] */
    int groups, segments, steps;
    const uint32_t *segment_offset;
    const int32_t *start; /* [groups * 16] */
};

/* out[row][channels] = clamp(scaled(sum) + zero_point, low, high), where sum is the largest of
 * acc[window * row + i][c], i < window.  Scaling never falls as the sum grows, so that this is max
 * pooling of what the sums would give one by one.  Arrays are padded to a multiple of 16 channels.
 */
struct dot_output {
    int channels, groups;
    int window; /* 1: no pooling */
    int32_t zero_point, low, high;
    /* fixed point */
    const int32_t *multiplier, *shift_left, *shift_right;
    /* float32, rounded half to even */
    const float *factor;
    /* double, rounded half away from zero */
    const double *exact_factor;
};

/* Depthwise: acc[row][groups * 16] = start[c] + sum over taps of a(row, tap)[c] * w[tap][c].
 * Activations are words, q - zero point; tap t of a row lies at activations + row_offset[row] +
 * tap_offset[t].  What lies behind the channels is read, by no more than 15 words: weights are 0
 * there. */
struct dot_taps {
    const int16_t *weights; /* [pairs][groups * 16][2]; an odd last tap is paired with weights 0 */
    int groups, pairs;
    const uint32_t *tap_offset; /* [2 * pairs], in words */
    const int32_t *start;       /* [groups * 16] */
};

/* `count` windows over bytes, `step` bytes from one to the next.  The first holds
 * x[y * row_stride + x * channels + c]. */
struct dot_window {
    int height, width;
    size_t row_stride, channels, count, step;
};

/* A function of a byte. */
struct dot_table {
    unsigned char bytes[256];
    bool is_sum; /* bytes[i] = i + bytes[0] modulo 256 */
};

struct dot_kernels {
    const char *name;
    int depth;
    int activation_bytes;  /* of one packed activation */
    int activation_offset; /* depth 4: what is added to q, 128 or 0 */
    /* x[count] to packed activations */
    void (*pack)(size_t count, const int8_t *x, int zero_point, unsigned char *packed);
    /* the same as words, for multiply_taps */
    void (*pack_words)(size_t count, const int8_t *x, int zero_point, unsigned char *packed);
    void (*multiply)(const struct dot *dot, const unsigned char *activations, size_t rows,
                     const uint32_t *row_offset, int32_t *acc);
    void (*multiply_taps)(const struct dot_taps *taps, const int16_t *activations, size_t rows,
                          const uint32_t *row_offset, int32_t *acc);
    void (*output_fixed)(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out);
    void (*output_float)(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out);
    void (*output_exact)(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out);
    /* out[window][c] = largest of the window */
    void (*largest)(const int8_t *x, const struct dot_window *window, int8_t *out);
    /* out[window][c] = clamp(sum / pixels, low, high), ties away from zero; below 2^23 pixels */
    void (*average)(const int8_t *x, const struct dot_window *window, int low, int high,
                    int8_t *out);
    /* out[i] = table of x[i] */
    void (*look_up)(const struct dot_table *table, size_t count, const unsigned char *x,
                    unsigned char *out);
};

/* Those after the first exist where configure found a compiler for them. */
extern const struct dot_kernels dot_plain, dot_avx2, dot_avxvnni, dot_vnni, dot_neon;

/* The sets that this machine runs at the level of cpu_isa(), plain first, then faster and faster;
 * NULL past the last. */
const struct dot_kernels *dot_kernels_set(int index);
/* The fastest of them, or the one that was forced. */
const struct dot_kernels *dot_kernels_choose(void);
/* For tests and benchmarks; NULL: the fastest again.  Engines made before keep theirs. */
void dot_kernels_force(const struct dot_kernels *kernels);

/* Weights w[channels][segments][segment_count] to the layout above; `packed` has
 * dot_weights_bytes and is zeroed. */
size_t dot_weights_bytes(const struct dot_kernels *kernels, int groups, int segments, int steps);
void dot_pack_weights(const struct dot_kernels *kernels, int channels, int segments,
                      int segment_count, const int8_t *w, unsigned char *packed);

/* Weights w[taps][channels] to those of struct dot_taps, which are zeroed. */
void dot_pack_taps(int channels, int taps, const int8_t *w, int16_t *packed);

void dot_table_finish(struct dot_table *table); /* is_sum from the bytes */

#endif
