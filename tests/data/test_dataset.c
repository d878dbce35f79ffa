#include "test.h"

#include "data/dataset.h"

static void the_bundled_digits_load(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    assert_ok(dataset_load(&dataset, test_asset("mnist-5k"), &error), &error);
    assert_int_equal(dataset.train.count, 4000);
    assert_int_equal(dataset.test.count, 1000);
    int counts[10] = {0};
    for (size_t i = 0; i < 1000; i++) counts[dataset.test.labels[i]]++;
    for (int i = 0; i < 10; i++) assert_int_equal(counts[i], 100);
    dataset_free(&dataset);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_bundled_digits_load),
};
TEST_MAIN(tests)
