/* Every set of integer kernels gives the integers that plain loops give, on odd sizes, to the last
 * byte, and writes nothing beside them. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/random.h"
#include "engine/dot.h"
#include "engine/fixed.h"

static const int odd[] = {1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65};
#define ODD (sizeof odd / sizeof *odd)

static uint32_t counter;

static uint32_t number(void) {
    uint32_t words[4];
    random_philox(7, RANDOM_TEST, 1, counter++, words);
    return words[0];
}

/* Mostly anything, often an extreme. */
static int8_t byte(void) {
    uint32_t x = number();
    return (int8_t)(x % 8 == 0   ? -128
                    : x % 8 == 1 ? 127
                                 : (int)(x >> 8) % 128 - (int)(x >> 20) % 128);
}

struct product {
    int channels, segments, count, rows, zero_point;
    int8_t *w, *x; /* x[rows][segments][count] */
    int32_t *bias;
};

static struct product product_new(int channels, int segments, int count, int rows) {
    struct product product = {channels, segments, count, rows, byte(), NULL, NULL, NULL};
    size_t k = (size_t)segments * (size_t)count;
    product.w = malloc((size_t)channels * k);
    product.x = malloc((size_t)rows * k);
    product.bias = malloc((size_t)channels * sizeof *product.bias);
    for (size_t i = 0; i < (size_t)channels * k; i++) product.w[i] = byte();
    for (size_t i = 0; i < (size_t)rows * k; i++) product.x[i] = byte();
    for (int i = 0; i < channels; i++) product.bias[i] = (int32_t)number() >> 8;
    return product;
}

static void product_free(struct product *product) {
    free(product->w);
    free(product->x);
    free(product->bias);
}

static int32_t product_naive(const struct product *product, int row, int channel) {
    int64_t sum = product->bias[channel];
    int k = product->segments * product->count;
    for (int i = 0; i < k; i++)
        sum +=
            (int64_t)(product->x[row * k + i] - product->zero_point) * product->w[channel * k + i];
    return (int32_t)sum;
}

/* The same through a set's packed layout; acc[rows][groups * 16] is the caller's to free. */
static int32_t *product_packed(const struct dot_kernels *kernels, const struct product *product) {
    int steps = (product->count + kernels->depth - 1) / kernels->depth;
    int groups = (product->channels + DOT_GROUP - 1) / DOT_GROUP;
    size_t k = (size_t)product->segments * (size_t)product->count;
    size_t padded = (size_t)groups * DOT_GROUP;
    unsigned char *weights =
        array_new(dot_weights_bytes(kernels, groups, product->segments, steps), 1);
    unsigned char *activations = array_new(k * (size_t)product->rows * 2 + 64, 1);
    int32_t *start = array_new(padded, sizeof *start);
    int32_t *acc = array_new(padded * (size_t)product->rows + 16, sizeof *acc);
    uint32_t *rows = array_new((size_t)product->rows, sizeof *rows);
    uint32_t *segments = array_new((size_t)product->segments, sizeof *segments);
    dot_pack_weights(kernels, product->channels, product->segments, product->count, product->w,
                     weights);
    kernels->pack(k * (size_t)product->rows, product->x, product->zero_point, activations);
    for (int c = 0; c < product->channels; c++) {
        int32_t sum = 0;
        for (size_t i = 0; i < k; i++) sum += product->w[(size_t)c * k + i];
        start[c] =
            product->bias[c] -
            (kernels->depth == 4 ? (product->zero_point + kernels->activation_offset) * sum : 0);
    }
    uint32_t bytes = (uint32_t)kernels->activation_bytes;
    for (int r = 0; r < product->rows; r++) rows[r] = (uint32_t)((size_t)r * k) * bytes;
    for (int s = 0; s < product->segments; s++)
        segments[s] = (uint32_t)(s * product->count) * bytes;
    for (int i = 0; i < 16; i++) acc[padded * (size_t)product->rows + (size_t)i] = 0x5a5a5a5a;
    struct dot dot = {weights, groups, product->segments, steps, segments, start};
    kernels->multiply(&dot, activations, (size_t)product->rows, rows, acc);
    for (int i = 0; i < 16; i++)
        assert_int_equal(acc[padded * (size_t)product->rows + (size_t)i], 0x5a5a5a5a);
    array_free(weights);
    array_free(activations);
    array_free(start);
    array_free(rows);
    array_free(segments);
    return acc;
}

/* Calls `check` for every set that this machine runs. */
static void for_every_set(void (*check)(const struct dot_kernels *kernels)) {
    const struct dot_kernels *kernels;
    for (int i = 0; (kernels = dot_kernels_set(i)); i++) {
        print_message("# %s\n", kernels->name);
        counter = 0;
        check(kernels);
    }
}

