#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "made_keras.h"
#include "model/variables.h"

static struct variables *load(const char *path) {
    struct error error;
    struct variables *variables;
    assert_ok(variables_load(path, &variables, &error), &error);
    assert_string_equal(variables->path, path);
    return variables;
}

static void check_refused(const char *path, const char *text) {
    struct error error;
    struct variables *variables;
    assert_int_not_equal(variables_load(path, &variables, &error), STATUS_OK);
    assert_null(variables);
    assert_string_equal(error.where, path);
    if (!strstr(error.text, text)) {
        print_error("got '%s', want '%s'\n", error.text, text);
        fail();
    }
}

static void both_layouts_give_the_same_list_of_names(void **state) {
    (void)state;
    static const char *const files[] = {"golden/cnn/trace/weights_step1.h5",
                                        "golden/cnn/qat_weights.h5"};
    for (int i = 0; i < 2; i++) {
        struct variables *variables = load(test_shared(files[i]));
        assert_int_equal(variables->count, 6 + 6 + 6 + 2);
        const struct variable *kernel = variables_find(variables, "conv2d_1", "kernel");
        const struct variable *lowest = variables_find(variables, "conv2d_1", "kernel_min");
        const struct variable *highest = variables_find(variables, "conv2d_1", "kernel_max");
        assert_non_null(kernel);
        assert_int_equal(kernel->rank, 4);
        assert_int_equal(kernel->size[2], 32);
        assert_int_equal(kernel->count, 3 * 3 * 32 * 64);
        assert_int_equal(lowest->rank, 1);
        assert_int_equal(lowest->count, 64);
        for (int channel = 0; channel < 64; channel++)
            assert_near(lowest->values[channel], -highest->values[channel], 0);
        const struct variable *logit = variables_find(variables, "dense", "pre_activation_min");
        assert_int_equal(logit->rank, 0);
        assert_int_equal(logit->count, 1);
        assert_true(logit->values[0] < 0);
        assert_near(variables_find(variables, "quantize_layer", "quantize_layer_max")->values[0], 1,
                    0);
        assert_null(variables_find(variables, "dense", "optimizer_step"));
        assert_null(variables_find(variables, "quant_dense", "kernel_min"));
        variables_free(variables);
    }
    variables_free(NULL);
}

/* The last step of the trace is written down as text as well. */
static void values_are_those_of_the_trace(void **state) {
    (void)state;
    struct variables *variables = load(test_shared("golden/fc/trace/weights_step200.h5"));
    /* golden/fc/trace/steps.jsonl, step 200. */
    size_t length;
    unsigned char *text = test_read(test_shared("golden/fc/trace/steps.jsonl"), &length);
    const char *last = strstr((const char *)text, "\"step\": 200,");
    assert_non_null(last);
    static const char *const names[][2] = {{"dense", "post_activation_max"},
                                           {"dense", "kernel_max"},
                                           {"dense_1", "pre_activation_min"}};
    for (int i = 0; i < 3; i++) {
        char key[128];
        snprintf(key, sizeof key, "\"quant_%s/%s:0\": [", names[i][0], names[i][1]);
        const char *value = strstr(last, key);
        if (!value) {
            print_error("no %s in %.400s\n", key, last);
            fail();
        }
        assert_near(variables_find(variables, names[i][0], names[i][1])->values[0],
                    strtof(value + strlen(key), NULL), 0);
    }
    free(text);
    variables_free(variables);
}

static void a_plain_model_has_variables_too(void **state) {
    (void)state;
    struct variables *variables = load(test_asset("models/mnist_fc.h5"));
    assert_int_equal(variables->count, 4);
    assert_int_equal(variables_find(variables, "dense", "kernel")->count, 784 * 128);
    variables_free(variables);
}

static const hsize_t scalar[] = {0}, pair[] = {2, 0};
static const float values[] = {-1.5f, 2.25f};

