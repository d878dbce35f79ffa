#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "base/file.h"
#include "data/npz.h"

#define LIMIT ((size_t)1 << 20)
#define COUNT 24

static struct npz *open_golden(const char *name) {
    struct error error;
    struct npz *npz;
    const char *path = test_golden(name);
    assert_true(npz_probe(path));
    assert_ok(npz_open(&npz, path, &error), &error);
    return npz;
}

/* Element i of the ramp that make_npz.py writes. */
static double ramp(const char *type, int i) {
    if (!strcmp(type, "bool")) return i % 3 == 0;
    double value = i * 7 % COUNT - (*type == 'u' ? 0 : 12);
    return *type == 'f' ? value / 4 : value;
}

static void every_type_and_order_reads_as_numpy_wrote_it(void **state) {
    (void)state;
    static const char *const forms[] = {"little", "little_fortran", "big", "big_fortran"};
    struct npz *npz = open_golden("npz/types.npz");
    struct error error;
    for (int type = NPY_BOOL; type <= NPY_FLOAT64; type++) {
        for (int form = 0; form < 4; form++) {
            char name[64];
            struct npy npy;
            const char *type_name = npy_type_name((enum npy_type)type);
            snprintf(name, sizeof name, "%s_%s", type_name, forms[form]);
            assert_true(npz_has(npz, name));
            assert_ok(npz_read(npz, name, LIMIT, &npy, &error), &error);
            assert_int_equal(npy.type, type);
            assert_int_equal(npy.rank, 3);
            assert_int_equal(npy.count, COUNT);
            assert_true(npy.shape[0] == 2 && npy.shape[1] == 3 && npy.shape[2] == 4);
            for (int i = 0; i < COUNT; i++) {
                int64_t integer = 0;
                double want = ramp(type_name, i);
                assert_near(npy_number(&npy, (size_t)i), want, 0);
                assert_int_equal(npy_integer(&npy, (size_t)i, &integer), want == floor(want));
                if (want == floor(want)) assert_int_equal(integer, (int64_t)want);
            }
            free(npy.data);
        }
    }
    npz_close(npz);
}

static void samples_become_bytes_or_float32(void **state) {
    (void)state;
    struct npz *npz = open_golden("npz/types.npz");
    struct error error;
    for (int type = NPY_BOOL; type <= NPY_FLOAT64; type++) {
        char name[64];
        struct npy npy;
        const char *type_name = npy_type_name((enum npy_type)type);
        snprintf(name, sizeof name, "%s_big_fortran", type_name);
        assert_ok(npz_read_samples(npz, name, LIMIT, &npy, &error), &error);
        bool are_bytes = *type_name == 'b' || *type_name == 'u'; /* the others go below 0 */
        assert_int_equal(npy.type, are_bytes ? NPY_UINT8 : NPY_FLOAT32);
        for (int i = 0; i < COUNT; i++) {
            double got =
                are_bytes ? ((unsigned char *)npy.data)[i] : (double)((float *)npy.data)[i];
            assert_near(got, ramp(type_name, i), 0);
        }
        free(npy.data);
    }
    npz_close(npz);
}

static void versions_2_and_3_are_read(void **state) {
    (void)state;
    struct npz *npz = open_golden("npz/stored.npz");
    struct error error;
    struct npy npy;
    char names[64];
    assert_string_equal(npz_names(npz, names, sizeof names), "'version2', 'version3'");
    assert_string_equal(npz_names(npz, names, 20), "'version2', ...");
    assert_string_equal(npz_names(npz, names, 8), "...");
    assert_false(npz_has(npz, "notes.txt"));
    assert_ok(npz_read(npz, "version2", LIMIT, &npy, &error), &error);
    for (int i = 0; i < COUNT; i++) assert_near(npy_number(&npy, (size_t)i), ramp("float32", i), 0);
    free(npy.data);
    assert_ok(npz_read(npz, "version3", LIMIT, &npy, &error), &error);
    for (int i = 0; i < COUNT; i++) assert_near(npy_number(&npy, (size_t)i), ramp("int16", i), 0);
    free(npy.data);
    assert_ok(npz_describe(npz, "version3", &npy, &error), &error);
    assert_null(npy.data);
    assert_string_equal(npy_shape_text(&npy, names, sizeof names), "[2][3][4]");
    assert_int_equal(npz_read(npz, "x_train", LIMIT, &npy, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "has no array 'x_train'; it has 'version2', 'version3'");
    npz_close(npz);
}

static void labels_are_read_in_all_their_forms(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t classes;
        int modulus;
    } forms[] = {{"plain", 0, 5},       {"column", 0, 5},  {"floats", 0, 5},
                 {"big", 0, 5},         {"one_hot", 5, 5}, {"one_hot_bool", 5, 5},
                 {"one_hot_int", 5, 5}, {"binary", 0, 2}};
    struct npz *npz = open_golden("npz/labels.npz");
    struct error error;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct npz_labels labels;
        assert_ok(npz_read_labels(npz, forms[i].name, LIMIT, &labels, &error), &error);
        assert_int_equal(labels.count, 12);
        assert_int_equal(labels.classes, forms[i].classes);
        for (int j = 0; j < 12; j++)
            assert_int_equal(labels.values[j], j * j % 5 % forms[i].modulus);
        free(labels.values);
    }
    npz_close(npz);
}