static void check_product_of(const struct dot_kernels *kernels, const struct product *product) {
    int32_t *acc = product_packed(kernels, product);
    int stride = (product->channels + DOT_GROUP - 1) / DOT_GROUP * DOT_GROUP;
    for (int r = 0; r < product->rows; r++)
        for (int c = 0; c < product->channels; c++)
            assert_int_equal(acc[r * stride + c], product_naive(product, r, c));
    array_free(acc);
}

static void check_product(const struct dot_kernels *kernels, int channels, int segments, int count,
                          int rows) {
    struct product product = product_new(channels, segments, count, rows);
    check_product_of(kernels, &product);
    product_free(&product);
}

static void check_products(const struct dot_kernels *kernels) {
    for (size_t i = 0; i < ODD; i++)
        for (size_t j = 0; j < ODD; j++) {
            check_product(kernels, odd[i], 1, odd[j], odd[(i + j) % ODD]);
            check_product(kernels, odd[(i + j) % ODD], 3, odd[i] % 9 + 1, odd[j]);
        }
}

/* Wide enough for lists of the steps that are not 0 in all rows: none, some and all of them. */
static void check_sparse_products(const struct dot_kernels *kernels) {
    static const int counts[] = {127, 128, 131, 139, 261, 333, 784, 1021, 2045, 2048, 2049, 4099};
    for (size_t i = 0; i < 3 * sizeof counts / sizeof *counts; i++) {
        int count = counts[i / 3], rows = 6 + (int)i % 8;
        struct product product = product_new(50 + (int)i, 1, count, rows);
        /* What is 0 when packed. */
        int8_t zero =
            (int8_t)(kernels->depth == 4 ? -kernels->activation_offset : product.zero_point);
        for (int k = 0; k < count; k++)
            if (i % 3 == 0 || (i % 3 == 1 && k < count - 9 && number() % 2))
                for (int r = 0; r < rows; r++) product.x[r * count + k] = zero;
        check_product_of(kernels, &product);
        product_free(&product);
    }
}

static void sums_of_products_equal_plain_loops(void **state) {
    (void)state;
    for_every_set(check_products);
    for_every_set(check_sparse_products);
}

/* Odd numbers of taps, channels and rows, each row's taps at places of their own. */
static void check_taps_of(const struct dot_kernels *kernels, int channels, int taps, int rows) {
    enum { PIXELS = 40 };
    int groups = (channels + DOT_GROUP - 1) / DOT_GROUP, pairs = (taps + 1) / 2;
    int padded = groups * DOT_GROUP, zero_point = byte();
    int8_t *x = malloc((size_t)(PIXELS * channels)), *w = malloc((size_t)(taps * channels));
    int16_t *packed = array_new((size_t)(PIXELS * channels), sizeof *packed);
    int16_t *weights = array_new((size_t)(pairs * padded), 2 * sizeof *weights);
    int32_t *start = array_new((size_t)padded, sizeof *start);
    int32_t *acc = array_new((size_t)(padded * rows) + 16, sizeof *acc);
    uint32_t *row = array_new((size_t)rows, sizeof *row);
    uint32_t *tap = array_new((size_t)pairs * 2, sizeof *tap);
    for (int i = 0; i < PIXELS * channels; i++) x[i] = byte();
    for (int i = 0; i < taps * channels; i++) w[i] = byte();
    for (int c = 0; c < channels; c++) start[c] = (int32_t)number() >> 8;
    for (int r = 0; r < rows; r++) row[r] = number() % (PIXELS / 2) * (uint32_t)channels;
    for (int t = 0; t < taps; t++) tap[t] = number() % (PIXELS / 2) * (uint32_t)channels;
    kernels->pack_words((size_t)(PIXELS * channels), x, zero_point, (unsigned char *)packed);
    dot_pack_taps(channels, taps, w, weights);
    for (int i = 0; i < 16; i++) acc[padded * rows + i] = 0x5a5a5a5a;
    struct dot_taps dot = {weights, groups, pairs, tap, start};
    kernels->multiply_taps(&dot, packed, (size_t)rows, row, acc);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < channels; c++) {
            int64_t sum = start[c];
            for (int t = 0; t < taps; t++)
                sum +=
                    (int64_t)(x[row[r] + tap[t] + (uint32_t)c] - zero_point) * w[t * channels + c];
            assert_int_equal(acc[r * padded + c], (int32_t)sum);
        }
    for (int i = 0; i < 16; i++) assert_int_equal(acc[padded * rows + i], 0x5a5a5a5a);
    array_free(packed);
    array_free(weights);
    array_free(start);
    array_free(acc);
    array_free(row);
    array_free(tap);
    free(x);
    free(w);
}

