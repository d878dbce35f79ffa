#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/file.h"
#include "data/dataset.h"
#include "data/image.h"
#include "export/png.h"

/* Bytes of an IDX file made by hand: two 28x28 images (or their labels 7 and 2). */
#define IMAGES_SIZE (16 + 2 * DIGIT_PIXELS)
#define LABELS_SIZE 10
static const unsigned char images_header[16] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28};
static const unsigned char labels_file[LABELS_SIZE] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 2};
static unsigned char images_file[IMAGES_SIZE];

static void write_file(const char *folder, const char *name, const void *bytes, size_t length) {
    struct error error;
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_replace(path, bytes, length, NULL, NULL, &error), &error);
}

static void remove_file(const char *folder, const char *name) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void write_gzip(const char *folder, const char *name, const void *bytes, size_t length) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)length), length);
    assert_int_equal(gzclose(file), Z_OK);
}

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

/* A folder with a good, small data set. */
static const char *good_folder(void) {
    char *folder = (char *)(uintptr_t)test_scratch("set/x");
    *strrchr(folder, '/') = 0;
    memcpy(images_file, images_header, sizeof images_header);
    for (size_t i = 16; i < IMAGES_SIZE; i++) images_file[i] = (unsigned char)(i * 7);
    for (int i = 0; i < 4; i++) {
        write_file(folder, names[i], i % 2 ? labels_file : images_file,
                   i % 2 ? LABELS_SIZE : IMAGES_SIZE);
    }
    return folder;
}

/* As a model of MNIST's digits asks for them. */
static enum status open_digits(struct dataset *dataset, const char *folder, struct error *error) {
    const struct dataset_request request = {.path = folder,
                                            .shape = {3, {DIGIT_SIDE, DIGIT_SIDE, 1}},
                                            .classes = DIGIT_CLASSES,
                                            .needs_train = true,
                                            .needs_test = true};
    return dataset_open(dataset, &request, error);
}

/* Loading `folder` fails, and the message names the file and holds `text`. */
static void check_refused(const char *folder, const char *name, const char *text) {
    struct error error;
    struct dataset dataset;
    enum status status = open_digits(&dataset, folder, &error);
    assert_int_not_equal(status, STATUS_OK);
    assert_null(dataset.train.bytes);
    assert_int_equal(dataset.test.count, 0);
    if (!strstr(error.where, name) || !strstr(error.text, text)) {
        print_error("got '%s: %s', want '%s' and '%s'\n", error.where, error.text, name, text);
        fail();
    }
}

static void the_bundled_digits_load(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    assert_ok(dataset_load(&dataset, test_asset("mnist-5k"), &error), &error);
    assert_int_equal(dataset.train.count, 4000);
    assert_int_equal(dataset.test.count, 1000);
    assert_string_equal(dataset.path, test_asset("mnist-5k"));
    int counts[10] = {0};
    for (size_t i = 0; i < 1000; i++) counts[dataset.test.labels[i]]++;
    for (int i = 0; i < 10; i++) assert_int_equal(counts[i], 100);
    dataset_free(&dataset);
    dataset_free(&dataset);
}

static void the_whole_mnist_loads(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", test_shared("data/mnist/t10k-labels-idx1-ubyte.gz"));
    *strrchr(folder, '/') = 0;
    assert_ok(dataset_load(&dataset, folder, &error), &error);
    assert_int_equal(dataset.train.count, 60000);
    assert_int_equal(dataset.test.count, 10000);
    /* As everybody knows them, the first digits are 5 0 4 and 7 2 1. */
    const uint16_t first_train[] = {5, 0, 4}, first_test[] = {7, 2, 1};
    assert_memory_equal(dataset.train.labels, first_train, sizeof first_train);
    assert_memory_equal(dataset.test.labels, first_test, sizeof first_test);
    dataset_free(&dataset);
}

static void pixels_and_labels_arrive_as_they_are(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    assert_ok(dataset_load(&dataset, good_folder(), &error), &error);
    assert_int_equal(dataset.test.count, 2);
    assert_memory_equal(dataset.test.bytes, images_file + 16, 2 * DIGIT_PIXELS);
    assert_int_equal(dataset.test.labels[0], 7);
    assert_int_equal(dataset.test.labels[1], 2);
    dataset_free(&dataset);
}

