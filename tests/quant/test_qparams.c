#include "test.h"

#include <math.h>

#include "base/random.h"
#include "quant/qparams.h"

/* Range, one value and the outcome, computed with numpy float32 from the definition in
 * TensorFlow's fake_quant_ops_functor.h. */
static void nudging_follows_the_definition(void **state) {
    (void)state;
    /* [-6, 6] in 255 steps: scale 12/255, zero point round(127.5) = 128 */
    struct fake_quant by = fake_quant_from_range((struct range){-6, 6}, false, 8);
    assert_false(by.is_zero);
    assert_true(by.scale == 12.0f / 255.0f);
    assert_true(by.inv_scale == 255.0f / 12.0f);
    assert_true(by.nudged_min == -128.0f * by.scale);
    assert_true(by.nudged_max == 127.0f * by.scale);
    assert_true(by.quant_zero == 128.0f);
    /* weights: symmetric, 254 steps, zero point 128 counted from 1 */
    by = fake_quant_from_range((struct range){-0.5f, 0.5f}, true, 8);
    assert_true(by.scale == 1.0f / 254.0f);
    assert_true(by.nudged_min == -127.0f * by.scale);
    assert_true(by.nudged_max == 127.0f * by.scale);
    assert_true(by.quant_zero == 127.0f);
    /* digits: 0..1 */
    by = fake_quant_from_range((struct range){0, 1}, false, 8);
    assert_true(by.scale == 1.0f / 255.0f);
    assert_true(by.nudged_min == 0 && by.quant_zero == 0);
    /* 4 bits: 14 steps for a weight */
    by = fake_quant_from_range((struct range){-7, 7}, true, 4);
    assert_true(by.scale == 1 && by.nudged_min == -7 && by.nudged_max == 7);
}

static void range_that_is_zero_is_marked(void **state) {
    (void)state;
    assert_true(fake_quant_from_range((struct range){0, 0}, false, 8).is_zero);
    assert_true(fake_quant_from_range((struct range){-0.0f, 0}, true, 8).is_zero);
}

static void range_that_is_not_finite_gives_nan(void **state) {
    (void)state;
    struct fake_quant by = fake_quant_from_range((struct range){NAN, 1}, false, 8);
    assert_true(isnan(by.scale));
    by = fake_quant_from_range((struct range){0, INFINITY}, false, 8);
    assert_true(isnan(by.nudged_min));
}

/* A symmetric range has its zero point in the middle for every float32 bound. */
static void zero_of_a_weight_is_always_exact(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t words[4];
        random_philox(3, RANDOM_TEST, 0, i, words);
        float bound = ldexpf(random_unit(words[0]) + 1.0f, (int)(words[1] % 40) - 30);
        for (int bits = 2; bits <= 8; bits++) {
            float middle = (float)((1 << (bits - 1)) - 1);
            struct fake_quant by = fake_quant_from_range((struct range){-bound, bound}, true, bits);
            assert_true(by.quant_zero == middle);
            assert_true(by.nudged_min == -by.nudged_max);
        }
    }
}

static void conversion_computes_in_double(void **state) {
    (void)state;
    struct qparams q = qparams_activation((struct range){0, 1});
    assert_true(q.scale == 1.0 / 255.0);
    assert_int_equal(q.zero_point, -128);
    q = qparams_activation((struct range){-6, 6});
    assert_true(q.scale == 12.0 / 255.0);
    assert_int_equal(q.zero_point, 0); /* 127.5 rounds away from zero to 128 */
    q = qparams_activation((struct range){-1, 0});
    assert_int_equal(q.zero_point, 127);
    q = qparams_activation((struct range){0, 0}); /* widened to 1e-6 */
    assert_true(q.scale == 1e-6 / 255.0);
    q = qparams_activation((struct range){0, 4e-7f}); /* so is what is narrower than that */
    assert_true(q.scale == 1e-6 / 255.0);
    q = qparams_weight((struct range){-0.5f, 0.5f}, 8);
    assert_true(q.scale == 1.0 / 254.0);
    assert_int_equal(q.zero_point, 0);
    assert_true(qparams_weight((struct range){0, 0}, 8).scale == 1e-6 / 254.0);
    assert_true(qparams_weight((struct range){-7, 7}, 4).scale == 1.0);
    q = qparams_activation((struct range){NAN, NAN});
    assert_in_range(q.zero_point + 128, 0, 255);
}

static void conversion_of_what_was_not_trained_for_it_computes_in_float32(void **state) {
    (void)state;
    struct qparams q = qparams_activation_float32((struct range){0, 1});
    assert_true(q.scale == (double)(1.0f / 255.0f));
    assert_int_equal(q.zero_point, -128);
    /* The scale is rounded up to 0.04705882445, so 6 / scale is less than 127.5. */
    q = qparams_activation_float32((struct range){-6, 6});
    assert_true(q.scale == (double)0.0470588244f);
    assert_int_equal(q.zero_point, -1);
    q = qparams_activation_float32((struct range){-1, 0});
    assert_int_equal(q.zero_point, 127);
    assert_true(qparams_activation_float32((struct range){0, 0}).scale == (double)(1e-6f / 255.0f));
    assert_true(qparams_weight_float32((struct range){-0.5f, 0.5f}).scale == (double)(1 / 254.0f));
    assert_true(qparams_weight_float32((struct range){0, 0}).scale == (double)(1e-6f / 254.0f));
    q = qparams_activation_float32((struct range){NAN, NAN});
    assert_in_range(q.zero_point + 128, 0, 255);

    /* 30000.15 / 0.3 is 100000.4973; times the inverse in float32 it is 100000.5. */
    assert_int_equal(quantize_float32(0x1.d4c09ap+14f, (double)0.3f, INT32_MAX), 100001);
    assert_int_equal(quantize_float32(-0x1.d4c09ap+14f, (double)0.3f, INT32_MAX), -100001);
    assert_int_equal(quantize_float32(0.5f, 1, 127), 1);
    assert_int_equal(quantize_float32(200, 1, 127), 127);
    assert_int_equal(quantize_float32(-200, 1, 127), -127);
    assert_int_equal(quantize_float32(3e38f, 1e-9, INT32_MAX), INT32_MAX);
    assert_int_equal(quantize_float32(-3e9f, 1, INT32_MAX), -INT32_MAX);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nudging_follows_the_definition),
    cmocka_unit_test(range_that_is_zero_is_marked),
    cmocka_unit_test(range_that_is_not_finite_gives_nan),
    cmocka_unit_test(zero_of_a_weight_is_always_exact),
    cmocka_unit_test(conversion_computes_in_double),
    cmocka_unit_test(conversion_of_what_was_not_trained_for_it_computes_in_float32),
};
TEST_MAIN(tests)
