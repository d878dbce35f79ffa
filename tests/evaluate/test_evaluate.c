#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "evaluate/evaluate.h"
#include "tflite/tflite.h"

static struct samples digits_of_test(struct dataset *dataset) {
    struct error error;
    test_shared("data/mnist/t10k-images-idx3-ubyte.gz");
    const char *images = test_shared("data/mnist/t10k-images-idx3-ubyte.gz");
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", images);
    *strrchr(folder, '/') = 0;
    assert_ok(dataset_load(dataset, folder, &error), &error);
    return dataset->test;
}

static double golden_number(const char *path, const char *section, const char *key) {
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    double number = json_number_value(json_object_get(json_object_get(root, section), key));
    json_decref(root);
    return number;
}

/* Accuracy exactly Keras', loss within 1e-5, every probability near. */
static void float_path_agrees_with_keras(const char *name) {
    struct error error;
    struct dataset dataset;
    char path[128];
    struct samples digits = digits_of_test(&dataset);
    struct model *model;
    snprintf(path, sizeof path, "golden/%s/model.h5", name);
    assert_ok(model_load(test_shared(path), &model, &error), &error);
    struct pool *pool;
    assert_ok(pool_create(&pool, 2, &error), &error);

    struct predictions got;
    assert_ok(evaluate_float(model, model->weights, &digits, pool, &got, &error), &error);
    snprintf(path, sizeof path, "golden/%s/expect.json", name);
    const char *expect = test_shared(path);
    double accuracy = golden_number(expect, "fp32_test", "accuracy");
    assert_int_equal(got.correct, lround(accuracy * 10000));
    assert_true(got.accuracy == (double)got.correct / 10000);
    double loss = golden_number(expect, "fp32_test", "loss");
    print_message("# %s: loss %.9f, Keras' %.9f\n", name, got.loss, loss);
    assert_near(got.loss, loss, 1e-5);

    snprintf(path, sizeof path, "golden/%s/fp32_probs.f32", name);
    size_t length;
    float *want = (float *)test_read(test_shared(path), &length);
    assert_int_equal(length, 10000 * 10 * sizeof *want);
    double worst = 0;
    for (size_t i = 0; i < 100000; i++)
        worst = fmax(worst, fabs((double)got.probabilities[i] - (double)want[i]));
    print_message("# %s: largest difference of a probability %.3g\n", name, worst);
    assert_near(worst, 0, 2e-5);
    free(want);
    predictions_free(&got);
    pool_destroy(pool);
    model_free(model);
    dataset_free(&dataset);
}

static void fc_in_float_is_what_keras_computes(void **state) {
    (void)state;
    float_path_agrees_with_keras("fc");
}

static void cnn_in_float_is_what_keras_computes(void **state) {
    (void)state;
    float_path_agrees_with_keras("cnn");
}

static void cnn_bn_in_float_is_what_keras_computes(void **state) {
    (void)state;
    float_path_agrees_with_keras("cnn_bn");
}

/* ---- without the goldens ---- */

/* A model and a program, each of 28x28x1 and 10 classes, on these samples. */
static void check_refusals(const struct samples *samples, enum status wanted, const char *text) {
    struct error error;
    struct model *model;
    struct frozen *frozen;
    struct predictions got;
    assert_ok(model_build("cnn", 1, &model, &error), &error);
    assert_int_equal(evaluate_float(model, model->weights, samples, NULL, &got, &error), wanted);
    assert_string_equal(error.where, model->name);
    assert_string_equal(error.text, text);
    assert_null(got.labels);
    assert_ok(tflite_read(test_golden("qat.tflite"), &frozen, &error), &error);
    assert_int_equal(evaluate_frozen(frozen, RUNTIME_REF, samples, NULL, "x.tflite", &got, &error),
                     wanted);
    assert_string_equal(error.where, "x.tflite");
    assert_string_equal(error.text, text);
    frozen_free(frozen);
    model_free(model);
}

static void samples_must_fit_the_model(void **state) {
    (void)state;
    static unsigned char images[2 * 784];
    uint16_t labels[2] = {1, 0};
    struct samples digits = test_digits(images, labels, 2), wrong = digits;
    wrong.count = 0;
    check_refusals(&wrong, STATUS_USAGE, "there are no samples to evaluate on");
    wrong = digits;
    wrong.classes = 11;
    check_refusals(&wrong, STATUS_UNSUPPORTED, "tells 10 classes apart; the data have 11");
    wrong = digits;
    wrong.shape = (struct shape){3, {14, 14, 4}};
    check_refusals(&wrong, STATUS_FORMAT, "holds 14x14x4; the model takes 28x28x1");
}

static void a_model_of_more_classes_than_the_data_have_is_evaluated(void **state) {
    (void)state;
    static unsigned char images[2 * 784];
    uint16_t labels[2] = {1, 0};
    struct samples digits = test_digits(images, labels, 2);
    struct error error;
    struct frozen *frozen;
    struct predictions got;
    digits.classes = 2;
    assert_ok(tflite_read(test_golden("qat.tflite"), &frozen, &error), &error);
    assert_ok(evaluate_frozen(frozen, RUNTIME_REF, &digits, NULL, "x.tflite", &got, &error),
              &error);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.classes, 10);
    predictions_free(&got);
    frozen_free(frozen);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fc_in_float_is_what_keras_computes),
    cmocka_unit_test(cnn_in_float_is_what_keras_computes),
    cmocka_unit_test(cnn_bn_in_float_is_what_keras_computes),
    cmocka_unit_test(samples_must_fit_the_model),
    cmocka_unit_test(a_model_of_more_classes_than_the_data_have_is_evaluated),
};
TEST_MAIN(tests)