static void plain_and_gzip_and_dotted_names_are_found(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    const char *folder = good_folder();
    remove_file(folder, names[0]);
    write_gzip(folder, "train-images-idx3-ubyte.gz", images_file, IMAGES_SIZE);
    remove_file(folder, names[1]);
    write_file(folder, "train-labels.idx1-ubyte", labels_file, LABELS_SIZE);
    remove_file(folder, names[2]);
    write_gzip(folder, "t10k-images.idx3-ubyte.gz", images_file, IMAGES_SIZE);
    assert_ok(dataset_load(&dataset, folder, &error), &error);
    assert_memory_equal(dataset.train.bytes, images_file + 16, 2 * DIGIT_PIXELS);
    assert_memory_equal(dataset.test.bytes, images_file + 16, 2 * DIGIT_PIXELS);
    dataset_free(&dataset);
    remove_file(folder, "train-images-idx3-ubyte.gz");
    remove_file(folder, "train-labels.idx1-ubyte");
    remove_file(folder, "t10k-images.idx3-ubyte.gz");
}

static void what_is_not_there_is_named(void **state) {
    (void)state;
    const char *folder = good_folder();
    remove_file(folder, names[3]);
    check_refused(folder, names[3], "is missing");
    for (int i = 0; i < 3; i++) remove_file(folder, names[i]);
    check_refused(folder, folder, "is not a data set");
    check_refused("/no/such/folder", "/no/such/folder", "No such file");
    check_refused(test_asset("models/mnist_fc.h5"), "mnist_fc.h5", "is not a data set");
}

static void every_header_field_is_checked(void **state) {
    (void)state;
    static const struct {
        int file, byte, value;
        const char *text;
    } cases[] = {
        {0, 0, 1, "bytes 0-1 are 01 00"},
        {0, 2, 0x0d, "byte 2: elements of type 0x0d (float32)"},
        {0, 2, 0x77, "unknown"},
        {0, 3, 2, "byte 3: 2 dimensions, 3 or 4 expected"},
        {0, 3, 1, "holds labels"},
        {1, 3, 3, "holds images"},
        {0, 7, 0, "is empty"},
        {1, 7, 0, "is empty"},
        {0, 4, 0x80, "claims 2147483650 items"},
        {0, 7, 3, "2368 expected from the count at byte 4; the file is cut short"},
        {0, 7, 1, "too long or the count is wrong"},
        {1, 7, 3, "cut short"},
        {0, 11, 27, "1528 expected"},
        {0, 15, 29, "1640 expected"},
        {0, 8, 0xff, "byte 8: an image with a side of 4278190108"},
        {1, 9, 10, "label 1 is 10, 0..9 expected; so are 1 of 2 labels"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = good_folder();
        unsigned char bytes[IMAGES_SIZE];
        size_t length = cases[i].file % 2 ? LABELS_SIZE : IMAGES_SIZE;
        memcpy(bytes, cases[i].file % 2 ? labels_file : images_file, length);
        bytes[cases[i].byte] = (unsigned char)cases[i].value;
        write_file(folder, names[cases[i].file], bytes, length);
        check_refused(folder, names[cases[i].file], cases[i].text);
    }
}

static void what_the_model_does_not_take_is_refused(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    const char *folder = good_folder();
    struct dataset_request request = {.path = folder,
                                      .shape = {3, {32, 32, 3}},
                                      .classes = 10,
                                      .needs_train = true,
                                      .needs_test = true};
    assert_int_equal(dataset_open(&dataset, &request, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "holds 28x28x1; the model takes 32x32x3");
    request.shape = (struct shape){1, {784}};
    request.classes = 8;
    assert_ok(dataset_open(&dataset, &request, &error), &error);
    assert_int_equal(dataset.classes, 8);
    assert_string_equal(dataset.names.list[7], "7");
    dataset_free(&dataset);
    request.classes = 7;
    assert_int_equal(dataset_open(&dataset, &request, &error), STATUS_FORMAT);
    assert_non_null(strstr(error.text, "label 0 is 7, 0..6 expected"));
}

static void labels_may_count_from_one(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    const char *folder = good_folder();
    const unsigned char from_one[LABELS_SIZE] = {0, 0, 8, 1, 0, 0, 0, 2, 3, 1};
    write_file(folder, names[1], from_one, LABELS_SIZE);
    write_file(folder, names[3], from_one, LABELS_SIZE);
    struct dataset_request request = {
        .path = folder, .classes = 3, .needs_train = true, .needs_test = true};
    assert_ok(dataset_open(&dataset, &request, &error), &error);
    assert_int_equal(dataset.train.labels[0], 2);
    assert_int_equal(dataset.train.labels[1], 0);
    dataset_free(&dataset);
}

static void a_part_that_nobody_needs_may_be_absent(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    const char *folder = good_folder();
    remove_file(folder, names[0]);
    remove_file(folder, names[1]);
    struct dataset_request request = {.path = folder, .needs_test = true};
    assert_ok(dataset_open(&dataset, &request, &error), &error);
    assert_int_equal(dataset.train.count, 0);
    assert_int_equal(dataset.test.count, 2);
    dataset_free(&dataset);
    request.needs_train = true;
    assert_int_equal(dataset_open(&dataset, &request, &error), STATUS_IO);
    assert_non_null(strstr(error.where, names[0]));
}

static void swapped_and_unequal_files_are_refused(void **state) {
    (void)state;
    const char *folder = good_folder();
    write_file(folder, names[0], labels_file, LABELS_SIZE);
    check_refused(folder, names[0], "are the files swapped?");
    folder = good_folder();
    write_file(folder, names[3], images_file, IMAGES_SIZE);
    check_refused(folder, names[3], "are the files swapped?");
    folder = good_folder();
    write_file(folder, names[1], "\0\0\10\1\0\0\0\3\1\2\3", 11);
    check_refused(folder, names[1], "holds 3 labels (byte 4) for 2 images");
    write_file(folder, names[1], "\0\0\10\1\0\0\0\1\1", 9);
    check_refused(folder, names[1], "holds 1 labels (byte 4) for 2 images");
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < IMAGES_SIZE; i += i < 24 ? 1 : 97) {
        const char *folder = good_folder();
        write_file(folder, names[2], images_file, i);
        check_refused(folder, names[2], i < 16 ? "cut short" : "expected from the count");
    }
    for (size_t i = 0; i < LABELS_SIZE; i++) {
        const char *folder = good_folder();
        write_file(folder, names[1], labels_file, i);
        check_refused(folder, names[1], "cut short");
    }
}

static void a_gzip_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    const char *folder = good_folder();
    write_gzip(folder, "whole.gz", images_file, IMAGES_SIZE);
    char path[1200];
    snprintf(path, sizeof path, "%s/whole.gz", folder);
    size_t length;
    unsigned char *bytes = test_read(path, &length);
    remove_file(folder, names[0]);
    for (size_t i = 0; i < length; i++) {
        write_file(folder, "train-images-idx3-ubyte.gz", bytes, i);
        check_refused(folder, "train-images-idx3-ubyte.gz", "");
    }
    /* One wrong bit in the checksum at the end. */
    bytes[length - 6] ^= 1;
    write_file(folder, "train-images-idx3-ubyte.gz", bytes, length);
    check_refused(folder, "train-images-idx3-ubyte.gz", "damaged");
    free(bytes);
    remove_file(folder, "train-images-idx3-ubyte.gz");
}

