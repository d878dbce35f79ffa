#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "model/summary.h"

/* Printed by tf_keras 2.21 for the bundled models. */
static const char fc_summary[] =
    "Model: \"mnist_fc\"\n"
    "_________________________________________________________________\n"
    " Layer (type)                Output Shape              Param #   \n"
    "=================================================================\n"
    " dense (Dense)               (None, 128)               100480    \n"
    "                                                                 \n"
    " dense_1 (Dense)             (None, 10)                1290      \n"
    "                                                                 \n"
    "=================================================================\n"
    "Total params: 101770 (397.54 KB)\n"
    "Trainable params: 101770 (397.54 KB)\n"
    "Non-trainable params: 0 (0.00 Byte)\n"
    "_________________________________________________________________\n";

static const char cnn_summary[] =
    "Model: \"mnist_cnn\"\n"
    "_________________________________________________________________\n"
    " Layer (type)                Output Shape              Param #   \n"
    "=================================================================\n"
    " conv2d (Conv2D)             (None, 26, 26, 32)        320       \n"
    "                                                                 \n"
    " max_pooling2d (MaxPooling2  (None, 13, 13, 32)        0         \n"
    " D)                                                              \n"
    "                                                                 \n"
    " conv2d_1 (Conv2D)           (None, 11, 11, 64)        18496     \n"
    "                                                                 \n"
    " max_pooling2d_1 (MaxPoolin  (None, 5, 5, 64)          0         \n"
    " g2D)                                                            \n"
    "                                                                 \n"
    " flatten (Flatten)           (None, 1600)              0         \n"
    "                                                                 \n"
    " dropout (Dropout)           (None, 1600)              0         \n"
    "                                                                 \n"
    " dense_2 (Dense)             (None, 10)                16010     \n"
    "                                                                 \n"
    "=================================================================\n"
    "Total params: 34826 (136.04 KB)\n"
    "Trainable params: 34826 (136.04 KB)\n"
    "Non-trainable params: 0 (0.00 Byte)\n"
    "_________________________________________________________________\n";

static void check(const char *path, const char *expected) {
    struct error error;
    struct model *model;
    char *text;
    assert_ok(model_load(path, &model, &error), &error);
    assert_ok(model_summary(model, &text, &error), &error);
    assert_string_equal(text, expected);
    free(text);
    model_free(model);
}

static void summary_is_the_table_that_keras_prints(void **state) {
    (void)state;
    check(test_asset("models/mnist_fc.h5"), fc_summary);
    check(test_asset("models/mnist_cnn.h5"), cnn_summary);
}

static void summary_of_a_graph_tells_what_each_layer_reads(void **state) {
    (void)state;
    size_t length;
    char *expected = (char *)test_read(test_golden("residual/summary.txt"), &length);
    check(test_golden("residual/model.h5"), expected);
    free(expected);
}

static void control_characters_in_names_do_not_reach_the_text(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    char *text;
    assert_ok(model_build("fc", 1, &model, &error), &error);
    strcpy(model->name, "m\x1b[31m\nx");
    strcpy(model->layers[1].name, "a\x1b]0;\x07\xc2\x9b\xc3\xa9\x7f");
    assert_ok(model_summary(model, &text, &error), &error);
    assert_non_null(strstr(text, "Model: \"m?[31m?x\"\n"));
    assert_non_null(strstr(text, " a?]0;???\xc3\xa9? (Dense)"));
    free(text);
    model_free(model);
}

static void built_models_have_the_bundled_models_sizes(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    char *text;
    assert_ok(model_build("cnn", 1, &model, &error), &error);
    assert_ok(model_summary(model, &text, &error), &error);
    assert_non_null(strstr(text, "Total params: 34826 (136.04 KB)\n"));
    free(text);
    model_free(model);
}

/* 144 + 144 + 512 + 9248 + 330 in kernels and biases; 4 numbers a channel of 16, 16 and 32, of
 * which mean and variance are not trained. */
static void moving_statistics_are_counted_as_not_trainable(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    char *text;
    assert_ok(model_load(test_shared("golden/cnn_bn/model.h5"), &model, &error), &error);
    assert_ok(model_summary(model, &text, &error), &error);
    assert_non_null(strstr(text,
                           "\n batch_normalization (Batch  (None, 28, 28, 16)        64        \n"
                           " Normalization)  "));
    assert_non_null(strstr(text, "Total params: 10634 (41.54 KB)\n"
                                 "Trainable params: 10506 (41.04 KB)\n"
                                 "Non-trainable params: 128 (512.00 Byte)\n"));
    free(text);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(moving_statistics_are_counted_as_not_trainable),
    cmocka_unit_test(summary_is_the_table_that_keras_prints),
    cmocka_unit_test(control_characters_in_names_do_not_reach_the_text),
    cmocka_unit_test(summary_of_a_graph_tells_what_each_layer_reads),
    cmocka_unit_test(built_models_have_the_bundled_models_sizes),
};
TEST_MAIN(tests)
