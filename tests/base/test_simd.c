/* The operations as compiled for the baseline; the kernel tests cover the wider levels. */
#include "base/simd.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "test.h"

static uint32_t random_word(void) {
    static uint32_t counter, words[4];
    if (counter % 4 == 0) random_philox(11, RANDOM_TEST, 0, counter / 4, words);
    return words[counter++ % 4];
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static bool same(float a, float b) {
    return (isnan(a) && isnan(b)) || !memcmp(&a, &b, sizeof a);
}

static void check_fma(float a, float b, float c) {
    float want = fmaf(a, b, c);
    vfloat got = v_fma(v_set(a), v_set(b), v_set(c));
    for (int i = 0; i < V_LANES; i++)
        if (!same(got[i], want))
            fail_msg("fma(%a, %a, %a) is %a in lane %d, want %a", (double)a, (double)b, (double)c,
                     (double)got[i], i, (double)want);
}

static void fma_rounds_once_for_any_bits(void **state) {
    (void)state;
    for (int i = 0; i < 300000; i++) {
        float a = float_of(random_word()), b = float_of(random_word());
        check_fma(a, b, float_of(random_word()));
        check_fma(a, b, -(a * b));
        check_fma(random_unit(random_word()), random_unit(random_word()),
                  random_unit(random_word()));
    }
}

/* Products of 25 bits, the last of them 1, lie exactly between two floats; then a c far below
 * decides, which rounding to double first would lose. */
static void fma_sees_what_decides_between_two_floats(void **state) {
    (void)state;
    for (int i = 0; i < 100000; i++) {
        float a = (float)(4097 + 2 * (random_word() % 800)),
              b = (float)(4097 + random_word() % 800);
        for (int shift = -90; shift <= 0; shift += 6) {
            float c = ldexpf(random_word() % 2 ? 1 : -1, shift);
            check_fma(a, b, c);
            check_fma(-a, b, c);
        }
        check_fma(a, b, 0);
    }
}

static void fma_rounds_subnormal_results_once(void **state) {
    (void)state;
    for (int i = 0; i < 100000; i++) {
        float a = ldexpf(random_unit(random_word()), -60 - (int)(random_word() % 20));
        float b = ldexpf(random_unit(random_word()), -60 - (int)(random_word() % 20));
        check_fma(a, b, 0);
        check_fma(a, -b, float_of(random_word() % 0x1000000));
        check_fma(a, b, float_of(1));
        /* 2^-150 less a trifle: half of the last place, or not quite */
        float c = float_of(0x400000 + random_word() % 0x400000);
        check_fma(0x1.000002p-75f, 0x1.fffffcp-76f, c);
        check_fma(0x1.000002p-75f, -0x1.fffffcp-76f, c);
    }
    check_fma(0x1p-75f, 0x1p-75f, 0);
    check_fma(0x1p-75f, -0x1p-75f, 0x1p-149f);
}

static void floor_is_that_of_the_library(void **state) {
    (void)state;
    static const float special[] = {
        0,           -0.0f,   0.5f,      -0.5f,         1,     -1,     8388607.5f,
        -8388607.5f, 8388608, -8388609,  2147483648.0f, 1e30f, -1e30f, INFINITY,
        -INFINITY,   NAN,     0x1p-149f, -0x1p-149f};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        assert_true(same(v_floor(v_set(special[i]))[0], floorf(special[i])));
    for (int i = 0; i < 200000; i++) {
        float x = float_of(random_word());
        assert_true(same(v_floor(v_set(x))[V_LANES - 1], floorf(x)));
        x = (random_unit(random_word()) - 0.5f) * 1000;
        assert_true(same(v_floor(v_set(x))[0], floorf(x)));
    }
}

static void min_and_max_return_the_second_operand_unless_the_first_wins(void **state) {
    (void)state;
    assert_true(v_min(v_set(1), v_set(2))[0] == 1 && v_max(v_set(1), v_set(2))[0] == 2);
    assert_true(isnan(v_min(v_set(1), v_set(NAN))[0]) && isnan(v_max(v_set(1), v_set(NAN))[0]));
    assert_true(v_min(v_set(NAN), v_set(1))[0] == 1 && v_max(v_set(NAN), v_set(1))[0] == 1);
    assert_true(signbit(v_max(v_set(0), v_set(-0.0f))[0]));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fma_rounds_once_for_any_bits),
    cmocka_unit_test(fma_sees_what_decides_between_two_floats),
    cmocka_unit_test(fma_rounds_subnormal_results_once),
    cmocka_unit_test(floor_is_that_of_the_library),
    cmocka_unit_test(min_and_max_return_the_second_operand_unless_the_first_wins),
};
TEST_MAIN(tests)