static void labels_that_are_none_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"bad_row", "'bad_row' is not one-hot in row 7: one 1 and else 0 are wanted"},
        {"halves", "'halves' holds 0.5 as label 1; class indices are wanted"},
        {"cube", "'cube' has the shape [2][2][2]; labels are [n], [n][1] or one-hot [n][classes]"},
        {"empty", "'empty' has the shape [0]; labels are [n], [n][1] or one-hot [n][classes]"},
        {"scalar", "'scalar' has the shape []; labels are [n], [n][1] or one-hot [n][classes]"},
        {"huge", "'huge' holds 1.84467e+19 as label 1; class indices are wanted"},
        {"nan", "'nan' holds nan as label 1; class indices are wanted"},
    };
    struct npz *npz = open_golden("npz/labels.npz");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        struct npz_labels labels;
        assert_int_equal(npz_read_labels(npz, cases[i].name, LIMIT, &labels, &error),
                         STATUS_FORMAT);
        assert_string_equal(error.text, cases[i].text);
        assert_null(labels.values);
    }
    npz_close(npz);
}

static void what_cannot_be_read_is_refused_with_what_would_help(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum status status;
        const char *text;
    } cases[] = {
        {"objects", STATUS_UNSUPPORTED,
         "'objects' holds Python objects, which are not read for safety; save numbers: "
         "np.savez(FILE, objects=np.asarray(x, 'uint8'))"},
        {"text", STATUS_UNSUPPORTED,
         "'text' holds text; save the index of each class: np.unique(x, return_inverse=True)[1]"},
        {"bytes", STATUS_UNSUPPORTED,
         "'bytes' holds text; save the index of each class: np.unique(x, return_inverse=True)[1]"},
        {"complex", STATUS_UNSUPPORTED,
         "'complex' has elements of type '<c8'; save it as uint8, float32 or an integer type"},
        {"structure", STATUS_UNSUPPORTED,
         "'structure' is a structured array; save each of its fields as an array"},
        {"date", STATUS_UNSUPPORTED,
         "'date' has elements of type '<M8[D]'; save it as uint8, float32 or an integer type"},
        {"axes5", STATUS_UNSUPPORTED,
         "'axes5' has more than 4 dimensions; images are [count][height][width] or "
         "[count][height][width][channels]"},
        {"infinite", STATUS_FORMAT, "'infinite' holds inf in image 1; finite numbers are wanted"},
        {"beyond", STATUS_FORMAT, "'beyond' holds 1e+300 in image 0; finite numbers are wanted"},
        {"no_images", STATUS_FORMAT, "'no_images' is empty: its shape is [0][28][28]"},
    };
    const char *path = test_golden("npz/refused.npz");
    struct npz *npz = open_golden("npz/refused.npz");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        struct npy npy;
        assert_int_equal(npz_read_samples(npz, cases[i].name, LIMIT, &npy, &error),
                         cases[i].status);
        assert_string_equal(error.text, cases[i].text);
        assert_string_equal(error.where, path);
        assert_null(npy.data);
    }
    npz_close(npz);
}

/* ---- files made by hand --------------------------------------------------------------------- */

/* A .npy file in out[1024]: version 1.0, this dict, `length` bytes of 3s.  Returns its size. */
static size_t make_npy(const char *dict, size_t length, unsigned char *out) {
    size_t size = strlen(dict);
    assert_true(10 + size + length <= 1024);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (unsigned char)size;
    out[9] = (unsigned char)(size >> 8);
    memcpy(out + 10, dict, size);
    memset(out + 10 + size, 3, length);
    return 10 + size + length;
}

/* An archive with x.npy of these bytes. */
static const char *write_archive(const void *bytes, size_t length, int method,
                                 const char *password) {
    const char *path = test_scratch("made.npz");
    remove(path);
    zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
    assert_non_null(zip);
    zip_int64_t index =
        zip_file_add(zip, "x.npy", zip_source_buffer(zip, bytes, length, 0), ZIP_FL_ENC_UTF_8);
    assert_int_equal(index, 0);
    assert_int_equal(zip_set_file_compression(zip, 0, method, 9), 0);
    if (password) assert_int_equal(zip_file_set_encryption(zip, 0, ZIP_EM_AES_128, password), 0);
    assert_int_equal(zip_close(zip), 0);
    return path;
}

