#include "test.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* What is done with a file, in order (the linker replaces the two functions). */
enum deed { SYNC_FILE, SYNC_FOLDER, RENAME };
static enum deed deeds[8];
static int deed_count;

int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);

static void note(enum deed deed) {
    if (deed_count < 8) deeds[deed_count++] = deed;
}

int __wrap_fsync(int fd) {
    struct stat info;
    assert_int_equal(fstat(fd, &info), 0);
    note(S_ISDIR(info.st_mode) ? SYNC_FOLDER : SYNC_FILE);
    return __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to) {
    note(RENAME);
    return __real_rename(from, to);
}

static enum status refuse(const char *temporary, void *context, struct error *error) {
    (void)context;
    assert_int_equal(access(temporary, R_OK), 0);
    return error_set(error, STATUS_FORMAT, temporary, "does not verify");
}

static void replace_makes_folders_and_keeps_the_old_file_on_failure(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("a/b/c.bin");
    assert_ok(file_replace(path, "first", 5, NULL, NULL, &error), &error);
    assert_int_equal(file_replace(path, "second", 6, refuse, NULL, &error), STATUS_FORMAT);
    assert_string_equal(error.where, path);
    size_t length;
    unsigned char *bytes = test_read(path, &length);
    assert_int_equal(length, 5);
    assert_memory_equal(bytes, "first", 5);
    free(bytes);
    assert_ok(file_replace(path, "third!!", 7, NULL, NULL, &error), &error);
    bytes = test_read(path, &length);
    assert_int_equal(length, 7);
    free(bytes);
}

static int count_files(const char *path) {
    char folder[1100];
    strcpy(folder, path);
    *strrchr(folder, '/') = 0;
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(stream));) count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static void what_failed_leaves_nothing_beside_the_file(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("alone/file");
    assert_int_equal(file_replace(path, "x", 1, refuse, NULL, &error), STATUS_FORMAT);
    assert_int_equal(count_files(path), 0);
    assert_ok(file_replace(path, "x", 1, NULL, NULL, &error), &error);
    assert_int_equal(count_files(path), 1);
}

/* Else a machine that loses power may keep the name of a file without its bytes. */
static void the_bytes_are_on_disk_before_the_name_and_then_the_name(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("disk/file");
    deed_count = 0;
    assert_ok(file_replace(path, "x", 1, NULL, NULL, &error), &error);
    assert_int_equal(deed_count, 3);
    assert_int_equal(deeds[0], SYNC_FILE);
    assert_int_equal(deeds[1], RENAME);
    assert_int_equal(deeds[2], SYNC_FOLDER);
}

static void reading_stops_at_the_limit(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("limit");
    assert_ok(file_replace(path, "0123456789", 10, NULL, NULL, &error), &error);
    unsigned char *bytes;
    size_t length;
    assert_int_equal(file_read(path, 9, &bytes, &length, &error), STATUS_FORMAT);
    assert_ok(file_read(path, 10, &bytes, &length, &error), &error);
    assert_int_equal(length, 10);
    free(bytes);
}

static void a_folder_or_nothing_is_an_error_that_names_it(void **state) {
    (void)state;
    struct error error;
    unsigned char *bytes;
    size_t length;
    assert_int_equal(file_read("/", 10, &bytes, &length, &error), STATUS_IO);
    assert_string_equal(error.where, "/");
    assert_int_equal(file_read("/no/such/file", 10, &bytes, &length, &error), STATUS_IO);
    assert_string_equal(error.text, "cannot open: No such file or directory");
}

static void a_parent_that_is_a_file_refuses_the_write(void **state) {
    (void)state;
    struct error error;
    const char *path = test_scratch("plain");
    assert_ok(file_replace(path, "x", 1, NULL, NULL, &error), &error);
    const char *below = test_scratch("plain2");
    (void)below;
    char inside[1100];
    strcpy(inside, path);
    strcat(inside, "/deeper/file");
    assert_int_equal(file_replace(inside, "x", 1, NULL, NULL, &error), STATUS_IO);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(replace_makes_folders_and_keeps_the_old_file_on_failure),
    cmocka_unit_test(what_failed_leaves_nothing_beside_the_file),
    cmocka_unit_test(the_bytes_are_on_disk_before_the_name_and_then_the_name),
    cmocka_unit_test(reading_stops_at_the_limit),
    cmocka_unit_test(a_folder_or_nothing_is_an_error_that_names_it),
    cmocka_unit_test(a_parent_that_is_a_file_refuses_the_write),
};
TEST_MAIN(tests)
