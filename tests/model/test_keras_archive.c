#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "base/file.h"
#include "made_keras.h"
#include "model/model.h"

/* input(3) - Dense a, 2 units - Dense b, 1 unit, no bias; the folders are dense and dense_1. */
#define CONFIG                                                                                     \
    "{\"module\":\"keras\",\"class_name\":\"Sequential\",\"config\":{\"name\":\"m\",\"layers\":["  \
    "{\"class_name\":\"InputLayer\",\"config\":{\"batch_shape\":[null,3],\"name\":\"in\"}},"       \
    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"z_first\",\"units\":2}},"                    \
    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"a_second\",\"units\":1,\"use_bias\":false}}" \
    "]}}"
static const float first[] = {1, -2, 0.5f, 4, -0.25f, 6}, bias[] = {-1, 8}, second[] = {3, 7};

struct member {
    const char *name;
    const void *bytes;
    size_t length;
};

/* An archive of those members, in a fresh file. */
static const char *write_archive(const char *name, const struct member *members, int count,
                                 bool is_deflated, const char *password) {
    const char *path = test_scratch(name);
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(zip);
    for (int i = 0; i < count; i++) {
        zip_source_t *source = zip_source_buffer(zip, members[i].bytes, members[i].length, 0);
        zip_int64_t index = zip_file_add(zip, members[i].name, source, 0);
        assert_true(index >= 0);
        zip_set_file_compression(zip, (zip_uint64_t)index,
                                 is_deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
        if (password)
            assert_int_equal(
                zip_file_set_encryption(zip, (zip_uint64_t)index, ZIP_EM_AES_256, password), 0);
    }
    assert_int_equal(zip_close(zip), 0);
    return path;
}

/* model.weights.h5 with its layers below `folder`. */
static unsigned char *make_weights(const char *folder, bool has_more, size_t *length) {
    static const hsize_t first_size[] = {3, 2, 0}, bias_size[] = {2, 0}, second_size[] = {2, 1, 0};
    const char *path = test_scratch("weights.h5");
    char name[128];
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    snprintf(name, sizeof name, "%s/dense/vars/0", folder);
    keras_numbers(file, name, H5T_IEEE_F32LE, first_size, first);
    snprintf(name, sizeof name, "%s/dense/vars/1", folder);
    keras_numbers(file, name, H5T_IEEE_F32LE, bias_size, bias);
    snprintf(name, sizeof name, "%s/dense_1/vars/0", folder);
    keras_numbers(file, name, H5T_IEEE_F32LE, second_size, second);
    snprintf(name, sizeof name, "%s/dense_1/vars/1", folder);
    if (has_more) keras_numbers(file, name, H5T_IEEE_F32LE, bias_size, bias);
    H5Fclose(file);
    return test_read(path, length);
}

static const char *write_model(const char *folder, bool has_more, bool is_deflated) {
    size_t length;
    unsigned char *weights = make_weights(folder, has_more, &length);
    struct member members[] = {{"metadata.json", "{}", 2},
                               {"config.json", CONFIG, strlen(CONFIG)},
                               {"model.weights.h5", weights, length}};
    const char *path = write_archive("model.keras", members, 3, is_deflated, NULL);
    free(weights);
    return path;
}

static void check_weights(const char *path) {
    struct error error;
    struct model *model;
    assert_ok(model_load(path, &model, &error), &error);
    assert_int_equal(model->parameter_count, 3);
    assert_string_equal(model->parameters[2].name, "a_second/kernel");
    assert_memory_equal(model->weights + model->parameters[0].offset, first, sizeof first);
    assert_memory_equal(model->weights + model->parameters[1].offset, bias, sizeof bias);
    assert_memory_equal(model->weights + model->parameters[2].offset, second, sizeof second);
    model_free(model);
}

static void check_refused(const char *path, const char *text) {
    struct error error;
    struct model *model;
    assert_int_not_equal(model_load(path, &model, &error), STATUS_OK);
    assert_null(model);
    assert_string_equal(error.where, path);
    if (!strstr(error.text, text)) {
        print_error("got '%s', want '%s'\n", error.text, text);
        fail();
    }
}

static void check_twins(const char *archive, const char *h5) {
    struct error error;
    struct model *one, *other;
    assert_ok(model_load(archive, &one, &error), &error);
    assert_ok(model_load(h5, &other, &error), &error);
    assert_string_equal(one->name, other->name);
    assert_int_equal(one->layer_count, other->layer_count);
    assert_int_equal(one->weight_count, other->weight_count);
    for (int i = 0; i < one->layer_count; i++)
        assert_memory_equal(&one->layers[i], &other->layers[i], sizeof one->layers[i]);
    assert_memory_equal(one->weights, other->weights, one->weight_count * sizeof(float));
    model_free(other);
    model_free(one);
}

static void a_keras_archive_gives_the_very_model_of_its_h5_twin(void **state) {
    (void)state;
    check_twins(test_shared("golden/fc/model.keras"), test_shared("golden/fc/model.h5"));
    check_twins(test_shared("golden/cnn/model.keras"), test_shared("golden/cnn/model.h5"));
    check_twins(test_shared("golden/cnn_bn/model.keras"), test_shared("golden/cnn_bn/model.h5"));
    check_twins(test_shared("golden/keras3/flatten_fc.keras"),
                test_shared("golden/keras3/flatten_fc.h5"));
    check_twins(test_shared("golden/keras3/cnn_rescale.keras"),
                test_shared("golden/keras3/cnn_rescale.h5"));
}

static void a_residual_archive_gives_the_very_model_of_its_h5_twin(void **state) {
    (void)state;
    check_twins(test_golden("residual_keras3/model.keras"),
                test_golden("residual_keras3/model.h5"));
}

static void weights_are_found_by_class_and_number(void **state) {
    (void)state;
    check_weights(write_model("layers", false, false));
    check_weights(write_model("layers", false, true));
    check_weights(write_model("_layer_checkpoint_dependencies", false, false));
}

static void content_not_name_tells_the_format(void **state) {
    (void)state;
    struct error error;
    size_t length;
    const char *path = test_scratch("archive.h5");
    unsigned char *bytes = test_read(write_model("layers", false, false), &length);
    assert_ok(file_replace(path, bytes, length, NULL, NULL, &error), &error);
    free(bytes);
    check_weights(path);
    path = test_scratch("h5.keras");
    bytes = test_read(test_asset("models/mnist_fc.h5"), &length);
    assert_ok(file_replace(path, bytes, length, NULL, NULL, &error), &error);
    free(bytes);
    check_twins(path, test_asset("models/mnist_fc.h5"));
}

static void wrong_members_are_told(void **state) {
    (void)state;
    size_t length;
    unsigned char *weights = make_weights("layers", false, &length);
    struct member config = {"config.json", CONFIG, strlen(CONFIG)}, both[2] = {config};
    check_refused(write_archive("x.keras", &(struct member){"x", "x", 1}, 1, false, NULL),
                  "is a zip archive without 'config.json'");
    check_refused(write_archive("x.keras", &config, 1, false, NULL),
                  "is a zip archive without 'model.weights.h5'");
    both[1] = (struct member){"model.weights.h5", "no HDF5", 7};
    check_refused(write_archive("x.keras", both, 2, false, NULL), "cannot be opened");
    both[1] = (struct member){"model.weights.h5", weights, length / 2};
    check_refused(write_archive("x.keras", both, 2, false, NULL), "cannot be opened");
    both[1].length = length;
    check_refused(write_archive("x.keras", both, 2, false, "secret"),
                  "'config.json' cannot be read");
    char *biased = strdup(CONFIG), *flag = strstr(biased, "false");
    memcpy(flag, "true ", 5);
    both[0] = (struct member){"config.json", biased, strlen(biased)};
    check_refused(write_archive("x.keras", both, 2, false, NULL),
                  "data set 'layers/dense_1/vars/1' is missing");
    free(biased);
    both[0] = (struct member){"config.json", "{", 1};
    check_refused(write_archive("x.keras", both, 2, false, NULL), "is not valid JSON");
    free(weights);
    check_refused(write_model("elsewhere", false, false),
                  "layer 'z_first' (Dense): its weights are missing from the file");
    check_refused(write_model("layers", true, false),
                  "layer 'a_second' (Dense): the file has more weights for it than its config asks "
                  "for, 1");
}

static void put32(unsigned char *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(value >> 8 * i);
}

/* The directory's entry of the weights, the archive's last. */
static unsigned char *find_entry(unsigned char *bytes, size_t length) {
    unsigned char *entry = bytes + length - 4;
    while (entry > bytes && memcmp(entry, "PK\1\2", 4)) entry--;
    assert_true(entry > bytes);
    return entry;
}

static void what_would_blow_up_is_refused_before_it_does(void **state) {
    (void)state;
    static const struct {
        uint32_t size;
        const char *text;
    } cases[] = {
        {200u << 20, "'model.weights.h5' would grow from "},
        {0xfffffffeu, "'model.weights.h5' has 4294967294 bytes, at most 1073741824 are accepted"},
        {1u << 20, "'model.weights.h5' cannot be read: it is cut short or damaged"},
        {100, "'model.weights.h5' cannot be read"},
    };
    struct error error;
    const char *path = test_scratch("bomb.keras");
    size_t length;
    unsigned char *bytes = test_read(write_model("layers", false, true), &length);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put32(find_entry(bytes, length) + 24, cases[i].size);
        assert_ok(file_replace(path, bytes, length, NULL, NULL, &error), &error);
        check_refused(path, cases[i].text);
    }
    free(bytes);
}

