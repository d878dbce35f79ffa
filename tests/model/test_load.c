#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "made_keras.h"
#include "model/model.h"

/* input(3) - Dense d, 2 units. */
#define CONFIG                                                                                     \
    "{'class_name':'Sequential','config':{'name':'m','layers':["                                   \
    "{'class_name':'InputLayer','config':{'batch_input_shape':[null,3],'name':'in'}},"             \
    "{'class_name':'Dense','config':{'name':'d','units':2}}]}}"
static const char *const layer_list[] = {"d"};
static const char *const weight_list[] = {"d/kernel:0", "d/bias:0"};
static const hsize_t kernel_size[] = {3, 2, 0}, bias_size[] = {2, 0};
static const float kernel[] = {1, -2, 0.5f, 4, -0.25f, 6}, bias[] = {-1, 8};

static void check_weights(const char *path) {
    struct error error;
    struct model *model;
    assert_ok(model_load(path, &model, &error), &error);
    assert_int_equal(model->parameter_count, 2);
    assert_memory_equal(model->weights + model->parameters[0].offset, kernel, sizeof kernel);
    assert_memory_equal(model->weights + model->parameters[1].offset, bias, sizeof bias);
    model_free(model);
}

static void check_refused(const char *path, const char *text) {
    struct error error;
    struct model *model;
    enum status status = model_load(path, &model, &error);
    assert_int_not_equal(status, STATUS_OK);
    assert_null(model);
    assert_string_equal(error.where, path);
    if (!strstr(error.text, text)) {
        print_error("got '%s', want '%s'\n", error.text, text);
        fail();
    }
}

