/* What an export writes is what was verified, or is not there.  The linker sends every call of
 * file_replace to the one below (-Wl,--wrap), which can damage what goes to the disk. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/random.h"
#include "chain.h"
#include "evaluate/evaluate.h"
#include "export/csource.h"
#include "export/exporter.h"
#include "export/format.h"
#include "quant/observer.h"
#include "tflite/tflite.h"

enum { DIGITS = 40, PIXELS = 784, STEP = 7 };

/* ---- damage ---- */

/* While `length` is not 0: these bytes of the .tflite lose their sign on the way to the disk. */
static struct { size_t first, length; } damaged;

static void damage_program(unsigned char *bytes) {
    for (size_t i = 0; i < damaged.length; i++) bytes[damaged.first + i] ^= 0x80;
}

/* The same bytes in the text of an array; false when there is none. */
static bool damage_source(char *text) {
    static const char digits[] = "0123456789abcdef";
    char *at = strstr(text, "] = {");
    if (!at) return false;
    for (size_t i = 0; (at = strstr(at, "0x")); i++, at += 4)
        if (i >= damaged.first && i - damaged.first < damaged.length)
            at[2] = digits[(strchr(digits, at[2]) - digits) ^ 8];
    return true;
}

enum status __real_file_replace(const char *path, const void *bytes, size_t length,
                                file_check *check, void *context, struct error *error);
enum status __wrap_file_replace(const char *path, const void *bytes, size_t length,
                                file_check *check, void *context, struct error *error);
enum status __wrap_file_replace(const char *path, const void *bytes, size_t length,
                                file_check *check, void *context, struct error *error) {
    char *written = calloc(1, length + 1);
    assert_non_null(written);
    memcpy(written, bytes, length);
    if (damaged.length && !memcmp(written + 4, "TFL3", 4))
        damage_program((unsigned char *)written);
    else if (damaged.length)
        damage_source(written);
    enum status status = __real_file_replace(path, written, length, check, context, error);
    free(written);
    return status;
}

/* ---- a model to export ---- */

struct setting {
    struct model *model;
    struct quant_plan *plan;
    struct snapshot *snapshot;
    struct samples digits;
    size_t kernel, kernel_bytes; /* of the last layer, in the .tflite */
    char folder[256];
};