static void an_archive_cut_or_turned_anywhere_does_no_harm(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("damaged.keras");
    size_t length;
    unsigned char *bytes = test_read(write_model("layers", false, true), &length);
    for (size_t i = 0; i < length; i += 97) {
        assert_ok(file_replace(path, bytes, i, NULL, NULL, &error), &error);
        check_refused(path, "");
    }
    for (size_t i = 0; i < length; i += 41) {
        struct model *model;
        unsigned char kept = bytes[i];
        bytes[i] ^= (unsigned char)(1 + i % 255);
        assert_ok(file_replace(path, bytes, length, NULL, NULL, &error), &error);
        if (model_load(path, &model, &error)) assert_string_equal(error.where, path);
        model_free(model);
        bytes[i] = kept;
    }
    free(bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_keras_archive_gives_the_very_model_of_its_h5_twin),
    cmocka_unit_test(a_residual_archive_gives_the_very_model_of_its_h5_twin),
    cmocka_unit_test(weights_are_found_by_class_and_number),
    cmocka_unit_test(content_not_name_tells_the_format),
    cmocka_unit_test(wrong_members_are_told),
    cmocka_unit_test(what_would_blow_up_is_refused_before_it_does),
    cmocka_unit_test(an_archive_cut_or_turned_anywhere_does_no_harm),
};
TEST_MAIN(tests)
