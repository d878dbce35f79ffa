#include "test.h"

#include <string.h>

#include "base/random.h"

/* Known answers of philox4x32-10 from the authors' Random123 distribution (kat_vectors). */
static void philox_gives_the_published_vectors(void **state) {
    (void)state;
    uint32_t out[4];
    random_philox(0, 0, 0, 0, out);
    assert_int_equal(out[0], 0x6627e8d5);
    assert_int_equal(out[1], 0xe169c58d);
    assert_int_equal(out[2], 0xbc57ac4c);
    assert_int_equal(out[3], 0x9b00dbd8);
    random_philox(UINT64_MAX, UINT32_MAX, UINT64_MAX, UINT32_MAX, out);
    assert_int_equal(out[0], 0x408f276d);
    assert_int_equal(out[1], 0x41c83b0e);
    assert_int_equal(out[2], 0xa20bc7c6);
    assert_int_equal(out[3], 0x6d5451fd);
}

static void permutation_holds_every_index_once(void **state) {
    (void)state;
    uint32_t order[1000], again[1000];
    unsigned char seen[1000] = {0};
    random_permutation(7, 2, order, 1000);
    random_permutation(7, 2, again, 1000);
    assert_memory_equal(order, again, sizeof order);
    int moved = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(order[i] < 1000);
        assert_false(seen[order[i]]);
        seen[order[i]] = 1;
        moved += order[i] != (uint32_t)i;
    }
    assert_true(moved > 950);
    random_permutation(7, 3, again, 1000);
    assert_memory_not_equal(order, again, sizeof order);
}

static void unit_numbers_stay_below_one(void **state) {
    (void)state;
    assert_true(random_unit(UINT32_MAX) < 1.0f);
    assert_true(random_unit(0) == 0.0f);
    double sum = 0;
    for (uint32_t i = 0; i < 25000; i++) {
        uint32_t out[4];
        random_philox(1, RANDOM_TEST, 0, i, out);
        for (int j = 0; j < 4; j++) sum += (double)random_unit(out[j]);
    }
    /* the mean of 100,000 uniform numbers: standard deviation 0.0009 */
    assert_near(sum / 100000, 0.5, 0.004);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(philox_gives_the_published_vectors),
    cmocka_unit_test(permutation_holds_every_index_once),
    cmocka_unit_test(unit_numbers_stay_below_one),
};
TEST_MAIN(tests)
