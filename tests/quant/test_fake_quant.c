#include "test.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "quant/qparams.h"

/* A second way to TensorFlow's fake quantization, from a range straight to a value; every line one
 * float32 operation. */
static float quantize_again(float x, struct range range, int code_min, int code_max,
                            bool by_channel) {
    if (range.min == 0 && range.max == 0) return 0;
    volatile float span = range.max - range.min;
    volatile float scale = span / (float)(code_max - code_min);
    volatile float inverse = (float)(code_max - code_min) / span;
    volatile float quotient = range.min / scale;
    volatile float exact = (float)code_min - quotient;
    int zero = exact < (float)code_min   ? code_min
               : exact > (float)code_max ? code_max
                                         : (int)floor((double)exact + 0.5); /* exact >= 0 */
    volatile float low = (float)(code_min - zero) * scale;
    volatile float high = (float)(code_max - zero) * scale;
    volatile float shifted = -low * inverse;
    volatile float half = shifted + 0.5f;
    float quantized_zero = floorf(half);
    float inside = fmaxf(fminf(x, high), low);
    volatile float above = inside - low;
    volatile float steps = by_channel ? above * inverse : above / scale;
    volatile float centred = steps - quantized_zero;
    volatile float rounded = centred + 0.5f;
    return floorf(rounded) * scale;
}

static float random_between(uint32_t word, float low, float high) {
    return low + random_unit(word) * (high - low);
}

static struct range random_range(const uint32_t words[4], bool is_symmetric) {
    float size = ldexpf(1 + random_unit(words[0]), (int)(words[1] % 14) - 9);
    if (is_symmetric) return (struct range){-size, size};
    float share = random_unit(words[2]);
    if (words[3] % 8 == 0) share = 0; /* after a ReLU */
    if (words[3] % 8 == 1) share = 1;
    return (struct range){-size * share, size * (1 - share)};
}

/* Values over one and a half times the range, many of them on the boundary between two codes. */
static void fill_values(uint32_t seed, struct range range, int codes, float *x, size_t count) {
    float scale = (range.max - range.min) / (float)codes;
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        random_philox(seed, RANDOM_TEST, 1, (uint32_t)i, words);
        float span = range.max - range.min;
        x[i] = random_between(words[0], range.min - span / 4, range.max + span / 4);
        if (words[1] % 3 == 0) x[i] = (floorf(x[i] / scale) + 0.5f) * scale;
        if (words[1] % 7 == 0) x[i] = words[2] % 2 ? range.min : range.max;
    }
}

enum { VALUES = 257 };

static void assert_same(const float *got, const float *want, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (got[i] == want[i]) continue;
        print_error("value %zu is %.9g, want %.9g\n", i, (double)got[i], (double)want[i]);
        fail();
    }
}

static void every_value_is_quantized_as_by_definition(void **state) {
    (void)state;
    _Alignas(64) float x[VALUES + 16], y[VALUES + 16], want[VALUES];
    for (uint32_t round = 0; round < 600; round++) {
        uint32_t words[4];
        random_philox(11, RANDOM_TEST, 0, round, words);
        int bits = round % 3 ? 8 : 2 + (int)(round / 3 % 7);
        bool narrow = round % 2;
        struct range range = random_range(words, narrow);
        int code_max = (1 << bits) - 1;
        fill_values(round, range, code_max - narrow, x, VALUES);
        struct fake_quant by = fake_quant_from_range(range, narrow, bits);
        for (size_t i = 0; i < VALUES; i++)
            want[i] = quantize_again(x[i], range, narrow, code_max, false);
        fake_quant_tensor(NULL, VALUES, x, &by, y);
        assert_same(y, want, VALUES);
        for (size_t i = 0; i < VALUES; i++)
            want[i] = quantize_again(x[i], range, narrow, code_max, true);
        fake_quant_channels(NULL, VALUES, 1, x, &by, y);
        assert_same(y, want, VALUES);
    }
}

static void channels_have_their_own_ranges(void **state) {
    (void)state;
    enum { ROWS = 21, CHANNELS = 37 };
    _Alignas(64) float x[ROWS * CHANNELS + 16], y[ROWS * CHANNELS + 16], column[ROWS];
    struct range ranges[CHANNELS];
    struct fake_quant by[CHANNELS];
    for (uint32_t c = 0; c < CHANNELS; c++) {
        uint32_t words[4];
        random_philox(12, RANDOM_TEST, 0, c, words);
        ranges[c] = c == 5 ? (struct range){0, 0} : random_range(words, true);
        by[c] = fake_quant_from_range(ranges[c], true, 8);
        fill_values(c, ranges[c], 254, column, ROWS);
        for (size_t r = 0; r < ROWS; r++) x[r * CHANNELS + c] = column[r];
    }
    fake_quant_channels(NULL, ROWS, CHANNELS, x, by, y);
    for (size_t i = 0; i < ROWS * CHANNELS; i++) {
        float want = quantize_again(x[i], ranges[i % CHANNELS], 1, 255, true);
        assert_true(y[i] == want);
    }
}

/* The gradient passes on the closed interval of the nudged range, whatever the range was. */
static void gradient_passes_exactly_within_the_nudged_range(void **state) {
    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        uint32_t words[4];
        random_philox(13, RANDOM_TEST, 0, round, words);
        struct range range = random_range(words, round % 2);
        struct fake_quant by = fake_quant_from_range(range, round % 2, 8);
        float low = by.nudged_min, high = by.nudged_max;
        _Alignas(64) float x[8 + 16] = {low,
                                        nextafterf(low, -INFINITY),
                                        high,
                                        nextafterf(high, INFINITY),
                                        0,
                                        (low + high) / 2,
                                        nextafterf(low, INFINITY),
                                        nextafterf(high, -INFINITY)};
        _Alignas(64) float dy[8 + 16] = {1, 2, 3, 4, 5, 6, 7, 8}, dx[8 + 16];
        const float want[8] = {1, 0, 3, 0, 5, 6, 7, 8};
        fake_quant_tensor_backward(NULL, 8, x, &by, false, dy, dx);
        assert_same(dx, want, 8);
        fake_quant_channels_backward(NULL, 8, 1, x, &by, dy, dx);
        assert_same(dx, want, 8);
        /* after a ReLU its own gradient counts as well: 0 at 0 */
        fake_quant_tensor_backward(NULL, 8, x, &by, true, dy, dx);
        for (int i = 0; i < 8; i++) assert_true(dx[i] == (x[i] > 0 ? want[i] : 0));
    }
}

static void gradient_passes_everywhere_when_the_range_is_zero(void **state) {
    (void)state;
    struct fake_quant by = fake_quant_from_range((struct range){0, 0}, false, 8);
    _Alignas(64) float x[3 + 16] = {-1, 0, 2}, dy[3 + 16] = {1, 2, 3}, y[3 + 16];
    fake_quant_tensor(NULL, 3, x, &by, y);
    assert_true(y[0] == 0 && y[1] == 0 && y[2] == 0);
    fake_quant_tensor_backward(NULL, 3, x, &by, false, dy, y);
    assert_memory_equal(y, dy, 3 * sizeof(float));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_value_is_quantized_as_by_definition),
    cmocka_unit_test(channels_have_their_own_ranges),
    cmocka_unit_test(gradient_passes_exactly_within_the_nudged_range),
    cmocka_unit_test(gradient_passes_everywhere_when_the_range_is_zero),
};
TEST_MAIN(tests)
