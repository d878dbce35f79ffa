#include "test.h"

#include <string.h>

#include "model/model.h"

static void the_bundled_models_load(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(model_load(test_asset("models/mnist_fc.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 3);
    assert_string_equal(model->name, "mnist_fc");
    assert_string_equal(model->parameters[0].name, "dense/kernel");
    assert_int_equal(model->parameters[0].count, 784 * 128);
    assert_ok(model_check_digits(model, "x", &error), &error);
    model_free(model);
    assert_ok(model_load(test_asset("models/mnist_cnn.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 8);
    assert_int_equal(shape_count(&model->layers[5].output), 1600);
    assert_ok(model_check_digits(model, "x", &error), &error);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_bundled_models_load),
};
TEST_MAIN(tests)
