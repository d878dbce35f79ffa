#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "data/classes.h"

static char *next_line(FILE *file, char line[512]) {
    if (!fgets(line, 512, file)) return NULL;
    line[strcspn(line, "\n")] = 0;
    return line;
}

static const char *folder_of(const char *name) {
    static char folder[1024];
    snprintf(folder, sizeof folder, "%s", test_scratch(name));
    return folder;
}

static void make_file(const char *folder, const char *name, const char *text) {
    char path[1600];
    struct error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    /* not file_replace, which would sync each of them */
    assert_ok(file_make_parents(path, &error), &error);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void classes_and_pictures_are_in_keras_order(void **state) {
    (void)state;
    char line[512], path[MAX_CLASSES_PATH], want[2048], *names[64], *files[64];
    const char *folder = folder_of("keras");
    FILE *golden = fopen(test_golden("classes.txt"), "r");
    assert_non_null(golden);
    size_t name_count = strtoul(next_line(golden, line), NULL, 10);
    assert_true(name_count > 0 && name_count < 64);
    for (size_t i = 0; i < name_count; i++) names[i] = strdup(next_line(golden, line));
    size_t file_count = strtoul(next_line(golden, line), NULL, 10);
    assert_true(file_count > 0 && file_count < 64);
    for (size_t i = 0; i < file_count; i++) {
        files[i] = strdup(next_line(golden, line));
        make_file(folder, strchr(files[i], ' ') + 1, "");
    }
    while (next_line(golden, line)) make_file(folder, line, "");
    fclose(golden);

    struct error error;
    struct classes classes;
    assert_ok(classes_scan(folder, NULL, NULL, NULL, &classes, &error), &error);
    assert_int_equal(classes.names.count, name_count);
    assert_int_equal(classes.count, file_count);
    assert_int_equal(classes.passed_over, 6);
    size_t counts[64] = {0};
    for (size_t i = 0; i < name_count; i++) assert_string_equal(classes.names.list[i], names[i]);
    for (size_t i = 0; i < file_count; i++) {
        unsigned long label = strtoul(files[i], NULL, 10);
        snprintf(want, sizeof want, "%s/%s", folder, strchr(files[i], ' ') + 1);
        assert_string_equal(classes_path(&classes, i, path), want);
        assert_int_equal(classes.files[i].label, label);
        counts[label]++;
    }
    for (size_t i = 0; i < name_count; i++) assert_int_equal(classes.class_counts[i], counts[i]);
    for (size_t i = 0; i < name_count; i++) free(names[i]);
    for (size_t i = 0; i < file_count; i++) free(files[i]);
    classes_free(&classes);
    assert_null(classes.files);
}

static void content_makes_a_picture_of_any_name(void **state) {
    (void)state;
    struct error error;
    struct classes classes;
    const char *folder = folder_of("content");
    make_file(folder, "a/photo", "\xff\xd8\xff\xe0");
    make_file(folder, "a/scan.tmp", "\x89PNG\r\n\x1a\n");
    make_file(folder, "a/photo.webp", "RIFF    WEBP");
    make_file(folder, "a/text", "text");
    make_file(folder, "a/.hidden.png", "");
    make_file(folder, ".git/x.png", "");
    make_file(folder, "a/.cache/x.png", "");
    assert_ok(classes_scan(folder, NULL, NULL, NULL, &classes, &error), &error);
    assert_int_equal(classes.names.count, 1);
    assert_int_equal(classes.count, 2);
    assert_int_equal(classes.passed_over, 2);
    classes_free(&classes);
}

static void links_to_files_and_classes_are_followed(void **state) {
    (void)state;
    char path[1200], target[1200];
    struct error error;
    struct classes classes;
    const char *folder = folder_of("links");
    make_file(folder, "part/a/1.png", "");
    make_file(folder, "elsewhere/2.png", "");
    snprintf(target, sizeof target, "%s/elsewhere", folder);
    snprintf(path, sizeof path, "%s/part/b", folder);
    assert_int_equal(symlink(target, path), 0);
    snprintf(path, sizeof path, "%s/part/a/loop", folder);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/part/a/3.png", folder);
    assert_int_equal(symlink("1.png", path), 0);
    snprintf(path, sizeof path, "%s/part/a/dangling.png", folder);
    assert_int_equal(symlink("nowhere", path), 0);
    snprintf(path, sizeof path, "%s/part", folder);
    assert_ok(classes_scan(path, NULL, NULL, NULL, &classes, &error), &error);
    assert_int_equal(classes.count, 3);
    assert_int_equal(classes.class_counts[0], 2);
    assert_int_equal(classes.class_counts[1], 1);
    classes_free(&classes);
}

static void parts_are_found(void **state) {
    (void)state;
    struct classes_parts parts;
    char want[1100];
    const char *folder = folder_of("parts1");
    make_file(folder, "train/a/1.png", "");
    make_file(folder, "validation/a/1.png", "");
    assert_true(classes_find(folder, &parts));
    snprintf(want, sizeof want, "%s/train", folder);
    assert_string_equal(parts.train, want);
    snprintf(want, sizeof want, "%s/validation", folder);
    assert_string_equal(parts.test, want);
    assert_string_equal(parts.all, "");
    make_file(folder, "val/a/1.png", "");
    make_file(folder, "test/a/1.png", "");
    assert_true(classes_find(folder, &parts));
    snprintf(want, sizeof want, "%s/test", folder);
    assert_string_equal(parts.test, want);

    folder = folder_of("parts2");
    make_file(folder, "test/a/1.png", "");
    assert_true(classes_find(folder, &parts));
    assert_string_equal(parts.train, "");

    folder = folder_of("parts3");
    make_file(folder, "a/notes.txt", "");
    make_file(folder, "readme.png", "");
    assert_false(classes_find(folder, &parts));
    make_file(folder, "b/1.jpg", "");
    assert_true(classes_find(folder, &parts));
    assert_string_equal(parts.all, folder);
    assert_string_equal(parts.train, "");
    assert_string_equal(parts.test, "");
    assert_false(classes_find(test_asset("mnist-5k"), &parts));
    assert_false(classes_find("/no/such/folder", &parts));
}

static void known_classes_give_the_labels(void **state) {
    (void)state;
    char dog[] = "dog", cat[] = "cat", bird[] = "bird", *list[] = {dog, cat, bird};
    const struct names names = {3, list};
    struct error error;
    struct classes classes;
    char path[MAX_CLASSES_PATH];
    const char *folder = folder_of("known");
    make_file(folder, "cat/1.png", "");
    make_file(folder, "dog/1.png", "");
    make_file(folder, "notes/readme.txt", "");
    assert_ok(classes_scan(folder, &names, NULL, NULL, &classes, &error), &error);
    assert_int_equal(classes.names.count, 3);
    assert_int_equal(classes.count, 2);
    assert_int_equal(classes.files[0].label, 1);
    assert_non_null(strstr(classes_path(&classes, 0, path), "/cat/1.png"));
    assert_int_equal(classes.files[1].label, 0);
    assert_int_equal(classes.class_counts[2], 0);
    classes_free(&classes);
    make_file(folder, "fish/1.png", "");
    assert_int_equal(classes_scan(folder, &names, NULL, NULL, &classes, &error), STATUS_FORMAT);
    assert_non_null(strstr(error.where, "/fish"));
    assert_string_equal(error.text,
                        "is none of the 3 classes that are known (from the training pictures or a "
                        "list of names); rename or remove it");
    assert_null(classes.files);
}

static void folders_without_pictures_are_refused(void **state) {
    (void)state;
    struct error error;
    struct classes classes;
    const char *folder = folder_of("none");
    make_file(folder, "1.png", "");
    assert_int_equal(classes_scan(folder, NULL, NULL, NULL, &classes, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "holds no class folders; put the pictures of each class into a "
                                    "folder that is named for it");
    make_file(folder, "a/notes.txt", "");
    assert_int_equal(classes_scan(folder, NULL, NULL, NULL, &classes, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "holds no PNG or JPEG pictures in its 1 folders");
    assert_string_equal(error.where, folder);
    assert_int_equal(classes_scan("/no/such", NULL, NULL, NULL, &classes, &error), STATUS_IO);
}

/* Without permission would not do for root; without a descriptor for the second one it does. */
static void a_folder_that_cannot_be_read_is_named(void **state) {
    (void)state;
    struct error error;
    struct classes classes;
    struct rlimit limit, tight;
    const char *folder = folder_of("unreadable");
    make_file(folder, "a/1.png", "");
    make_file(folder, "a/b/2.png", "");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(STDIN_FILENO);
    assert_int_equal(close(next), 0);
    tight = limit;
    tight.rlim_cur = (rlim_t)next + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    enum status status = classes_scan(folder, NULL, NULL, NULL, &classes, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(status, STATUS_IO);
    assert_non_null(strstr(error.where, "/unreadable/a/b"));
    assert_string_equal(error.text, "cannot read the folder: Too many open files");
    assert_null(classes.files);
}

static void folders_that_are_too_deep_are_refused(void **state) {
    (void)state;
    struct error error;
    struct classes classes;
    char name[256] = "a";
    const char *folder = folder_of("deep");
    for (int i = 0; i < MAX_CLASSES_DEPTH; i++) strcat(name, "/b");
    make_file(folder, "a/1.png", "");
    strcat(name, "/2.png");
    make_file(folder, name, "");
    assert_ok(classes_scan(folder, NULL, NULL, NULL, &classes, &error), &error);
    assert_int_equal(classes.count, 2);
    classes_free(&classes);
    strcpy(strrchr(name, '/'), "/b/3.png");
    make_file(folder, name, "");
    assert_int_equal(classes_scan(folder, NULL, NULL, NULL, &classes, &error), STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.text, "too deep"));
}

static bool count_calls(size_t files, void *context) {
    size_t *calls = context;
    assert_true(files > *calls * 1024);
    return ++*calls < 2;
}

static void many_files_are_reported_and_can_be_stopped(void **state) {
    (void)state;
    struct error error;
    struct classes classes;
    char name[64], path[MAX_CLASSES_PATH];
    size_t calls = 0;
    const char *folder = folder_of("many");
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "%d/%05d.png", i % 3, 29999 - i);
        make_file(folder, name, "");
    }
    assert_int_equal(classes_scan(folder, NULL, count_calls, &calls, &classes, &error),
                     STATUS_INTERRUPTED);
    assert_int_equal(calls, 2);
    assert_null(classes.files);
    assert_ok(classes_scan(folder, NULL, NULL, NULL, &classes, &error), &error);
    assert_int_equal(classes.count, 3000);
    for (size_t i = 0; i < 3000; i++) {
        size_t label = i / 1000, number = 27000 + (2 - label) + 3 * (i % 1000);
        snprintf(name, sizeof name, "/%zu/%05zu.png", label, number);
        assert_non_null(strstr(classes_path(&classes, i, path), name));
        assert_int_equal(classes.files[i].label, label);
    }
    classes_free(&classes);
}

static void skipped_files_are_counted_and_the_first_named(void **state) {
    (void)state;
    struct skipped skipped = {0};
    struct error error;
    char text[4096], name[16];
    assert_string_equal(skipped_text(&skipped, text, sizeof text), "");
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "%d.png", i);
        error_set(&error, STATUS_FORMAT, name, "is empty");
        skipped_add(&skipped, &error);
        if (i == 1)
            assert_string_equal(skipped_text(&skipped, text, sizeof text),
                                "1 file is skipped: 1.png: is empty");
    }
    assert_string_equal(skipped_text(&skipped, text, sizeof text),
                        "5 files are skipped: 1.png: is empty; 2.png: is empty; 3.png: is empty; "
                        "and 2 more");
    assert_string_equal(skipped_text(&skipped, text, 20), "5 files are skipped");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(classes_and_pictures_are_in_keras_order),
    cmocka_unit_test(content_makes_a_picture_of_any_name),
    cmocka_unit_test(links_to_files_and_classes_are_followed),
    cmocka_unit_test(parts_are_found),
    cmocka_unit_test(known_classes_give_the_labels),
    cmocka_unit_test(folders_without_pictures_are_refused),
    cmocka_unit_test(a_folder_that_cannot_be_read_is_named),
    cmocka_unit_test(folders_that_are_too_deep_are_refused),
    cmocka_unit_test(many_files_are_reported_and_can_be_stopped),
    cmocka_unit_test(skipped_files_are_counted_and_the_first_named),
};

TEST_MAIN(tests)