static void make_snapshot(struct setting *setting) {
    struct error error;
    setting->model = chain_begin();
    chain_layer(setting->model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(setting->model, "hidden", 16, ACTIVATION_RELU);
    chain_dense(setting->model, "scores", 10, ACTIVATION_SOFTMAX);
    chain_finish(setting->model, 5);
    assert_ok(quant_plan_create(&setting->plan, setting->model, &schemes[0], &error), &error);
    struct range *ranges = calloc((size_t)setting->plan->range_count, sizeof *ranges);
    assert_non_null(ranges);
    observer_reset(setting->plan, ranges);
    observer_kernels(NULL, setting->plan, setting->model, setting->model->weights, ranges);
    ranges[0] = (struct range){0, 1}; /* the input */
    setting->snapshot =
        snapshot_create(setting->model, setting->plan, STEP, setting->model->weights, ranges);
    assert_non_null(setting->snapshot);
    free(ranges);
}

static void make_digits(struct samples *digits) {
    *digits = test_digits(array_new(DIGITS, PIXELS), array_new(DIGITS, sizeof(uint16_t)), DIGITS);
    assert_true(digits->bytes && digits->labels);
    uint32_t words[4];
    for (uint32_t i = 0; i < DIGITS * PIXELS; i++) {
        if (i % 4 == 0) random_philox(3, RANDOM_TEST, 0, i / 4, words);
        digits->bytes[i] = (unsigned char)words[i % 4];
    }
    for (int i = 0; i < DIGITS; i++) digits->labels[i] = (uint16_t)(i % 10);
}

/* Where the .tflite holds the last kernel. */
static void find_kernel(struct setting *setting) {
    struct error error;
    struct frozen *frozen;
    unsigned char *bytes;
    size_t length;
    assert_ok(freeze(setting->snapshot, IO_FLOAT, &frozen, &error), &error);
    assert_ok(tflite_serialize(frozen, &bytes, &length, &error), &error);
    for (int i = 0; i < frozen->tensor_count; i++) {
        const struct frozen_tensor *tensor = &frozen->tensors[i];
        if (strcmp(tensor->name, "scores/kernel")) continue;
        unsigned char *at = memmem(bytes, length, tensor->data, tensor->data_bytes);
        assert_non_null(at);
        setting->kernel = (size_t)(at - bytes);
        setting->kernel_bytes = tensor->data_bytes;
    }
    assert_true(setting->kernel_bytes > 0);
    free(bytes);
    frozen_free(frozen);
}

static int set_up(void **state) {
    static struct setting setting;
    make_snapshot(&setting);
    make_digits(&setting.digits);
    find_kernel(&setting);
    *state = &setting;
    return 0;
}

static int tear_down(void **state) {
    struct setting *setting = *state;
    snapshot_release(setting->snapshot);
    quant_plan_free(setting->plan);
    model_free(setting->model);
    array_free(setting->digits.bytes);
    array_free(setting->digits.labels);
    return 0;
}

/* ---- files ---- */

/* A new folder, and nothing is damaged. */
static void enter_folder(struct setting *setting) {
    static int number;
    char name[32];
    damaged.length = 0;
    snprintf(name, sizeof name, "export-%d-XXXXXX", number++);
    snprintf(setting->folder, sizeof setting->folder, "%s", test_scratch(name));
    assert_non_null(mkdtemp(setting->folder));
}

static int count_files(const struct setting *setting) {
    DIR *folder = opendir(setting->folder);
    assert_non_null(folder);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_text(const char *path, const char *text) {
    size_t length;
    unsigned char *bytes = test_read(path, &length);
    assert_string_equal((char *)bytes, text);
    free(bytes);
}

static enum status export_to(const struct setting *setting, const char *name, bool keeps_steps,
                             struct export_result *result, struct error *error) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", setting->folder, name);
    const struct export_request request = {
        .snapshot = setting->snapshot,
        .io = IO_FLOAT,
        .runtime = RUNTIME_REF,
        .samples = &setting->digits,
        .path = path,
        .keeps_steps = keeps_steps,
    };
    return exporter_write(&request, result, error);
}

/* ---- tests ---- */

static void what_is_written_is_what_was_verified(void **state) {
    struct setting *setting = *state;
    enter_folder(setting);
    for (const struct export_format *format = export_formats; format->ending; format++) {
        if (!format->read) continue;
        struct error error;
        struct export_result result;
        struct frozen *frozen;
        struct predictions predictions;
        char name[32];
        snprintf(name, sizeof name, "good%s", format->ending);
        assert_ok(export_to(setting, name, false, &result, &error), &error);
        assert_true(result.is_ok);
        assert_int_equal(result.count, DIGITS);
        assert_int_equal(result.differing, 0);
        assert_ok(format->read(result.path, &frozen, &error), &error);
        assert_ok(evaluate_frozen(frozen, RUNTIME_REF, &setting->digits, NULL, name, &predictions,
                                  &error),
                  &error);
        assert_near(result.accuracy, predictions.accuracy, 0);
        predictions_free(&predictions);
        frozen_free(frozen);
    }
}

/* Names of files that an export of each kind would replace. */
static const char *const kinds[][2] = {
    {"out.tflite", NULL},
    {"out.c", "out.h"},
    {"out.h", NULL},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static void a_file_that_reads_back_otherwise_is_not_kept(void **state) {
    struct setting *setting = *state;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (int keeps_steps = 0; keeps_steps < 2; keeps_steps++) {
            struct error error = {0};
            struct export_result result;
            enter_folder(setting);
            damaged.first = setting->kernel;
            damaged.length = setting->kernel_bytes;
            enum status status = export_to(setting, kinds[kind][0], keeps_steps, &result, &error);
            assert_int_equal(status, STATUS_FORMAT);
            assert_non_null(strstr(error.text, "different outputs"));
            assert_false(result.is_ok);
            assert_true(result.differing > 0);
            assert_int_equal(count_files(setting), 0);
        }
}

static void an_older_file_outlives_a_failed_export(void **state) {
    struct setting *setting = *state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct error error;
        struct export_result result;
        char paths[2][300];
        enter_folder(setting);
        int files = 0;
        for (; files < 2 && kinds[kind][files]; files++) {
            snprintf(paths[files], sizeof paths[files], "%s/%s", setting->folder,
                     kinds[kind][files]);
            write_text(paths[files], "older");
        }
        damaged.first = setting->kernel;
        damaged.length = setting->kernel_bytes;
        assert_int_equal(export_to(setting, kinds[kind][0], false, &result, &error), STATUS_FORMAT);
        for (int i = 0; i < files; i++) assert_text(paths[i], "older");
        assert_int_equal(count_files(setting), files);
        damaged.length = 0;
        assert_ok(export_to(setting, kinds[kind][0], false, &result, &error), &error);
        assert_int_equal(count_files(setting), files);
    }
}

static void a_kept_file_of_other_bytes_is_not_overwritten(void **state) {
    struct setting *setting = *state;
    struct error error;
    struct export_result result;
    char older[300];
    enter_folder(setting);
    snprintf(older, sizeof older, "%s/out-s%d.tflite", setting->folder, STEP);
    write_text(older, "older");
    for (int i = 0; i < 2; i++) { /* the same bytes need no third name */
        assert_ok(export_to(setting, "out.tflite", true, &result, &error), &error);
        assert_non_null(strstr(result.path, "/out-s7-2.tflite"));
        assert_text(older, "older");
        assert_int_equal(count_files(setting), 3);
    }
}

static void an_unknown_ending_is_refused_with_the_known_ones(void **state) {
    struct setting *setting = *state;
    struct error error;
    struct export_result result;
    enter_folder(setting);
    assert_int_equal(export_to(setting, "out.bin", false, &result, &error), STATUS_USAGE);
    assert_non_null(strstr(error.text, ".tflite, .h5, .c or .h"));
    assert_int_equal(count_files(setting), 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_was_verified),
        cmocka_unit_test(a_file_that_reads_back_otherwise_is_not_kept),
        cmocka_unit_test(an_older_file_outlives_a_failed_export),
        cmocka_unit_test(a_kept_file_of_other_bytes_is_not_overwritten),
        cmocka_unit_test(an_unknown_ending_is_refused_with_the_known_ones),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