static void a_file_that_goes_on_is_refused(void **state) {
    (void)state;
    unsigned char longer[IMAGES_SIZE + 1] = {0};
    const char *folder = good_folder();
    memcpy(longer, images_file, IMAGES_SIZE);
    write_file(folder, names[0], longer, sizeof longer);
    check_refused(folder, names[0], "too long");
    remove_file(folder, names[0]);
    write_gzip(folder, "train-images-idx3-ubyte.gz", longer, sizeof longer);
    check_refused(folder, "train-images-idx3-ubyte.gz", "continues after the 1584 bytes");
    remove_file(folder, "train-images-idx3-ubyte.gz");
}

/* A small .gz of zeros: neither its header's promise nor its contents may take memory. */
static void a_bomb_is_refused_at_its_header(void **state) {
    (void)state;
    const char *folder = good_folder();
    size_t size = 4 << 20;
    unsigned char *zeros = calloc(size, 1);
    memcpy(zeros, images_header, 16);
    remove_file(folder, names[0]);
    write_gzip(folder, "train-images-idx3-ubyte.gz", zeros, size);
    check_refused(folder, "train-images-idx3-ubyte.gz", "continues after the 1584 bytes");
    zeros[5] = 0x0f; /* 983,042 images: 770 MB */
    write_gzip(folder, "train-images-idx3-ubyte.gz", zeros, size);
    check_refused(folder, "train-images-idx3-ubyte.gz", "compressed bytes can hold");
    free(zeros);
    remove_file(folder, "train-images-idx3-ubyte.gz");
}

