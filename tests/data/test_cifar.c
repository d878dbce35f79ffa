#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/cifar.h"

#define LIMIT ((size_t)1 << 24)

static const char *folder_of(const char *name) {
    static char folder[1024];
    snprintf(folder, sizeof folder, "%s", test_scratch(name));
    return folder;
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t length) {
    char path[1200];
    struct error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_replace(path, bytes, length, NULL, NULL, &error), &error);
}

static unsigned char pixel(int record, int channel, int y, int x) {
    return (unsigned char)(record * 41 + channel * 83 + y * 7 + x);
}

/* Records of `label_bytes` labels, of which the last one is first + i, and three planes. */
static void write_records(const char *folder, const char *name, int count, int label_bytes,
                          int first) {
    size_t size = (size_t)label_bytes + CIFAR_BYTES;
    unsigned char *bytes = malloc((size_t)count * size), *at = bytes;
    assert_non_null(bytes);
    for (int i = 0; i < count; i++) {
        if (label_bytes == 2) *at++ = 200; /* the coarse label */
        *at++ = (unsigned char)(first + i);
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < 32; y++)
                for (int x = 0; x < 32; x++) *at++ = pixel(first + i, c, y, x);
    }
    write_file(folder, name, bytes, (size_t)count * size);
    free(bytes);
}

static void check(const struct cifar *cifar, int count, int first) {
    assert_int_equal(cifar->count, count);
    for (int i = 0; i < count; i++) {
        const unsigned char *image = cifar->images + (size_t)i * CIFAR_BYTES;
        assert_int_equal(cifar->labels[i], first + i);
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++)
                for (int c = 0; c < 3; c++)
                    assert_int_equal(image[(y * 32 + x) * 3 + c], pixel(first + i, c, y, x));
    }
}

static void batches_are_read_in_their_order(void **state) {
    (void)state;
    const char *folder = folder_of("cifar10");
    struct error error;
    struct cifar cifar;
    struct names names;
    for (int batch = 1; batch <= 3; batch++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", batch);
        write_records(folder, name, 2, 1, 2 * batch - 2);
    }
    assert_int_equal(cifar_probe(folder), CIFAR_10);
    assert_true(cifar_has(folder, CIFAR_TRAIN));
    assert_false(cifar_has(folder, CIFAR_TEST));
    assert_ok(cifar_read(folder, CIFAR_TRAIN, 10, LIMIT, &cifar, &error), &error);
    check(&cifar, 6, 0);
    free(cifar.images);
    free(cifar.labels);

    assert_int_equal(cifar_read(folder, CIFAR_TEST, 10, LIMIT, &cifar, &error), STATUS_IO);
    assert_non_null(strstr(error.where, "/test_batch.bin"));
    write_records(folder, "test_batch.bin", 1, 1, 9);
    assert_ok(cifar_read(folder, CIFAR_TEST, 10, LIMIT, &cifar, &error), &error);
    check(&cifar, 1, 9);
    free(cifar.images);
    free(cifar.labels);

    assert_ok(cifar_read_names(folder, &names, &error), &error);
    assert_int_equal(names.count, 10);
    assert_string_equal(names.list[9], "9");
    names_free(&names);
    static const char meta[] = "airplane\nautomobile\nbird\n\n";
    write_file(folder, "batches.meta.txt", meta, sizeof meta - 1);
    assert_ok(cifar_read_names(folder, &names, &error), &error);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.list[1], "automobile");
    names_free(&names);

    assert_int_equal(cifar_read(folder, CIFAR_TRAIN, 3, LIMIT, &cifar, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "record 1 has the label 3, 0..2 expected");
    assert_non_null(strstr(error.where, "/data_batch_2.bin"));
    assert_null(cifar.images);
    assert_null(cifar.labels);
}

static void fine_labels_of_cifar_100_are_read(void **state) {
    (void)state;
    const char *folder = folder_of("cifar100");
    struct error error;
    struct cifar cifar;
    struct names names;
    write_records(folder, "train.bin", 3, 2, 97);
    write_records(folder, "test.bin", 1, 2, 50);
    write_file(folder, "fine_label_names.txt", "apple\r\naquarium_fish\r\n", 22);
    assert_int_equal(cifar_probe(folder), CIFAR_100);
    assert_true(cifar_has(folder, CIFAR_TEST));
    assert_ok(cifar_read(folder, CIFAR_TRAIN, 100, LIMIT, &cifar, &error), &error);
    check(&cifar, 3, 97);
    free(cifar.images);
    free(cifar.labels);
    assert_ok(cifar_read(folder, CIFAR_TEST, 100, LIMIT, &cifar, &error), &error);
    check(&cifar, 1, 50);
    free(cifar.images);
    free(cifar.labels);
    assert_ok(cifar_read_names(folder, &names, &error), &error);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.list[1], "aquarium_fish");
    names_free(&names);
}

static void a_missing_batch_is_named(void **state) {
    (void)state;
    const char *folder = folder_of("gap");
    struct error error;
    struct cifar cifar;
    write_records(folder, "data_batch_1.bin", 1, 1, 0);
    write_records(folder, "data_batch_3.bin", 1, 1, 0);
    assert_int_equal(cifar_read(folder, CIFAR_TRAIN, 10, LIMIT, &cifar, &error), STATUS_IO);
    assert_non_null(strstr(error.where, "/data_batch_2.bin"));
}

