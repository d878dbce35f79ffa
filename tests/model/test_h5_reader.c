#include "test.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "made_keras.h"
#include "model/h5_reader.h"
#include "model/model.h"
#include "model/variables.h"

#define CONFIG                                                                                     \
    "{'class_name':'Sequential','config':{'name':'m','layers':["                                   \
    "{'class_name':'InputLayer','config':{'batch_input_shape':[null,3],'name':'in'}},"             \
    "{'class_name':'Dense','config':{'name':'d','units':2}}]}}"
static const float kernel[] = {1, -2, 0.5f, 4, -0.25f, 6}, bias[] = {-1, 8};

static const char *write_model(void) {
    static const char *const layers[] = {"d"}, *const weights[] = {"d/kernel:0", "d/bias:0"};
    static const hsize_t kernel_size[] = {3, 2, 0}, bias_size[] = {2, 0};
    const char *path = test_scratch("model.h5");
    struct made_keras file = keras_create(path, CONFIG);
    keras_names(file.weights, "layer_names", layers, 1, 0);
    hid_t group = keras_layer(&file, "d", weights, 2);
    keras_numbers(group, "d/kernel:0", H5T_IEEE_F32LE, kernel_size, kernel);
    keras_numbers(group, "d/bias:0", H5T_IEEE_F32LE, bias_size, bias);
    H5Gclose(group);
    keras_close(&file);
    return path;
}

static void check_no_child_is_left(void) {
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Everything the file of write_model holds. */
static void check_content(struct h5_reader *reader) {
    struct error error;
    struct h5_names names;
    struct h5_shape shape;
    char *text;
    size_t length;
    bool is_float;
    float values[6];
    assert_true(h5_reader_has(reader, "/"));
    assert_true(h5_reader_has(reader, "model_weights/d"));
    assert_false(h5_reader_has(reader, "model_weights/e"));
    assert_true(h5_reader_has_attribute(reader, "/", "model_config"));
    assert_false(h5_reader_has_attribute(reader, "/", "layer_names"));
    assert_false(h5_reader_has_attribute(reader, "nowhere", "layer_names"));
    assert_ok(h5_reader_text(reader, "/", "model_config", &text, &length, &error), &error);
    assert_int_equal(length, strlen(CONFIG));
    assert_string_equal(strstr(text, "Dense"), strstr(text, "D"));
    free(text);
    assert_ok(h5_reader_names(reader, "model_weights/d", "weight_names", &names, &error), &error);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[1], "d/bias:0");
    h5_free_names(&names);
    assert_ok(h5_reader_datasets(reader, "/", &names, &error), &error);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[0], "model_weights/d/d/bias:0");
    h5_free_names(&names);
    assert_ok(h5_reader_shape(reader, "model_weights/d", "d/kernel:0", &shape, &is_float, &error),
              &error);
    assert_int_equal(shape.rank, 2);
    assert_int_equal(shape.size[0], 3);
    assert_int_equal(shape.count, 6);
    assert_true(is_float);
    assert_ok(h5_reader_floats(reader, "model_weights/d", "d/kernel:0", values, 6, &error), &error);
    assert_memory_equal(values, kernel, sizeof kernel);
}

static void a_file_is_read_from_disk_and_from_memory(void **state) {
    (void)state;
    struct error error;
    struct h5_reader *reader;
    size_t length;
    const char *path = write_model();
    assert_ok(h5_reader_open(&reader, path, &error), &error);
    check_content(reader);
    assert_ok(h5_reader_close(reader, &error), &error);
    unsigned char *bytes = test_read(path, &length);
    assert_ok(h5_reader_open_image(&reader, bytes, length, path, &error), &error);
    memset(bytes, 0, length);
    free(bytes);
    check_content(reader);
    assert_ok(h5_reader_close(reader, &error), &error);
    assert_int_equal(h5_reader_open_image(&reader, "no HDF5", 7, "x.keras", &error), STATUS_FORMAT);
    assert_string_equal(error.where, "x.keras");
    assert_null(reader);
    assert_ok(h5_reader_close(NULL, &error), &error);
    check_no_child_is_left();
}

static void wrong_questions_are_errors_and_the_next_is_answered(void **state) {
    (void)state;
    struct error error;
    struct h5_reader *reader;
    struct h5_names names;
    struct h5_shape shape;
    bool is_float;
    float values[7];
    static char far[MAX_H5_PATH + 2];
    memset(far, 'x', sizeof far - 1);
    assert_ok(h5_reader_open(&reader, write_model(), &error), &error);
    assert_int_equal(h5_reader_names(reader, "nowhere", "weight_names", &names, &error),
                     STATUS_FORMAT);
    assert_string_equal(error.text, "'nowhere' cannot be read; the file is damaged");
    assert_int_equal(h5_reader_names(reader, "/", far, &names, &error), STATUS_FORMAT);
    assert_non_null(strstr(error.text, "is longer than 4095 bytes"));
    assert_int_equal(h5_reader_shape(reader, "/", "nothing", &shape, &is_float, &error),
                     STATUS_FORMAT);
    assert_string_equal(error.text, "data set 'nothing' is missing");
    assert_int_equal(h5_reader_floats(reader, "model_weights/d", "d/kernel:0", values, 7, &error),
                     STATUS_FORMAT);
    check_content(reader);
    assert_ok(h5_reader_close(reader, &error), &error);
}

static void readers_end_in_any_order(void **state) {
    (void)state;
    struct error error;
    struct h5_reader *first, *second;
    const char *path = write_model();
    for (int i = 0; i < 2; i++) {
        assert_ok(h5_reader_open(&first, path, &error), &error);
        assert_ok(h5_reader_open(&second, path, &error), &error);
        check_content(first);
        check_content(second);
        assert_ok(h5_reader_close(i ? first : second, &error), &error);
        assert_ok(h5_reader_close(i ? second : first, &error), &error);
    }
    check_no_child_is_left();
}

