/* Plain C: the definition that the other sets are compared with, and what machines without a set
 * of their own run. */
#include <string.h>

#include "engine/dot.h"
#include "engine/fixed.h"

static void pack(size_t count, const int8_t *x, int zero_point, unsigned char *packed) {
    for (size_t i = 0; i < count; i++) {
        int16_t value = (int16_t)(x[i] - zero_point);
        memcpy(packed + 2 * i, &value, 2);
    }
}

/* Products fit 17 + 7 bits; sums wrap, so they are unsigned. */
static void multiply_run(int steps, const unsigned char *activations, const unsigned char *weights,
                         uint32_t acc[DOT_GROUP]) {
    for (int step = 0; step < steps; step++) {
        int16_t a, w[DOT_GROUP];
        memcpy(&a, activations + 2 * step, sizeof a);
        memcpy(w, weights + sizeof w * (size_t)step, sizeof w);
        for (int c = 0; c < DOT_GROUP; c++) acc[c] += (uint32_t)(a * w[c]);
    }
}

static void multiply(const struct dot *dot, const unsigned char *activations, size_t rows,
                     const uint32_t *row_offset, int32_t *acc) {
    size_t stride = (size_t)dot->groups * DOT_GROUP;
    size_t run_bytes = (size_t)dot->steps * DOT_GROUP * sizeof(int16_t);
    for (int group = 0; group < dot->groups; group++)
        for (size_t row = 0; row < rows; row++) {
            const unsigned char *weights =
                dot->weights + (size_t)group * (size_t)dot->segments * run_bytes;
            uint32_t sum[DOT_GROUP];
            memcpy(sum, dot->start + group * DOT_GROUP, sizeof sum);
            for (int s = 0; s < dot->segments; s++, weights += run_bytes)
                multiply_run(dot->steps, activations + row_offset[row] + dot->segment_offset[s],
                             weights, sum);
            memcpy(acc + row * stride + (size_t)group * DOT_GROUP, sum, sizeof sum);
        }
}

static void output_fixed(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    for (size_t row = 0; row < rows; row++, acc += stride, out += channels)
        for (size_t c = 0; c < channels; c++) {
            struct fixed by = {output->multiplier[c],
                               output->shift_left[c] - output->shift_right[c]};
            int64_t scaled = (int64_t)fixed_scale(acc[c], by) + output->zero_point;
            out[c] = (int8_t)fixed_clamp(scaled, output->low, output->high);
        }
}

static void output_float(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    /* Adding and taking off 1.5 * 2^23 rounds a small float half to even. */
    const float magic = 12582912.0f;
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    float low = (float)(output->low - output->zero_point);
    float high = (float)(output->high - output->zero_point);
    for (size_t row = 0; row < rows; row++, acc += stride, out += channels)
        for (size_t c = 0; c < channels; c++) {
            float scaled = (float)acc[c] * output->factor[c];
            scaled = scaled > high ? high : scaled < low ? low : scaled;
            float shifted = scaled + magic;
            out[c] = (int8_t)((int32_t)(shifted - magic) + output->zero_point);
        }
}

static void output_exact(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    double low = output->low - output->zero_point, high = output->high - output->zero_point;
    for (size_t row = 0; row < rows; row++, acc += stride, out += channels)
        for (size_t c = 0; c < channels; c++) {
            double scaled = acc[c] * output->exact_factor[c];
            scaled = scaled > high ? high : scaled < low ? low : scaled;
            out[c] = (int8_t)(fixed_round(scaled) + output->zero_point);
        }
}

static void largest(const int8_t *x, int height, int width, size_t row_stride, size_t channels,
                    int8_t *out) {
    memcpy(out, x, channels);
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            const int8_t *from = x + (size_t)row * row_stride + (size_t)column * channels;
            for (size_t c = 0; c < channels; c++) out[c] = from[c] > out[c] ? from[c] : out[c];
        }
}

const struct dot_kernels dot_plain = {
    .name = "plain",
    .depth = 1,
    .activation_bytes = 2,
    .pack = pack,
    .multiply = multiply,
    .output_fixed = output_fixed,
    .output_float = output_float,
    .output_exact = output_exact,
    .largest = largest,
};
