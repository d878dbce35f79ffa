/* Plain C: the reference for the other sets, and the set of machines that run none of them. */
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

static void multiply_taps(const struct dot_taps *taps, const int16_t *activations, size_t rows,
                          const uint32_t *row_offset, int32_t *acc) {
    size_t channels = (size_t)taps->groups * DOT_GROUP;
    for (size_t row = 0; row < rows; row++, acc += channels)
        for (size_t c = 0; c < channels; c++) {
            const int16_t *from = activations + row_offset[row] + c;
            uint32_t sum = (uint32_t)taps->start[c];
            for (size_t pair = 0; pair < (size_t)taps->pairs; pair++) {
                const int16_t *w = taps->weights + (pair * channels + c) * 2;
                sum += (uint32_t)(from[taps->tap_offset[2 * pair]] * w[0]);
                sum += (uint32_t)(from[taps->tap_offset[2 * pair + 1]] * w[1]);
            }
            acc[c] = (int32_t)sum;
        }
}

static int32_t largest_sum(int window, size_t stride, const int32_t *acc) {
    int32_t most = *acc;
    for (int i = 1; i < window; i++) {
        acc += stride;
        most = *acc > most ? *acc : most;
    }
    return most;
}

static void output_fixed(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    for (size_t row = 0; row < rows; row++, acc += stride * (size_t)output->window, out += channels)
        for (size_t c = 0; c < channels; c++) {
            struct fixed by = {output->multiplier[c],
                               output->shift_left[c] - output->shift_right[c]};
            int64_t scaled =
                (int64_t)fixed_scale(largest_sum(output->window, stride, acc + c), by) +
                output->zero_point;
            out[c] = (int8_t)fixed_clamp(scaled, output->low, output->high);
        }
}

static void output_float(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    /* Adding and subtracting 1.5 * 2^23 rounds a small float half to even. */
    const float magic = 12582912.0f;
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    float low = (float)(output->low - output->zero_point);
    float high = (float)(output->high - output->zero_point);
    for (size_t row = 0; row < rows; row++, acc += stride * (size_t)output->window, out += channels)
        for (size_t c = 0; c < channels; c++) {
            float scaled = (float)largest_sum(output->window, stride, acc + c) * output->factor[c];
            scaled = scaled > high ? high : scaled < low ? low : scaled;
            float shifted = scaled + magic;
            out[c] = (int8_t)((int32_t)(shifted - magic) + output->zero_point);
        }
}

static void output_exact(const struct dot_output *output, size_t rows, const int32_t *acc,
                         int8_t *out) {
    size_t channels = (size_t)output->channels, stride = (size_t)output->groups * DOT_GROUP;
    double low = output->low - output->zero_point, high = output->high - output->zero_point;
    for (size_t row = 0; row < rows; row++, acc += stride * (size_t)output->window, out += channels)
        for (size_t c = 0; c < channels; c++) {
            double scaled = largest_sum(output->window, stride, acc + c) * output->exact_factor[c];
            scaled = scaled > high ? high : scaled < low ? low : scaled;
            out[c] = (int8_t)(fixed_round(scaled) + output->zero_point);
        }
}

static void largest(const int8_t *x, const struct dot_window *window, int8_t *out) {
    size_t channels = window->channels;
    for (size_t i = 0; i < window->count; i++, x += window->step, out += channels) {
        memcpy(out, x, channels);
        for (int row = 0; row < window->height; row++)
            for (int column = 0; column < window->width; column++) {
                const int8_t *from =
                    x + (size_t)row * window->row_stride + (size_t)column * channels;
                for (size_t c = 0; c < channels; c++) out[c] = from[c] > out[c] ? from[c] : out[c];
            }
    }
}

static void average(const int8_t *x, const struct dot_window *window, int low, int high,
                    int8_t *out) {
    size_t channels = window->channels;
    int32_t pixels = window->height * window->width, half = pixels / 2;
    for (size_t i = 0; i < window->count * channels; i++) {
        const int8_t *from = x + i / channels * window->step + i % channels;
        int32_t sum = 0;
        for (int row = 0; row < window->height; row++)
            for (int column = 0; column < window->width; column++)
                sum += from[(size_t)row * window->row_stride + (size_t)column * channels];
        int32_t rounded = (sum > 0 ? sum + half : sum - half) / pixels;
        out[i] = (int8_t)fixed_clamp(rounded, low, high);
    }
}

static void look_up(const struct dot_table *table, size_t count, const unsigned char *x,
                    unsigned char *out) {
    for (size_t i = 0; i < count; i++) out[i] = table->bytes[x[i]];
}

const struct dot_kernels dot_plain = {
    .name = "plain",
    .depth = 1,
    .activation_bytes = 2,
    .pack = pack,
    .pack_words = pack,
    .multiply = multiply,
    .multiply_taps = multiply_taps,
    .output_fixed = output_fixed,
    .output_float = output_float,
    .output_exact = output_exact,
    .largest = largest,
    .average = average,
    .look_up = look_up,
};