/* PNG folders: two digits of every label in train, one in test, those in test dark on light. */
static const char *picture_folder(const struct dataset *source) {
    struct error error;
    char path[1200], *folder = (char *)(uintptr_t)test_scratch("pictures/x");
    *strrchr(folder, '/') = 0;
    for (int label = 0; label < 10; label++) {
        int written = 0;
        for (size_t i = 0; i < source->test.count && written < 3; i++) {
            if (source->test.labels[i] != label) continue;
            snprintf(path, sizeof path, "%s/%s/%d/%c.png", folder, written < 2 ? "train" : "test",
                     label, "bax"[written]);
            unsigned char pixels[DIGIT_PIXELS];
            for (size_t j = 0; j < DIGIT_PIXELS; j++)
                pixels[j] = source->test.bytes[i * DIGIT_PIXELS + j] ^ (written < 2 ? 0 : 255);
            assert_ok(png_write_grey(path, pixels, DIGIT_SIDE, DIGIT_SIDE, &error), &error);
            written++;
        }
    }
    return folder;
}

static void folders_of_pictures_are_a_data_set(void **state) {
    (void)state;
    struct error error;
    struct dataset source, dataset;
    assert_ok(dataset_load(&source, test_asset("mnist-5k"), &error), &error);
    const char *folder = picture_folder(&source);
    write_file(folder, "train/3/notes.txt", "no picture", 10);
    assert_ok(open_digits(&dataset, folder, &error), &error);
    assert_int_equal(dataset.train.count, 20);
    assert_int_equal(dataset.test.count, 10);
    size_t first = 0; /* the first 4 of the source was written as b.png, the second as a.png */
    while (source.test.labels[first] != 4) first++;
    size_t second = first + 1;
    while (source.test.labels[second] != 4) second++;
    assert_int_equal(dataset.train.labels[8], 4);
    assert_memory_equal(dataset.train.bytes + 8 * DIGIT_PIXELS,
                        source.test.bytes + second * DIGIT_PIXELS, DIGIT_PIXELS);
    assert_memory_equal(dataset.train.bytes + 9 * DIGIT_PIXELS,
                        source.test.bytes + first * DIGIT_PIXELS, DIGIT_PIXELS);
    for (int i = 0; i < 10; i++) assert_int_equal(dataset.test.labels[i], i);
    size_t third = second + 1; /* as it was before it was written dark on light */
    while (source.test.labels[third] != 4) third++;
    assert_memory_equal(dataset.test.bytes + 4 * DIGIT_PIXELS,
                        source.test.bytes + third * DIGIT_PIXELS, DIGIT_PIXELS);
    dataset_free(&dataset);

    write_file(folder, "train/5/c.png", "no picture", 10);
    assert_ok(open_digits(&dataset, folder, &error), &error);
    assert_int_equal(dataset.train.count, 20);
    assert_non_null(strstr(dataset.remark, "train/5/c.png"));
    dataset_free(&dataset);
    remove_file(folder, "train/5/c.png");
    for (int label = 0; label < 10; label++) {
        char name[32], path[1200];
        snprintf(name, sizeof name, "test/%d/x.png", label);
        remove_file(folder, name);
        snprintf(path, sizeof path, "%s/test/%d", folder, label);
        rmdir(path);
    }
    char path[1200];
    snprintf(path, sizeof path, "%s/test", folder);
    rmdir(path);
    /* Without a test part, one of each class's two pictures becomes it. */
    const struct dataset_request request = {.path = folder,
                                            .shape = {3, {DIGIT_SIDE, DIGIT_SIDE, 1}},
                                            .classes = DIGIT_CLASSES,
                                            .needs_train = true,
                                            .needs_test = true,
                                            .validation_split = .5};
    assert_ok(dataset_open(&dataset, &request, &error), &error);
    assert_int_equal(dataset.train.count, 10);
    assert_int_equal(dataset.test.count, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(dataset.train.labels[i], i);
        assert_int_equal(dataset.test.labels[i], i);
        assert_memory_not_equal(dataset.train.bytes + i * DIGIT_PIXELS,
                                dataset.test.bytes + i * DIGIT_PIXELS, DIGIT_PIXELS);
    }
    assert_non_null(strstr(dataset.remark, "there is no test part: 10 of 20 samples"));
    dataset_free(&dataset);
    dataset_free(&source);
}

/* What tests/golden/make_npz.py wrote: pixel i of all is i * 7 % 256. */
static void an_npz_is_a_data_set(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    assert_ok(dataset_load(&dataset, test_golden("npz/set.npz"), &error), &error);
    assert_int_equal(dataset.train.count, 6);
    assert_int_equal(dataset.test.count, 3);
    assert_int_equal(dataset.classes, 3);
    assert_true(shape_equal(&dataset.train.shape, &(struct shape){3, {2, 3, 1}}));
    assert_int_equal(dataset.train.element, ELEMENT_UINT8);
    for (int i = 0; i < 36; i++) assert_int_equal(dataset.train.bytes[i], i * 7 % 256);
    for (int i = 0; i < 6; i++) assert_int_equal(dataset.train.labels[i], i % 3);
    assert_string_equal(dataset.preprocessing->name, "unit");
    dataset_free(&dataset);
}