/* Reads x of the archive; the text of the refusal, or NULL when there is none. */
static const char *read_x(const char *path, size_t limit, enum status want) {
    static struct error error;
    struct npz *npz;
    struct npy npy;
    enum status status = npz_open(&npz, path, &error);
    if (!status) status = npz_read(npz, "x", limit, &npy, &error);
    if (!status) free(npy.data);
    npz_close(npz);
    assert_int_equal(status, want);
    return status ? error.text : NULL;
}

static const char *read_dict(const char *dict, size_t length, enum status want) {
    unsigned char bytes[1024];
    size_t size = make_npy(dict, length, bytes);
    return read_x(write_archive(bytes, size, ZIP_CM_STORE, NULL), LIMIT, want);
}

static void headers_of_other_writers_are_read(void **state) {
    (void)state;
    static const char *const dicts[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{\"shape\":(2,3,),\"fortran_order\":True,\"descr\":\"<i4\"}\n",
        "{'shape': (2L, 3L), 'descr': '=u4', 'fortran_order': False}   \n",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (24,)}",
        "{'descr': 'u1', 'fortran_order': False, 'shape': (1, 24)}",
        "{'descr': '>f8', 'fortran_order': False, 'shape': (3,)}",
    };
    for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++)
        assert_null(read_dict(dicts[i], 24, STATUS_OK));
    assert_null(read_dict("{'descr': '|b1', 'fortran_order': False, 'shape': ()}", 1, STATUS_OK));
}

static void headers_are_no_python(void **state) {
    (void)state;
    static const char *const dicts[] = {
        "",
        "{",
        "{}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (24,)",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (24,)} 1",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (24)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (+24,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-24,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (24.0,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (8*3,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2 12)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [24]}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (24,)}",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (24,), 'shape': (24,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (24,), 'more': 1}",
        "{'descr': '|u1' 'fortran_order': False, 'shape': (24,)}",
        "{'descr' '|u1', 'fortran_order': False, 'shape': (24,)}",
        "{'descr': u1, 'fortran_order': False, 'shape': (24,)}",
        "{'descr': '|u\\x31', 'fortran_order': False, 'shape': (24,)}",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (24,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 1)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 0, 4294967296)}",
    };
    for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++)
        assert_non_null(strstr(read_dict(dicts[i], 24, STATUS_FORMAT), "has a damaged header: "));
    static const char *const unknown[] = {
        "{'descr': '|f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f16', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '', 'fortran_order': False, 'shape': (6,)}",
    };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_non_null(strstr(read_dict(unknown[i], 24, STATUS_UNSUPPORTED), "has elements of"));
}

static void data_of_another_length_than_the_shape_is_refused(void **state) {
    (void)state;
    assert_string_equal(
        read_dict("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 20, STATUS_FORMAT),
        "'x' has 20 bytes of data, [2][3] of float32 are 24; it is damaged");
    read_dict("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 28, STATUS_FORMAT);
    read_dict("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", 4, STATUS_FORMAT);
}

static void sizes_are_bounded_before_memory_is_taken(void **state) {
    (void)state;
    const size_t length = (size_t)8 << 20;
    unsigned char *bytes = calloc(1, length);
    assert_non_null(bytes);
    size_t header =
        make_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1048577,)}", 0, bytes);
    const char *path = write_archive(bytes, header + LIMIT + 1, ZIP_CM_DEFLATE, NULL);
    assert_non_null(
        strstr(read_x(path, LIMIT, STATUS_UNSUPPORTED), "at most 1048576 are accepted"));
    assert_null(read_x(path, LIMIT + 1, STATUS_OK));
    /* The size in the central directory, at byte 24 of the entry, says 4 GiB less 2. */
    size_t size;
    unsigned char *archive = test_read(path, &size);
    size_t entry = size - 22 - 46 - 5;
    while (entry && memcmp(archive + entry, "PK\1\2", 4)) entry--;
    assert_true(entry > 0);
    memcpy(archive + entry + 24, "\xfe\xff\xff\xff", 4);
    struct error error;
    assert_ok(file_replace(path, archive, size, NULL, NULL, &error), &error);
    read_x(path, SIZE_MAX, STATUS_FORMAT);
    /* It says less than there is. */
    memcpy(archive + entry + 24, "\x00\x01\x00\x00", 4);
    assert_ok(file_replace(path, archive, size, NULL, NULL, &error), &error);
    read_x(path, SIZE_MAX, STATUS_FORMAT);
    free(archive);
    free(bytes);
}

