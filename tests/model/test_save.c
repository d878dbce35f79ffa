#include "test.h"

#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "model/model.h"
#include "model/summary.h"

static struct model *load(const char *path) {
    struct error error;
    struct model *model;
    assert_ok(model_load(path, &model, &error), &error);
    return model;
}

static void assert_same_model(const struct model *a, const struct model *b) {
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->layer_count, b->layer_count);
    assert_int_equal(a->parameter_count, b->parameter_count);
    assert_int_equal(a->weight_count, b->weight_count);
    for (int i = 0; i < a->parameter_count; i++)
        assert_string_equal(a->parameters[i].name, b->parameters[i].name);
    assert_memory_equal(a->weights, b->weights, a->weight_count * sizeof *a->weights);
}

static void a_saved_model_loads_with_the_same_weights(void **state) {
    (void)state;
    static const char *const assets[] = {"models/mnist_fc.h5", "models/mnist_cnn.h5"};
    struct error error;
    for (int i = 0; i < 2; i++) {
        struct model *model = load(test_asset(assets[i]));
        const char *path = test_scratch("saved/model.h5");
        assert_ok(model_save(model, NULL, path, &error), &error);
        struct model *again = load(path);
        assert_same_model(model, again);
        model_free(model);
        model_free(again);
    }
}

static void depthwise_and_normalization_are_saved(void **state) {
    (void)state;
    struct error error;
    struct model *model = load(test_shared("golden/cnn_bn/model.h5"));
    const char *path = test_scratch("saved/model.h5");
    assert_ok(model_save(model, NULL, path, &error), &error);
    struct model *again = load(path);
    assert_same_model(model, again);
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *a = &model->layers[i], *b = &again->layers[i];
        assert_int_equal(a->activation, b->activation);
        assert_memory_equal(&a->window, &b->window, sizeof a->window);
        assert_int_equal(a->depth_multiplier, b->depth_multiplier);
        assert_near(a->normalization.momentum, b->normalization.momentum, 0);
        assert_near(a->normalization.epsilon, b->normalization.epsilon, 0);
    }
    model_free(again);
    model_free(model);
}

/* tests/golden/make_saved.py: a Conv2D and two BatchNormalizations have trainable=False. */
static void what_is_not_to_be_trained_is_read_counted_and_saved(void **state) {
    (void)state;
    struct error error;
    struct model *model = load(test_golden("frozen.h5"));
    const char *path = test_scratch("saved/model.h5");
    assert_ok(model_save(model, NULL, path, &error), &error);
    struct model *again = load(path);
    for (int i = 0; i < model->layer_count; i++) {
        const char *name = model->layers[i].name;
        bool trainable = !strstr(name, "norm") && strcmp(name, "fixed");
        assert_int_equal(model->layers[i].trainable, trainable);
        assert_int_equal(again->layers[i].trainable, trainable);
    }
    char *text;
    assert_ok(model_summary(model, &text, &error), &error);
    /* 2 and 3 channels of normalization, 4 numbers each, and a kernel of 3x3x2x3 with its bias. */
    assert_non_null(strstr(text, "Non-trainable params: 77 (308.00 Byte)\n"));
    assert_non_null(strstr(text, "Trainable params: 1110 (4.34 KB)\n"));
    free(text);
    model_free(again);
    model_free(model);
}

static void a_residual_network_is_saved_as_it_was(void **state) {
    (void)state;
    static const char *const models[] = {"residual/model.h5", "residual_keras3/model.keras"};
    struct error error;
    for (int m = 0; m < 2; m++) {
        struct model *model = load(test_golden(models[m]));
        const char *path = test_scratch("saved/model.h5");
        assert_ok(model_save(model, NULL, path, &error), &error);
        struct model *again = load(path);
        assert_same_model(model, again);
        for (int i = 0; i < model->layer_count; i++) {
            const struct layer *a = &model->layers[i], *b = &again->layers[i];
            assert_string_equal(a->name, b->name);
            assert_int_equal(a->kind, b->kind);
            assert_int_equal(a->input_count, b->input_count);
            assert_memory_equal(a->inputs, b->inputs, sizeof a->inputs);
        }
        model_free(again);
        model_free(model);
    }
}