/* Floats, one-hot labels and no test part: one of each class's two images becomes it. */
static void floats_are_taken_as_they_are(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    struct dataset_request request = {.path = test_golden("npz/set_whole.npz"),
                                      .needs_train = true,
                                      .needs_test = true,
                                      .validation_split = .5};
    assert_ok(dataset_open(&dataset, &request, &error), &error);
    assert_int_equal(dataset.train.count, 3);
    assert_int_equal(dataset.test.count, 3);
    assert_int_equal(dataset.train.element, ELEMENT_FLOAT32);
    assert_string_equal(dataset.preprocessing->name, "raw");
    float sum = 0, x[18], want = 0;
    samples_to_float(&dataset.train, x);
    for (int i = 0; i < 18; i++) sum += x[i];
    samples_to_float(&dataset.test, x);
    for (int i = 0; i < 18; i++) sum += x[i];
    for (int i = 0; i < 36; i++) want += (float)(i * 7 % 256) / 4;
    assert_true(sum == want); /* quarters add up exactly */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dataset.train.labels[i] * 10 + dataset.test.labels[i],
                         dataset.train.labels[i] * 11);
    }
    dataset_free(&dataset);
}

/* Whatever a command needs, it gets the same samples for testing. */
static void the_samples_for_testing_are_always_the_same(void **state) {
    (void)state;
    struct error error;
    struct dataset both, test;
    struct dataset_request request = {
        .path = test_golden("npz/set_whole.npz"), .needs_train = true, .needs_test = true};
    assert_ok(dataset_open(&both, &request, &error), &error);
    request.needs_train = false;
    assert_ok(dataset_open(&test, &request, &error), &error);
    assert_int_equal(both.train.count + both.test.count, 6);
    assert_int_equal(test.train.count, 0);
    assert_int_equal(test.test.count, both.test.count);
    assert_memory_equal(test.test.bytes, both.test.bytes,
                        both.test.count * samples_bytes(&both.test));
    assert_memory_equal(test.test.labels, both.test.labels,
                        both.test.count * sizeof *both.test.labels);
    dataset_free(&both);
    dataset_free(&test);
}

static void parts_of_different_kinds_are_refused(void **state) {
    (void)state;
    struct error error;
    struct dataset dataset;
    assert_int_equal(dataset_load(&dataset, test_golden("npz/set_mixed.npz"), &error),
                     STATUS_FORMAT);
    assert_string_equal(error.text, "x_train holds float32 and x_test uint8; save both alike");
    char *path = (char *)(uintptr_t)test_scratch("cut.npz");
    size_t length;
    unsigned char *bytes = test_read(test_golden("npz/set.npz"), &length);
    assert_ok(file_replace(path, bytes, length / 2, NULL, NULL, &error), &error);
    free(bytes);
    assert_int_equal(dataset_load(&dataset, path, &error), STATUS_FORMAT);
    assert_non_null(strstr(error.text, "cut short"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_bundled_digits_load),
    cmocka_unit_test(the_whole_mnist_loads),
    cmocka_unit_test(pixels_and_labels_arrive_as_they_are),
    cmocka_unit_test(plain_and_gzip_and_dotted_names_are_found),
    cmocka_unit_test(what_is_not_there_is_named),
    cmocka_unit_test(every_header_field_is_checked),
    cmocka_unit_test(what_the_model_does_not_take_is_refused),
    cmocka_unit_test(labels_may_count_from_one),
    cmocka_unit_test(a_part_that_nobody_needs_may_be_absent),
    cmocka_unit_test(swapped_and_unequal_files_are_refused),
    cmocka_unit_test(a_file_cut_anywhere_is_refused),
    cmocka_unit_test(a_gzip_file_cut_anywhere_is_refused),
    cmocka_unit_test(a_file_that_goes_on_is_refused),
    cmocka_unit_test(a_bomb_is_refused_at_its_header),
    cmocka_unit_test(folders_of_pictures_are_a_data_set),
    cmocka_unit_test(an_npz_is_a_data_set),
    cmocka_unit_test(floats_are_taken_as_they_are),
    cmocka_unit_test(the_samples_for_testing_are_always_the_same),
    cmocka_unit_test(parts_of_different_kinds_are_refused),
};
TEST_MAIN(tests)