/* A good file, but for what the arguments change. */
static const char *write_model(hid_t type, int is_fixed, const hsize_t *size, const float *values) {
    const char *path = test_scratch("model.h5");
    struct made_keras file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", layer_list, 1, is_fixed);
    hid_t group = H5Gcreate2(file.weights, "d", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    keras_names(group, "weight_names", weight_list, 2, is_fixed);
    keras_numbers(group, "d/kernel:0", type, size, values);
    keras_numbers(group, "d/bias:0", type, bias_size, bias);
    H5Gclose(group);
    keras_close(&file);
    return path;
}

static hid_t half_type(void) {
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

static void the_bundled_models_load(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(model_load(test_asset("models/mnist_fc.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 3);
    assert_string_equal(model->name, "mnist_fc");
    assert_string_equal(model->parameters[0].name, "dense/kernel");
    assert_int_equal(model->parameters[0].count, 784 * 128);
    assert_int_equal((uintptr_t)model->weights % 64, 0);
    for (int i = 0; i < model->parameter_count; i++)
        assert_int_equal(model->parameters[i].offset % 16, 0);
    assert_ok(model_check_classifier(model, "x", &error), &error);
    model_free(model);
    assert_ok(model_load(test_asset("models/mnist_cnn.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 8);
    assert_int_equal(shape_count(&model->layers[5].output), 1600);
    assert_near(model->layers[6].rate, 0.5, 0);
    assert_ok(model_check_classifier(model, "x", &error), &error);
    model_free(model);
}

static void the_models_of_both_keras_generations_load(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(model_load(test_shared("golden/fc/model.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 3);
    model_free(model);
    assert_ok(model_load(test_shared("golden/cnn/model.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 8);
    model_free(model);
    assert_ok(model_load(test_shared("golden/keras3/flatten_fc.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 5);
    assert_int_equal(model->layers[0].output.rank, 2);
    assert_int_equal(model->layers[3].kind, LAYER_DROPOUT);
    assert_ok(model_check_classifier(model, "x", &error), &error);
    model_free(model);
}

/* Keras' order of a BatchNormalization's weights; a moving variance cannot be below 0. */
static void check_normalization(const struct model *model, int index) {
    static const char *const names[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const struct layer *layer = &model->layers[index];
    assert_int_equal(layer->kind, LAYER_BATCH_NORMALIZATION);
    assert_int_equal(layer->parameter_count, 4);
    for (int i = 0; i < 4; i++) {
        const struct parameter *parameter = &model->parameters[layer->first_parameter + i];
        assert_string_equal(strchr(parameter->name, '/') + 1, names[i]);
        assert_int_equal(parameter->is_trained, i < 2);
        for (size_t c = 0; i == 3 && c < parameter->count; c++)
            assert_true(model->weights[parameter->offset + c] > 0);
    }
    assert_int_equal(layer->normalization.moving_variance, layer->first_parameter + 3);
    assert_near(layer->normalization.momentum, 0.99, 0);
    assert_near(layer->normalization.epsilon, 0.001, 0);
}

static void depthwise_and_normalization_load(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(model_load(test_shared("golden/cnn_bn/model.h5"), &model, &error), &error);
    assert_int_equal(model->layer_count, 16);
    check_normalization(model, 2);
    const struct layer *depthwise = &model->layers[5];
    assert_int_equal(depthwise->kind, LAYER_DEPTHWISE_CONV2D);
    assert_int_equal(depthwise->units, 16);
    assert_string_equal(model->parameters[depthwise->kernel].name,
                        "depthwise_conv2d/depthwise_kernel");
    check_normalization(model, 6);
    assert_int_equal(model->layers[7].activation, ACTIVATION_RELU6);
    assert_int_equal(model->layers[13].output.rank, 1);
    model_free(model);
    assert_ok(model_load(test_shared("golden/keras3/cnn_rescale.h5"), &model, &error), &error);
    check_normalization(model, 2);
    model_free(model);
}

static void all_encodings_give_the_same_weights(void **state) {
    (void)state;
    hid_t half = half_type(), brain = H5Tcreate(H5T_OPAQUE, 2); /* as h5py stores bfloat16 */
    check_weights(write_model(H5T_IEEE_F32LE, 0, kernel_size, kernel));
    check_weights(write_model(H5T_IEEE_F32LE, 1, kernel_size, kernel));
    check_weights(write_model(H5T_IEEE_F32BE, 0, kernel_size, kernel));
    check_weights(write_model(H5T_IEEE_F64LE, 0, kernel_size, kernel));
    check_weights(write_model(half, 0, kernel_size, kernel));
    check_weights(write_model(brain, 0, kernel_size, kernel));
    H5Tclose(half);
    H5Tclose(brain);
}

static void names_split_into_parts_are_joined(void **state) {
    (void)state;
    const char *path = test_scratch("split.h5");
    struct made_keras file = keras_create(path, CONFIG);
    static const char *const other[] = {"other"};
    keras_names(file.weights, "layer_names0", other, 1, 0);
    keras_names(file.weights, "layer_names1", layer_list, 1, 1);
    hid_t group = H5Gcreate2(file.weights, "d", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    keras_names(group, "weight_names0", weight_list, 1, 0);
    keras_names(group, "weight_names1", weight_list + 1, 1, 0);
    keras_numbers(group, "d/kernel:0", H5T_IEEE_F32LE, kernel_size, kernel);
    keras_numbers(group, "d/bias:0", H5T_IEEE_F32LE, bias_size, bias);
    H5Gclose(group);
    keras_close(&file);
    check_weights(path);
}

static void names_not_places_say_which_weight_is_which(void **state) {
    (void)state;
    /* Keras 3: no ":0", and the model's name in front. */
    static const char *const names[] = {"m/d/kernel", "m/d/bias"};
    const char *path = test_scratch("keras3.h5");
    struct made_keras file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", layer_list, 1, 0);
    hid_t group = keras_layer(&file, "d", names, 2);
    keras_numbers(group, "m/d/kernel", H5T_IEEE_F32LE, kernel_size, kernel);
    keras_numbers(group, "m/d/bias", H5T_IEEE_F32LE, bias_size, bias);
    H5Gclose(group);
    keras_close(&file);
    check_weights(path);
}

static void wrong_weights_are_refused(void **state) {
    (void)state;
    static const hsize_t turned[] = {2, 3, 0}, flat[] = {6, 0}, deep[] = {1, 1, 1, 3, 2, 0};
    float values[6];
    check_refused(write_model(H5T_IEEE_F32LE, 0, turned, kernel),
                  "layer 'd' (Dense): its weights 'd/kernel:0' have the shape (2, 3), the model's "
                  "config asks for (3, 2)");
    check_refused(write_model(H5T_IEEE_F32LE, 0, flat, kernel), "have the shape (6,)");
    check_refused(write_model(H5T_IEEE_F32LE, 0, deep, kernel), "has 5 dimensions");
    check_refused(write_model(H5T_STD_I32LE, 0, kernel_size, kernel),
                  "layer 'd' (Dense): its weights 'd/kernel:0' are not float16, bfloat16, float32 "
                  "or float64");
    memcpy(values, kernel, sizeof values);
    values[4] = NAN;
    check_refused(write_model(H5T_IEEE_F32LE, 0, kernel_size, values),
                  "layer 'd' (Dense): 'd/kernel' holds NaN at index 4");
    values[4] = INFINITY;
    check_refused(write_model(H5T_IEEE_F32LE, 0, kernel_size, values), "holds infinity at index 4");
}

static void a_data_set_of_hostile_size_is_refused(void **state) {
    (void)state;
    const char *path = test_scratch("huge.h5");
    hsize_t huge[] = {1 << 30, 1 << 30}, growing[] = {3, 2},
            unlimited[] = {H5S_UNLIMITED, H5S_UNLIMITED}, chunk[] = {1 << 15, 1 << 14};
    for (int i = 0; i < 2; i++) {
        struct made_keras file = keras_create(path, CONFIG);
        keras_names(file.weights, "layer_names", layer_list, 1, 0);
        hid_t group = keras_layer(&file, "d", weight_list, 2);
        hid_t links = H5Pcreate(H5P_LINK_CREATE), properties = H5Pcreate(H5P_DATASET_CREATE);
        hid_t space = H5Screate_simple(2, i ? growing : huge, i ? unlimited : NULL);
        H5Pset_create_intermediate_group(links, 1);
        if (i) H5Pset_chunk(properties, 2, chunk);
        H5Pset_alloc_time(properties, H5D_ALLOC_TIME_INCR);
        if (!i) {
            hsize_t small[] = {1 << 10, 1 << 10};
            H5Pset_chunk(properties, 2, small);
        }
        hid_t dataset =
            H5Dcreate2(group, "d/kernel:0", H5T_IEEE_F32LE, space, links, properties, H5P_DEFAULT);
        assert_true(dataset >= 0);
        H5Dclose(dataset);
        H5Sclose(space);
        H5Pclose(properties);
        H5Pclose(links);
        H5Gclose(group);
        keras_close(&file);
        check_refused(path, i ? "the chunks of 'd/kernel:0' are too large"
                              : "claims more than 67108864 values");
    }
}

static void values_in_another_file_are_refused(void **state) {
    (void)state;
    const char *path = test_scratch("outside.h5");
    struct made_keras file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", layer_list, 1, 0);
    hid_t group = keras_layer(&file, "d", weight_list, 2);
    hid_t inner = H5Gcreate2(group, "d", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE),
          space = H5Screate_simple(2, kernel_size, NULL);
    H5Pset_external(properties, "/etc/passwd", 0, 24);
    hid_t dataset =
        H5Dcreate2(inner, "kernel:0", H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(properties);
    H5Gclose(inner);
    H5Gclose(group);
    keras_close(&file);
    check_refused(path, "keeps its values in another file");
}

static void missing_parts_are_named(void **state) {
    (void)state;
    const char *path = test_scratch("missing.h5");
    struct made_keras file = keras_create(path, NULL);
    keras_close(&file);
    check_refused(path, "is not a Keras model: it has no model_config; save it with "
                        "model.save('x.h5')");

    file = keras_create(path, CONFIG);
    keras_close(&file);
    check_refused(path, "'model_weights' has no layer_names");

    file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", NULL, 0, 0);
    keras_close(&file);
    check_refused(path, "layer 'd' (Dense): its weights are missing from the file");

    file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", layer_list, 1, 0);
    keras_close(&file);
    check_refused(path, "layer 'd' (Dense): its weights are missing from the file");

    file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", layer_list, 1, 0);
    hid_t group = keras_layer(&file, "d", weight_list, 1);
    H5Gclose(group);
    keras_close(&file);
    check_refused(path, "the file has 1 weights for it, its config asks for 2");

    file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", layer_list, 1, 0);
    group = keras_layer(&file, "d", weight_list, 2);
    keras_numbers(group, "d/kernel:0", H5T_IEEE_F32LE, kernel_size, kernel);
    H5Gclose(group);
    keras_close(&file);
    check_refused(path, "data set 'd/bias:0' is missing");

    file = keras_create(path, "{'class_name':");
    keras_close(&file);
    check_refused(path, "model_config is not valid JSON");
}

static void what_is_no_hdf5_is_refused(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("other.h5");
    assert_ok(file_replace(path, "no HDF5", 7, NULL, NULL, &error), &error);
    check_refused(path, "is not an HDF5 file");
    assert_ok(file_replace(path, "", 0, NULL, NULL, &error), &error);
    check_refused(path, "is not an HDF5 file");
    check_refused("/no/such.h5", "cannot open: No such file or directory");
    check_refused("/", "is not a regular file");
    check_refused("/dev/null", "is not a regular file");
}

static void a_model_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct error error;
    const char *cut = test_scratch("cut.h5");
    size_t length;
    unsigned char *bytes = test_read(write_model(H5T_IEEE_F32LE, 0, kernel_size, kernel), &length);
    for (size_t i = 0; i < length; i += i < 512 ? 8 : 61) {
        assert_ok(file_replace(cut, bytes, i, NULL, NULL, &error), &error);
        check_refused(cut, i < 8 ? "is not an HDF5 file" : "");
    }
    free(bytes);
    bytes = test_read(test_asset("models/mnist_cnn.h5"), &length);
    for (size_t i = 0; i < 40; i++) {
        assert_ok(file_replace(cut, bytes, length * i / 40, NULL, NULL, &error), &error);
        check_refused(cut, "");
    }
    free(bytes);
}

/* Data of another shape are refused where model and data meet: samples_check_input. */
static void a_classifier_has_one_number_for_each_of_two_to_a_thousand_classes(void **state) {
    (void)state;
    static const int right[] = {2, 9, 10, MAX_MODEL_CLASSES};
    static const int wrong[] = {1, MAX_MODEL_CLASSES + 1};
    struct error error;
    struct model *model;
    const char *path = write_model(H5T_IEEE_F32LE, 0, kernel_size, kernel);
    assert_ok(model_load(path, &model, &error), &error);
    assert_int_equal(model->layers[0].output.size[0], 3);
    assert_ok(model_check_classifier(model, path, &error), &error);
    model_free(model);
    assert_ok(model_load(test_asset("models/mnist_fc.h5"), &model, &error), &error);
    struct shape *output = &model->layers[2].output;
    for (int i = 0; i < 4; i++) {
        output->size[0] = right[i];
        assert_ok(model_check_classifier(model, path, &error), &error);
        assert_int_equal(model_classes(model), right[i]);
    }
    for (int i = 0; i < 2; i++) {
        char want[128];
        output->size[0] = wrong[i];
        assert_int_equal(model_check_classifier(model, path, &error), STATUS_UNSUPPORTED);
        assert_string_equal(error.where, path);
        snprintf(want, sizeof want,
                 "layer 'dense_1' (Dense): gives %d; a classifier gives 2 to 1000 numbers, one a "
                 "class",
                 wrong[i]);
        assert_string_equal(error.text, want);
    }
    *output = (struct shape){3, {1, 1, 10}};
    assert_int_equal(model_check_classifier(model, path, &error), STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.text, "gives 1x1x10; "));
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_bundled_models_load),
    cmocka_unit_test(the_models_of_both_keras_generations_load),
    cmocka_unit_test(depthwise_and_normalization_load),
    cmocka_unit_test(all_encodings_give_the_same_weights),
    cmocka_unit_test(names_split_into_parts_are_joined),
    cmocka_unit_test(names_not_places_say_which_weight_is_which),
    cmocka_unit_test(wrong_weights_are_refused),
    cmocka_unit_test(a_data_set_of_hostile_size_is_refused),
    cmocka_unit_test(values_in_another_file_are_refused),
    cmocka_unit_test(missing_parts_are_named),
    cmocka_unit_test(what_is_no_hdf5_is_refused),
    cmocka_unit_test(a_model_cut_anywhere_is_refused),
    cmocka_unit_test(a_classifier_has_one_number_for_each_of_two_to_a_thousand_classes),
};
TEST_MAIN(tests)