/* The only child of this process. */
static pid_t find_child(void) {
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *file = fopen(path, "r");
    if (!file) {
        print_message("%s is absent: the kernel does not list children\n", path);
        skip();
    }
    assert_int_equal(fscanf(file, "%d", &child), 1);
    fclose(file);
    return child;
}

static void a_child_that_dies_is_an_error_and_nothing_more(void **state) {
    (void)state;
    static const int signals[] = {SIGSEGV, SIGABRT, SIGXCPU, SIGKILL};
    static const char *const texts[] = {"crashes on it", "crashes on it", "hangs on it",
                                        "hangs on it"};
    struct error error;
    struct h5_reader *reader;
    struct h5_names names;
    const char *path = write_model();
    for (int i = 0; i < 4; i++) {
        assert_ok(h5_reader_open(&reader, path, &error), &error);
        kill(find_child(), signals[i]);
        assert_int_equal(h5_reader_names(reader, "/", "x", &names, &error), STATUS_FORMAT);
        assert_string_equal(error.where, path);
        assert_non_null(strstr(error.text, texts[i]));
        assert_null(names.names);
        assert_false(h5_reader_has(reader, "/"));
        memset(&error, 0, sizeof error);
        assert_int_equal(h5_reader_close(reader, &error), STATUS_FORMAT);
        assert_non_null(strstr(error.text, texts[i]));
    }
    check_no_child_is_left();
}

static void keys_meant_for_the_caller_do_not_end_its_child(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM};
    struct error error;
    struct h5_reader *reader;
    assert_ok(h5_reader_open(&reader, write_model(), &error), &error);
    for (int i = 0; i < 4; i++) kill(find_child(), signals[i]);
    check_content(reader);
    assert_ok(h5_reader_close(reader, &error), &error);
}

static void a_caller_may_ignore_the_end_of_children(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    const char *path = write_model();
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 3; i++) {
        assert_ok(model_load(path, &model, &error), &error);
        model_free(model);
    }
    signal(SIGCHLD, before);
}

static void *load_often(void *argument) {
    const char *path = argument;
    intptr_t failures = 0;
    for (int i = 0; i < 5; i++) {
        struct error error;
        struct model *model;
        if (model_load(path, &model, &error))
            failures++;
        else if (memcmp(model->weights, kernel, sizeof kernel))
            failures++;
        model_free(model);
    }
    return (void *)failures;
}

static void threads_load_side_by_side(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    /* gcc 12's AddressSanitizer has no fork handlers: a child made while another thread allocates
     * waits for ever for the allocator's lock.  glibc's own allocator has them. */
    print_message("# SKIP: AddressSanitizer's allocator does not outlive a fork among threads\n");
    skip();
#endif
    pthread_t threads[4];
    char path[1024];
    snprintf(path, sizeof path, "%s", write_model());
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_often, path), 0);
    for (int i = 0; i < 4; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_null(failures);
    }
    check_no_child_is_left();
}

static unsigned next_random(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Turn one to four bytes, most of them where the structures are. */
static void damage(unsigned char *bytes, size_t length, unsigned seed) {
    static const unsigned char bad[] = {0, 1, 0xff, 0x7f, 0x80};
    unsigned count = 1 + next_random(&seed) % 4;
    for (unsigned i = 0; i < count; i++) {
        size_t at = next_random(&seed) % (next_random(&seed) % 3 ? 4096 : length);
        unsigned value = next_random(&seed);
        bytes[at] = value % 2 ? (unsigned char)(value >> 4) : bad[(value >> 4) % sizeof bad];
    }
}

static void check_loads_or_says_why(const char *path) {
    struct error error;
    struct model *model;
    struct variables *variables;
    memset(&error, 0, sizeof error);
    if (model_load(path, &model, &error)) {
        assert_null(model);
        assert_string_equal(error.where, path);
        assert_true(strlen(error.text) > 10);
    } else {
        for (size_t i = 0; i < model->weight_count; i++) assert_true(isfinite(model->weights[i]));
        model_free(model);
    }
    memset(&error, 0, sizeof error);
    if (variables_load(path, &variables, &error)) {
        assert_null(variables);
        assert_string_equal(error.where, path);
        assert_true(strlen(error.text) > 10);
    } else {
        variables_free(variables);
    }
}

static void bytes_turned_in_a_file_are_at_worst_an_error(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("damaged.h5");
    size_t length;
    unsigned char *bytes = test_read(write_model(), &length);
    unsigned char *turned = malloc(length);
    assert_non_null(turned);
    for (unsigned seed = 1; seed <= 60; seed++) {
        memcpy(turned, bytes, length);
        damage(turned, length, seed);
        assert_ok(file_replace(path, turned, length, NULL, NULL, &error), &error);
        check_loads_or_says_why(path);
    }
    free(turned);
    free(bytes);
    check_no_child_is_left();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file_is_read_from_disk_and_from_memory),
    cmocka_unit_test(wrong_questions_are_errors_and_the_next_is_answered),
    cmocka_unit_test(readers_end_in_any_order),
    cmocka_unit_test(a_child_that_dies_is_an_error_and_nothing_more),
    cmocka_unit_test(keys_meant_for_the_caller_do_not_end_its_child),
    cmocka_unit_test(a_caller_may_ignore_the_end_of_children),
    cmocka_unit_test(threads_load_side_by_side),
    cmocka_unit_test(bytes_turned_in_a_file_are_at_worst_an_error),
};
TEST_MAIN(tests)