static void files_of_a_wrong_length_are_refused(void **state) {
    (void)state;
    static unsigned char bytes[2 * 3074];
    const char *folder = folder_of("length");
    struct error error;
    struct cifar cifar;
    write_file(folder, "test_batch.bin", bytes, 3072);
    assert_int_equal(cifar_read(folder, CIFAR_TEST, 10, LIMIT, &cifar, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "is 3072 bytes long, no multiple of 3073; it is cut short or "
                                    "no file of CIFAR-10, fetch it again");
    write_file(folder, "test_batch.bin", bytes, 0);
    assert_int_equal(cifar_read(folder, CIFAR_TEST, 10, LIMIT, &cifar, &error), STATUS_FORMAT);
    write_file(folder, "test_batch.bin", bytes, 2 * 3073);
    assert_int_equal(cifar_read(folder, CIFAR_TEST, 10, CIFAR_BYTES, &cifar, &error),
                     STATUS_UNSUPPORTED);
    assert_string_equal(error.text, "brings 2 images, at most 1 are accepted");
    assert_ok(cifar_read(folder, CIFAR_TEST, 10, 2 * CIFAR_BYTES, &cifar, &error), &error);
    free(cifar.images);
    free(cifar.labels);
}

static void pickles_are_refused_with_the_right_download(void **state) {
    (void)state;
    struct error error;
    struct cifar cifar;
    struct names names;
    const char *folder = folder_of("pickles10");
    write_file(folder, "data_batch_1", "\x80\x02}q\x01", 5);
    write_file(folder, "batches.meta", "\x80\x02}q\x01", 5);
    assert_int_equal(cifar_probe(folder), CIFAR_10_PICKLES);
    assert_int_equal(cifar_read(folder, CIFAR_TRAIN, 10, LIMIT, &cifar, &error),
                     STATUS_UNSUPPORTED);
    assert_string_equal(error.text,
                        "holds the Python version of CIFAR-10, pickles, which are not read for "
                        "safety; take the download \"CIFAR-10 binary version\" "
                        "(cifar-10-binary.tar.gz)");
    folder = folder_of("pickles100");
    write_file(folder, "meta", "\x80\x02}q\x01", 5);
    write_file(folder, "test", "\x80\x02}q\x01", 5);
    assert_int_equal(cifar_probe(folder), CIFAR_100_PICKLES);
    assert_int_equal(cifar_read_names(folder, &names, &error), STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.text, "cifar-100-binary.tar.gz"));
    assert_int_equal(cifar_probe(test_asset("mnist-5k")), CIFAR_NONE);
    assert_int_equal(cifar_read(test_asset("mnist-5k"), CIFAR_TEST, 10, LIMIT, &cifar, &error),
                     STATUS_IO);
    assert_int_equal(cifar_probe("/no/such/folder"), CIFAR_NONE);
}

static enum status read_text(const char *text, size_t length, struct names *names,
                             struct error *error) {
    const char *path = test_scratch("names.txt");
    assert_ok(file_replace(path, text, length, NULL, NULL, error), error);
    return names_read(path, names, error);
}

static void names_are_read_line_by_line(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf cat \r\nbig dog\t\nB\xc3\xa4r\n\n \r\n";
    struct error error;
    struct names names;
    assert_ok(read_text(text, sizeof text - 1, &names, &error), &error);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.list[0], "cat");
    assert_string_equal(names.list[1], "big dog");
    assert_string_equal(names.list[2], "B\xc3\xa4r");
    assert_int_equal(names_find(&names, "big dog"), 1);
    assert_int_equal(names_find(&names, "dog"), 3);
    names_free(&names);
    assert_null(names.list);
}

static void names_that_would_mislead_are_refused(void **state) {
    (void)state;
    struct error error;
    struct names names;
    assert_int_equal(read_text("cat\n\ndog\n", 9, &names, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "line 2 is empty; a class has its name in each line");
    assert_int_equal(read_text(" \n\n", 3, &names, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "holds no class names; one a line is wanted");
    assert_int_equal(read_text("cat\0dog\n", 8, &names, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "is no text; class names are wanted, one a line");
    static char lines[2 * (MAX_NAMES + 1)];
    for (size_t i = 0; i < sizeof lines; i++) lines[i] = i % 2 ? '\n' : 'x';
    assert_int_equal(read_text(lines, sizeof lines, &names, &error), STATUS_UNSUPPORTED);
    assert_null(names.list);
    assert_ok(read_text(lines, sizeof lines - 2, &names, &error), &error);
    assert_int_equal(names.count, MAX_NAMES);
    names_free(&names);
    memset(lines, 'x', 256);
    assert_int_equal(read_text(lines, 256, &names, &error), STATUS_UNSUPPORTED);
    assert_int_equal(names_read("/no/such.txt", &names, &error), STATUS_IO);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(batches_are_read_in_their_order),
    cmocka_unit_test(fine_labels_of_cifar_100_are_read),
    cmocka_unit_test(a_missing_batch_is_named),
    cmocka_unit_test(files_of_a_wrong_length_are_refused),
    cmocka_unit_test(pickles_are_refused_with_the_right_download),
    cmocka_unit_test(names_are_read_line_by_line),
    cmocka_unit_test(names_that_would_mislead_are_refused),
};

TEST_MAIN(tests)