static void built_models_can_be_saved_and_are_initialised_as_keras_does(void **state) {
    (void)state;
    struct error error;
    static const char *const words[] = {"fc", "cnn"};
    for (int i = 0; i < 2; i++) {
        struct model *model;
        assert_ok(model_build(words[i], 7, &model, &error), &error);
        assert_ok(model_check_classifier(model, "built", &error), &error);
        const struct parameter *kernel = &model->parameters[0];
        /* glorot_uniform: sqrt(6 / (784 + 128)) and sqrt(6 / (9 * 1 + 9 * 32)). */
        double limit = i ? 0.14213381 : 0.08111071, sum = 0, highest = 0;
        for (size_t j = 0; j < kernel->count; j++) {
            double value = (double)model->weights[kernel->offset + j];
            assert_true(value >= -limit - 1e-7 && value <= limit + 1e-7);
            sum += value;
            if (value > highest) highest = value;
        }
        assert_near(sum / (double)kernel->count, 0, limit * 4 / 1.7 / 16);
        assert_true(highest > limit * 0.95);
        for (size_t j = 0; j < model->parameters[1].count; j++)
            assert_near(model->weights[model->parameters[1].offset + j], 0, 0);
        const char *path = test_scratch("built.h5");
        assert_ok(model_save(model, NULL, path, &error), &error);
        struct model *again = load(path), *other;
        assert_same_model(model, again);
        assert_ok(model_build(words[i], 8, &other, &error), &error);
        assert_memory_not_equal(model->weights, other->weights,
                                kernel->count * sizeof *model->weights);
        model_free(model);
        model_free(again);
        model_free(other);
    }
    struct model *model;
    assert_int_equal(model_build("resnet", 1, &model, &error), STATUS_USAGE);
}

static void other_weights_can_be_given(void **state) {
    (void)state;
    struct error error;
    struct model *model = load(test_asset("models/mnist_cnn.h5"));
    float *weights = calloc(model->weight_count, sizeof *weights);
    for (int i = 0; i < model->parameter_count; i++)
        for (size_t j = 0; j < model->parameters[i].count; j++)
            weights[model->parameters[i].offset + j] = (float)j;
    const char *path = test_scratch("given.h5");
    assert_ok(model_save(model, weights, path, &error), &error);
    struct model *again = load(path);
    assert_memory_equal(again->weights, weights, model->weight_count * sizeof *weights);
    free(weights);
    model_free(model);
    model_free(again);
}

static void the_same_weights_give_the_same_bytes(void **state) {
    (void)state;
    struct error error;
    struct model *model = load(test_asset("models/mnist_fc.h5"));
    const char *first = test_scratch("first.h5"), *second = test_scratch("second.h5");
    assert_ok(model_save(model, NULL, first, &error), &error);
    assert_ok(model_save(model, NULL, second, &error), &error);
    size_t length_1, length_2;
    unsigned char *bytes_1 = test_read(first, &length_1), *bytes_2 = test_read(second, &length_2);
    assert_int_equal(length_1, length_2);
    assert_memory_equal(bytes_1, bytes_2, length_1);
    free(bytes_1);
    free(bytes_2);
    model_free(model);
}

static void a_failed_save_leaves_the_old_file(void **state) {
    (void)state;
    struct error error;
    struct model *model = load(test_asset("models/mnist_fc.h5"));
    assert_int_equal(model_save(model, NULL, "/proc/qatop/x.h5", &error), STATUS_IO);
    /* The target is a folder: the rename fails after all is written. */
    const char *path = test_scratch("target.h5/old");
    assert_ok(file_replace(path, "old", 3, NULL, NULL, &error), &error);
    char folder[1024];
    strcpy(folder, path);
    *strrchr(folder, '/') = 0;
    assert_int_equal(model_save(model, NULL, folder, &error), STATUS_IO);
    assert_string_equal(error.where, folder);
    size_t length;
    unsigned char *bytes = test_read(path, &length);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
    model_free(model);
}

/* A disk that is full after 100,000 bytes. */
static void a_full_disk_is_an_error_and_leaves_the_old_file(void **state) {
    (void)state;
    struct error error;
    struct model *model = load(test_asset("models/mnist_fc.h5"));
    const char *path = test_scratch("full/model.h5");
    assert_ok(file_replace(path, "old", 3, NULL, NULL, &error), &error);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum status status = model_save(model, NULL, path, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, STATUS_IO);
    assert_string_equal(error.where, path);
    size_t length;
    unsigned char *bytes = test_read(path, &length);
    assert_int_equal(length, 3);
    free(bytes);
    glob_t found;
    char pattern[1100];
    snprintf(pattern, sizeof pattern, "%s.*", path);
    assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
    /* And the library is none the worse for it. */
    assert_ok(model_save(model, NULL, path, &error), &error);
    struct model *again = load(path);
    assert_same_model(model, again);
    model_free(again);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_saved_model_loads_with_the_same_weights),
    cmocka_unit_test(depthwise_and_normalization_are_saved),
    cmocka_unit_test(what_is_not_to_be_trained_is_read_counted_and_saved),
    cmocka_unit_test(a_residual_network_is_saved_as_it_was),
    cmocka_unit_test(built_models_can_be_saved_and_are_initialised_as_keras_does),
    cmocka_unit_test(other_weights_can_be_given),
    cmocka_unit_test(the_same_weights_give_the_same_bytes),
    cmocka_unit_test(a_failed_save_leaves_the_old_file),
    cmocka_unit_test(a_full_disk_is_an_error_and_leaves_the_old_file),
};
TEST_MAIN(tests)