static void check_taps(const struct dot_kernels *kernels) {
    for (size_t i = 0; i < ODD; i++)
        for (size_t j = 0; j < ODD; j++)
            check_taps_of(kernels, odd[i], odd[(i + j) % ODD] % 26 + 1, odd[j]);
}

static void depthwise_sums_equal_plain_loops(void **state) {
    (void)state;
    for_every_set(check_taps);
}

/* ---- output ---- */

#define ROWS   7
#define PADDED 80

#define WINDOW 9

static int32_t sums[ROWS * WINDOW * PADDED];
static int32_t multiplier[PADDED], left[PADDED], right[PADDED];
static float factor[PADDED];
static double exact_factor[PADDED];

static struct dot_output output_of(int channels, int window) {
    struct dot_output output = {
        .channels = channels,
        .groups = (channels + DOT_GROUP - 1) / DOT_GROUP,
        .window = window,
        .zero_point = byte(),
        .low = -128,
        .high = 127,
        .multiplier = multiplier,
        .shift_left = left,
        .shift_right = right,
        .factor = factor,
        .exact_factor = exact_factor,
    };
    if (number() % 2) output.low = output.zero_point;
    for (int c = 0; c < channels; c++) {
        double real = ldexp(0.5 + number() / 8589934592.0, -(int)(number() % 20));
        struct fixed fixed;
        assert_true(fixed_from_double(real * 3, &fixed));
        multiplier[c] = fixed.value;
        left[c] = fixed.shift > 0 ? fixed.shift : 0;
        right[c] = fixed.shift < 0 ? -fixed.shift : 0;
        factor[c] = (float)real;
        exact_factor[c] = c % 3 ? real : 0.125; /* ties */
    }
    for (int i = 0; i < ROWS * WINDOW * PADDED; i++) sums[i] = (int32_t)number() >> number() % 32;
    return output;
}

/* By the definitions of QUANTIZED arithmetic: division with the remainder looked at. */
static int8_t fixed_by_hand(const struct dot_output *output, int32_t sum, int c) {
    int64_t x = (int32_t)((uint32_t)sum << output->shift_left[c]);
    int64_t product = x * output->multiplier[c];
    int64_t nudged = product + (product >= 0 ? (int64_t)1 << 30 : 1 - ((int64_t)1 << 30));
    int64_t high = nudged / ((int64_t)1 << 31);
    int64_t divisor = (int64_t)1 << output->shift_right[c];
    int64_t twice = 2 * (high < 0 ? -high : high);
    int64_t rounded = (twice + divisor) / (2 * divisor);
    int64_t q = (high < 0 ? -rounded : rounded) + output->zero_point;
    return (int8_t)(q < output->low ? output->low : q > output->high ? output->high : q);
}

static int8_t float_by_hand(const struct dot_output *output, int32_t sum, int c) {
    float scaled = (float)sum * output->factor[c];
    double q = nearbyint((double)scaled) + output->zero_point;
    return (int8_t)(q < output->low ? output->low : q > output->high ? output->high : q);
}

static int8_t exact_by_hand(const struct dot_output *output, int32_t sum, int c) {
    double q = round(sum * output->exact_factor[c]) + output->zero_point;
    return (int8_t)(q < output->low ? output->low : q > output->high ? output->high : q);
}

typedef int8_t by_hand(const struct dot_output *output, int32_t sum, int c);

/* Scaled by hand one by one, and the largest of the bytes taken. */
static void check_output(const struct dot_output *output, by_hand *hand,
                         void (*store)(const struct dot_output *, size_t, const int32_t *,
                                       int8_t *)) {
    int8_t out[ROWS * PADDED + 1];
    int stride = output->groups * DOT_GROUP, channels = output->channels;
    memset(out, 0x5a, sizeof out);
    store(output, ROWS, sums, out);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < channels; c++) {
            int8_t most = -128;
            for (int i = 0; i < output->window; i++) {
                int8_t one = hand(output, sums[(r * output->window + i) * stride + c], c);
                most = one > most ? one : most;
            }
            assert_int_equal(out[r * channels + c], most);
        }
    assert_int_equal(out[ROWS * channels], 0x5a);
}

