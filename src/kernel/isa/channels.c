#include "kernel/isa/level.h"

enum terms { TERMS_VALUES, TERMS_SQUARES, TERMS_PRODUCTS };

ALWAYS_INLINE vfloat block_sum(size_t rows, size_t channels, size_t count, const enum terms terms,
                               const float *x, vfloat mean, const float *dy) {
    vfloat sum = v_set(0);
    for (size_t r = 0, i = 0; r < rows; r++, i += channels) {
        vfloat v = load_count(x + i, count);
        if (terms == TERMS_VALUES) {
            sum += v;
        } else {
            v -= mean;
            sum = v_fma(v, terms == TERMS_SQUARES ? v : load_count(dy + i, count), sum);
        }
    }
    return sum;
}

ALWAYS_INLINE void sum_blocks(size_t rows, size_t channels, size_t c, size_t count,
                              const enum terms terms, const float *x, const float *mean,
                              const float *dy, float *sums) {
    vfloat sum = v_set(0), center = mean ? load_count(mean + c, count) : v_set(0);
    for (size_t begin = 0; begin < rows; begin += CHANNEL_BLOCK) {
        size_t block = rows - begin < CHANNEL_BLOCK ? rows - begin : CHANNEL_BLOCK;
        size_t at = begin * channels + c;
        sum += block_sum(block, channels, count, terms, x + at, center, dy ? dy + at : NULL);
    }
    store_count(sums + c, sum, count);
}

void ISA(channel_sums)(size_t rows, size_t channels, size_t begin, size_t end, const float *x,
                       const float *mean, const float *dy, float *sums) {
    for (size_t c = begin; c < end; c += V_LANES) {
        size_t count = end - c < V_LANES ? end - c : V_LANES;
        if (!mean)
            sum_blocks(rows, channels, c, count, TERMS_VALUES, x, NULL, NULL, sums);
        else if (!dy)
            sum_blocks(rows, channels, c, count, TERMS_SQUARES, x, mean, NULL, sums);
        else
            sum_blocks(rows, channels, c, count, TERMS_PRODUCTS, x, mean, dy, sums);
    }
}

void ISA(channel_normalize)(size_t rows, size_t channels, const float *x, const float *mean,
                            const float *factor, const float *shift, float *y) {
    for (size_t c = 0; c < channels; c += V_LANES) {
        size_t count = channels - c;
        vfloat m = load_count(mean + c, count), f = load_count(factor + c, count);
        vfloat s = load_count(shift + c, count);
        for (size_t r = 0, i = c; r < rows; r++, i += channels)
            store_count(y + i, v_fma(load_count(x + i, count) - m, f, s), count);
    }
}

void ISA(channel_normalize_backward)(size_t rows, size_t channels, const float *x,
                                     const float *mean, const float *factor, const float *by_mean,
                                     const float *by_x, const float *dy, float *dx) {
    for (size_t c = 0; c < channels; c += V_LANES) {
        size_t count = channels - c;
        vfloat m = load_count(mean + c, count), f = load_count(factor + c, count);
        vfloat a = load_count(by_mean + c, count), b = load_count(by_x + c, count);
        for (size_t r = 0, i = c; r < rows; r++, i += channels) {
            vfloat v = m - load_count(x + i, count);
            store_count(dx + i, v_fma(v, b, load_count(dy + i, count) - a) * f, count);
        }
    }
}
