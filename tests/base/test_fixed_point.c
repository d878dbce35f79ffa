#include "test.h"

#include <math.h>

#include "base/fixed_point.h"

static void assert_fixed(double x, int32_t value, int shift) {
    struct fixed fixed;
    assert_true(fixed_from_double(x, &fixed));
    assert_int_equal(fixed.value, value);
    assert_int_equal(fixed.shift, shift);
}

static void a_factor_is_rounded_to_31_bits(void **state) {
    (void)state;
    assert_fixed(0, 0, 0);
    assert_fixed(1, 1 << 30, 1);
    assert_fixed(0.5, 1 << 30, 0);
    assert_fixed(0.3, 1288490189, -1);             /* 0.6 * 2^31 is 1288490188.8 */
    assert_fixed(1.0 / 3, 1431655765, -1);         /* 2/3 * 2^31 is 1431655765.33 */
    assert_fixed(1 - 0x1p-40, 1 << 30, 1);         /* comes to 2^31, which is halved */
    assert_fixed(0.5 + 0x1p-32, (1 << 30) + 1, 0); /* a half rounds up */
}

static void what_is_too_small_is_0_and_what_is_too_large_is_refused(void **state) {
    (void)state;
    struct fixed fixed;
    assert_fixed(0x1p-32, 1 << 30, -31);
    assert_fixed(0x1p-33, 0, 0);
    assert_fixed(1073741823.0, 2147483646, 30);
    assert_false(fixed_from_double(1073741824.0, &fixed));
    assert_false(fixed_from_double((double)INFINITY, &fixed));
    assert_false(fixed_from_double((double)NAN, &fixed));
    assert_false(fixed_from_double(-0.5, &fixed));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_factor_is_rounded_to_31_bits),
    cmocka_unit_test(what_is_too_small_is_0_and_what_is_too_large_is_refused),
};
TEST_MAIN(tests)
