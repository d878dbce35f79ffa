#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ui/draw/stderr_capture.h"

/* Lets the real stderr be a file while the test looks. */
static int saved;
static const char *path;

static int set_up(void **state) {
    (void)state;
    path = test_scratch("stderr.txt");
    saved = dup(STDERR_FILENO);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (saved < 0 || file < 0 || dup2(file, STDERR_FILENO) < 0) return -1;
    close(file);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stderr_capture_stop();
    dup2(saved, STDERR_FILENO);
    close(saved);
    return 0;
}

static void say(const char *text) {
    assert_int_equal(write(STDERR_FILENO, text, strlen(text)), strlen(text));
}

static void lines_are_handed_out_whole_and_repeated_at_the_end(void **state) {
    (void)state;
    struct error error;
    char line[16];
    assert_ok(stderr_capture_start(&error), &error);
    assert_false(stderr_capture_line(line, sizeof line));
    say("first\nsec");
    assert_true(stderr_capture_line(line, sizeof line));
    assert_string_equal(line, "first");
    assert_false(stderr_capture_line(line, sizeof line));
    say("ond, which is too long\n\n");
    assert_true(stderr_capture_line(line, sizeof line));
    assert_string_equal(line, "second, which i");
    assert_true(stderr_capture_line(line, sizeof line));
    assert_string_equal(line, "");
    say("never read");
    stderr_capture_stop();
    size_t length;
    char *text = (char *)test_read(path, &length);
    assert_string_equal(text, "first\nsecond, which is too long\n\nnever read");
    free(text);
}

static void nobody_waits_when_nobody_reads(void **state) {
    (void)state;
    struct error error;
    char block[4096];
    memset(block, 'x', sizeof block);
    assert_ok(stderr_capture_start(&error), &error);
    for (int i = 0; i < 1000; i++) {
        ssize_t put = write(STDERR_FILENO, block, sizeof block);
        (void)put; /* refused once the pipe is full, at once */
    }
    char line[64];
    assert_true(stderr_capture_line(line, sizeof line)); /* an endless line is cut */
    assert_int_equal(strlen(line), 63);
}

static void only_the_last_part_of_much_is_repeated(void **state) {
    (void)state;
    struct error error;
    char line[64];
    assert_ok(stderr_capture_start(&error), &error);
    for (int i = 0; i < 20000; i++) {
        snprintf(line, sizeof line, "line %05d\n", i);
        say(line);
        assert_true(stderr_capture_line(line, sizeof line));
    }
    stderr_capture_stop();
    size_t length;
    char *text = (char *)test_read(path, &length);
    assert_int_equal(length, 64 << 10);
    assert_string_equal(text + length - 11, "line 19999\n");
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(lines_are_handed_out_whole_and_repeated_at_the_end, set_up,
                                    tear_down),
    cmocka_unit_test_setup_teardown(nobody_waits_when_nobody_reads, set_up, tear_down),
    cmocka_unit_test_setup_teardown(only_the_last_part_of_much_is_repeated, set_up, tear_down),
};
TEST_MAIN(tests)