static void other_archives_are_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    size_t size = make_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (24,)}", 24, bytes);
    const char *path = write_archive(bytes, size, ZIP_CM_STORE, "secret");
    assert_string_equal(read_x(path, LIMIT, STATUS_UNSUPPORTED),
                        "'x' is encrypted; save it without a password");
    path = write_archive(bytes, size, ZIP_CM_BZIP2, NULL);
    assert_string_equal(read_x(path, LIMIT, STATUS_UNSUPPORTED),
                        "'x' is compressed by method 12; save it with np.savez_compressed");
    path = write_archive("hello, this is text", 19, ZIP_CM_STORE, NULL);
    assert_string_equal(read_x(path, LIMIT, STATUS_FORMAT), "'x' is no array that NumPy saved");
    assert_false(npz_probe(test_asset("models/mnist_fc.h5")));
    assert_false(npz_probe("/no/such.npz"));
    assert_false(npz_probe("/"));
    struct error error;
    struct npz *npz;
    assert_int_equal(npz_open(&npz, "/no/such.npz", &error), STATUS_IO);
    assert_int_equal(npz_open(&npz, "/", &error), STATUS_IO);
}

static void an_archive_that_is_cut_anywhere_or_damaged_is_refused(void **state) {
    (void)state;
    struct error error;
    unsigned char bytes[1024];
    size_t length,
        size = make_npy("{'descr': '<i2', 'fortran_order': False, 'shape': (150, 2)}", 600, bytes);
    const char *path = write_archive(bytes, size, ZIP_CM_STORE, NULL);
    const char *cut = test_scratch("cut.npz");
    unsigned char *whole = test_read(path, &length);
    for (size_t i = 0; i < length; i++) {
        struct npz *npz;
        struct npy npy;
        assert_ok(file_replace(cut, whole, i, NULL, NULL, &error), &error);
        enum status status = npz_open(&npz, cut, &error);
        if (!status) status = npz_read(npz, "x", LIMIT, &npy, &error);
        assert_int_equal(status, STATUS_FORMAT);
        npz_close(npz);
    }
    whole[300] ^= 1; /* an element: the checksum tells */
    assert_ok(file_replace(cut, whole, length, NULL, NULL, &error), &error);
    assert_string_equal(read_x(cut, LIMIT, STATUS_FORMAT),
                        "'x' cannot be read (CRC error); the file is cut short or damaged");
    free(whole);
}

static void the_shared_pictures_are_read(void **state) {
    (void)state;
    const char *path = test_shared("data/cifar10-7k.npz");
    struct error error;
    struct npz *npz;
    struct npy npy;
    struct npz_labels labels;
    assert_ok(npz_open(&npz, path, &error), &error);
    assert_ok(npz_read_samples(npz, "x_train", 5000 * 3072, &npy, &error), &error);
    assert_int_equal(npy.type, NPY_UINT8);
    assert_true(npy.rank == 4 && npy.shape[0] == 5000 && npy.shape[3] == 3);
    assert_ok(npz_read_labels(npz, "y_train", 5000, &labels, &error), &error);
    assert_int_equal(labels.count, 5000);
    /* np.bincount and np.sum say so */
    static const int want[10] = {487, 482, 476, 513, 497, 505, 508, 529, 466, 537};
    int counts[10] = {0};
    uint64_t sum = 0;
    for (size_t i = 0; i < labels.count; i++) counts[labels.values[i]]++;
    assert_memory_equal(counts, want, sizeof want);
    for (size_t i = 0; i < npy.count; i++) sum += ((unsigned char *)npy.data)[i];
    assert_true(sum == 1850821060);
    free(labels.values);
    free(npy.data);
    npz_close(npz);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_type_and_order_reads_as_numpy_wrote_it),
    cmocka_unit_test(samples_become_bytes_or_float32),
    cmocka_unit_test(versions_2_and_3_are_read),
    cmocka_unit_test(labels_are_read_in_all_their_forms),
    cmocka_unit_test(labels_that_are_none_are_refused),
    cmocka_unit_test(what_cannot_be_read_is_refused_with_what_would_help),
    cmocka_unit_test(headers_of_other_writers_are_read),
    cmocka_unit_test(headers_are_no_python),
    cmocka_unit_test(data_of_another_length_than_the_shape_is_refused),
    cmocka_unit_test(sizes_are_bounded_before_memory_is_taken),
    cmocka_unit_test(other_archives_are_refused),
    cmocka_unit_test(an_archive_that_is_cut_anywhere_or_damaged_is_refused),
    cmocka_unit_test(the_shared_pictures_are_read),
};

TEST_MAIN(tests)