static void check_outputs(const struct dot_kernels *kernels) {
    static const int windows[] = {1, 4, 2, WINDOW};
    for (size_t i = 0; i < ODD; i++)
        for (int round = 0; round < 40; round++) {
            struct dot_output output = output_of(odd[i], windows[round % 4]);
            check_output(&output, float_by_hand, kernels->output_float);
            check_output(&output, exact_by_hand, kernels->output_exact);
            /* Maxima are taken of sums only where no bits are shifted out. */
            for (int c = 0; c < PADDED && output.window > 1; c++) left[c] = 0;
            check_output(&output, fixed_by_hand, kernels->output_fixed);
        }
}

static void outputs_equal_the_definition(void **state) {
    (void)state;
    for_every_set(check_outputs);
}

/* Windows of an image exactly as long as they reach: a sanitizer sees a read beside it. */
static void check_windows_of(const struct dot_kernels *kernels, int channels, int height, int width,
                             int count) {
    int step = width > 1 ? width - 1 : 1, across = (count - 1) * step + width;
    struct dot_window window = {height,           width,         (size_t)(across * channels),
                                (size_t)channels, (size_t)count, (size_t)(step * channels)};
    size_t bytes = (size_t)(height * across * channels);
    int8_t *x = malloc(bytes), largest[5 * 65 + 1], average[5 * 65 + 1];
    int low = -100, high = 90;
    for (size_t i = 0; i < bytes; i++) x[i] = number() % 16 ? byte() : -128;
    if (number() % 4 == 0) memset(x, number() % 2 ? -128 : 127, bytes);
    memset(largest, 0x5a, sizeof largest);
    memset(average, 0x5a, sizeof average);
    kernels->largest(x, &window, largest);
    kernels->average(x, &window, low, high, average);
    for (int i = 0; i < count; i++)
        for (int c = 0; c < channels; c++) {
            int most = -128, sum = 0;
            for (int y = 0; y < height; y++)
                for (int column = 0; column < width; column++) {
                    int value = x[(y * across + i * step + column) * channels + c];
                    if (value > most) most = value;
                    sum += value;
                }
            double mean = round((double)sum / (height * width));
            if (mean < low) mean = low;
            if (mean > high) mean = high;
            assert_int_equal(largest[i * channels + c], most);
            assert_int_equal(average[i * channels + c], (int)mean);
        }
    assert_int_equal(largest[count * channels], 0x5a);
    assert_int_equal(average[count * channels], 0x5a);
    free(x);
}

static void check_windows(const struct dot_kernels *kernels) {
    for (size_t i = 0; i < ODD; i++)
        for (int height = 1; height <= 5; height++)
            for (int width = 1; width <= 5; width++)
                check_windows_of(kernels, odd[i], height, width, 1 + (height + width) % 5);
    check_windows_of(kernels, 33, 15, 17, 2); /* 255 pixels, and more */
    check_windows_of(kernels, 33, 16, 16, 2);
    check_windows_of(kernels, 33, 40, 25, 2);
}

/* By every number of pixels, of sums at the extremes and between. */
static void check_every_divisor(const struct dot_kernels *kernels) {
    for (int pixels = 2; pixels <= 300; pixels++)
        for (int round = 0; round < 8; round++) check_windows_of(kernels, 16, 1, pixels, 1);
}

static void maxima_and_averages_of_windows_equal_plain_loops(void **state) {
    (void)state;
    for_every_set(check_windows);
    for_every_set(check_every_divisor);
}

static void check_tables(const struct dot_kernels *kernels) {
    for (int length = 0; length < 400; length++) {
        struct dot_table table;
        unsigned char x[400], out[401];
        unsigned char first = (unsigned char)number();
        for (int i = 0; i < 256; i++)
            table.bytes[i] = (unsigned char)(length % 2 ? number() : (uint32_t)(first + i));
        dot_table_finish(&table);
        assert_int_equal(table.is_sum, length % 2 == 0);
        for (int i = 0; i < length; i++)
            x[i] = (unsigned char)(length < 256 ? number() : (uint32_t)i);
        out[length] = 0x5a;
        kernels->look_up(&table, (size_t)length, x, out);
        for (int i = 0; i < length; i++) assert_int_equal(out[i], table.bytes[x[i]]);
        assert_int_equal(out[length], 0x5a);
    }
}

static void tables_of_bytes_are_looked_up(void **state) {
    (void)state;
    for_every_set(check_tables);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sums_of_products_equal_plain_loops),
    cmocka_unit_test(depthwise_sums_equal_plain_loops),
    cmocka_unit_test(outputs_equal_the_definition),
    cmocka_unit_test(maxima_and_averages_of_windows_equal_plain_loops),
    cmocka_unit_test(tables_of_bytes_are_looked_up),
};
TEST_MAIN(tests)