static void odd_files_are_refused_by_name(void **state) {
    (void)state;
    const char *path = test_scratch("odd.h5");
    struct made_keras file = keras_create(path, NULL);
    keras_close(&file);
    check_refused(path, "holds no variables");

    file = keras_create(path, NULL);
    keras_numbers(file.weights, "loose", H5T_IEEE_F32LE, scalar, values);
    keras_close(&file);
    check_refused(path, "data set 'loose' belongs to no layer");

    file = keras_create(path, NULL);
    keras_numbers(file.weights, "dense/kernel_min", H5T_IEEE_F32LE, scalar, values);
    keras_numbers(file.weights, "quant_dense/kernel_min:0", H5T_IEEE_F32LE, scalar, values);
    keras_close(&file);
    check_refused(path, "holds 'dense/kernel_min' twice");

    const float broken[] = {1, NAN};
    file = keras_create(path, NULL);
    keras_numbers(file.weights, "dense/kernel_min", H5T_IEEE_F32LE, pair, broken);
    keras_close(&file);
    check_refused(path, "'dense/kernel_min' holds NaN at index 1");

    static const char *const layers[] = {"quant_dense"}, *const weights[] = {"dense/kernel:0"};
    file = keras_create(path, NULL);
    keras_names(file.weights, "layer_names", layers, 1, 0);
    keras_close(&file);
    check_refused(path, "the group of layer 'quant_dense' is missing");

    file = keras_create(path, NULL);
    keras_names(file.weights, "layer_names", layers, 1, 0);
    H5Gclose(keras_layer(&file, "quant_dense", weights, 1));
    keras_close(&file);
    check_refused(path, "data set 'dense/kernel:0' is missing");
    check_refused("/no/such.h5", "cannot open");
}

static void shapes_and_integers_are_told_apart(void **state) {
    (void)state;
    const char *path = test_scratch("kinds.h5");
    struct made_keras file = keras_create(path, NULL);
    keras_numbers(file.weights, "quant_a/output_min", H5T_IEEE_F64LE, scalar, values);
    keras_numbers(file.weights, "deep/er/a/kernel", H5T_IEEE_F32LE, pair, values);
    keras_numbers(file.weights, "quant_a/optimizer_step", H5T_STD_I32LE, scalar, values);
    H5Lcreate_soft("/nowhere", file.weights, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    keras_close(&file);
    struct variables *variables = load(path);
    assert_int_equal(variables->count, 2);
    assert_int_equal(variables_find(variables, "a", "output_min")->rank, 0);
    assert_near(variables_find(variables, "a", "output_min")->values[0], -1.5, 0);
    assert_int_equal(variables_find(variables, "a", "kernel")->size[0], 2);
    assert_near(variables_find(variables, "a", "kernel")->values[1], 2.25, 0);
    variables_free(variables);
}

static void groups_that_go_in_circles_end(void **state) {
    (void)state;
    const char *path = test_scratch("circle.h5");
    struct made_keras file = keras_create(path, NULL);
    hid_t group = H5Gcreate2(file.weights, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    keras_numbers(group, "kernel", H5T_IEEE_F32LE, pair, values);
    H5Lcreate_hard(file.file, "/", group, "circle", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    keras_close(&file);
    struct error error;
    struct variables *variables;
    if (variables_load(path, &variables, &error))
        assert_non_null(strstr(error.text, "twice"));
    else
        variables_free(variables);
}

static void variables_cut_anywhere_are_refused(void **state) {
    (void)state;
    struct error error;
    const char *whole = test_scratch("whole.h5"), *cut = test_scratch("cut.h5");
    struct made_keras file = keras_create(whole, NULL);
    keras_numbers(file.weights, "dense/kernel", H5T_IEEE_F32LE, pair, values);
    keras_close(&file);
    size_t length;
    unsigned char *bytes = test_read(whole, &length);
    for (size_t i = 0; i < length; i += i < 512 ? 8 : 61) {
        assert_ok(file_replace(cut, bytes, i, NULL, NULL, &error), &error);
        check_refused(cut, "");
    }
    free(bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(both_layouts_give_the_same_list_of_names),
    cmocka_unit_test(values_are_those_of_the_trace),
    cmocka_unit_test(a_plain_model_has_variables_too),
    cmocka_unit_test(odd_files_are_refused_by_name),
    cmocka_unit_test(shapes_and_integers_are_told_apart),
    cmocka_unit_test(groups_that_go_in_circles_end),
    cmocka_unit_test(variables_cut_anywhere_are_refused),
};
TEST_MAIN(tests)
