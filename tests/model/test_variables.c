#include "test.h"

#include <string.h>

#include "model/variables.h"

static struct variables *load(const char *relative) {
    struct error error;
    struct variables *variables;
    assert_ok(variables_load(test_shared(relative), &variables, &error), &error);
    return variables;
}

static void both_layouts_give_the_same_list_of_names(void **state) {
    (void)state;
    static const char *const files[] = {"golden/cnn/trace/weights_step1.h5",
                                        "golden/cnn/qat_weights.h5"};
    for (int i = 0; i < 2; i++) {
        struct variables *variables = load(files[i]);
        assert_int_equal(variables->count, 6 + 6 + 6 + 2);
        const struct variable *kernel = variables_find(variables, "conv2d_1", "kernel");
        const struct variable *lowest = variables_find(variables, "conv2d_1", "kernel_min");
        const struct variable *highest = variables_find(variables, "conv2d_1", "kernel_max");
        assert_non_null(kernel);
        assert_int_equal(kernel->rank, 4);
        assert_int_equal(kernel->count, 3 * 3 * 32 * 64);
        assert_int_equal(lowest->rank, 1);
        assert_int_equal(lowest->count, 64);
        for (int channel = 0; channel < 64; channel++)
            assert_near(lowest->values[channel], -highest->values[channel], 0);
        const struct variable *logit = variables_find(variables, "dense", "pre_activation_min");
        assert_int_equal(logit->rank, 0);
        assert_int_equal(logit->count, 1);
        assert_true(logit->values[0] < 0);
        assert_near(variables_find(variables, "quantize_layer", "quantize_layer_max")->values[0],
                    1, 0);
        assert_null(variables_find(variables, "dense", "optimizer_step"));
        assert_null(variables_find(variables, "quant_dense", "kernel_min"));
        variables_free(variables);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(both_layouts_give_the_same_list_of_names),
};
TEST_MAIN(tests)
