#include "test.h"

#include <stdbool.h>

#include "base/array.h"

static void a_product_that_does_not_fit_is_refused(void **state) {
    (void)state;
    size_t product = 7;
    assert_false(size_multiply(SIZE_MAX / 2 + 1, 2, &product));
    assert_false(size_multiply(SIZE_MAX, SIZE_MAX, &product));
    assert_int_equal(product, 7);
    assert_true(size_multiply(SIZE_MAX / 3, 3, &product));
    assert_true(product == SIZE_MAX / 3 * 3);
    assert_true(size_multiply(SIZE_MAX, 0, &product));
    assert_int_equal(product, 0);
}

static void an_array_is_aligned_and_zero(void **state) {
    (void)state;
    for (size_t count = 0; count < 40; count++) {
        unsigned char *bytes = array_new(count, 3);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % ARRAY_ALIGNMENT, 0);
        for (size_t i = 0; i < 3 * count; i++) assert_int_equal(bytes[i], 0);
        array_free(bytes);
    }
}

static void an_array_that_no_memory_could_hold_is_none(void **state) {
    (void)state;
    assert_null(array_new(SIZE_MAX / 8 + 2, 8)); /* 8 bytes, if it wrapped */
    assert_null(array_new(SIZE_MAX, 1));         /* none, once rounded up */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_product_that_does_not_fit_is_refused),
    cmocka_unit_test(an_array_is_aligned_and_zero),
    cmocka_unit_test(an_array_that_no_memory_could_hold_is_none),
};
TEST_MAIN(tests)
