/* test: what every test program shares: cmocka in the right order, comparisons that NaN cannot
 * pass, and where the goldens are. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "data/samples.h"

/* |got - want| <= tolerance; NaN fails. (cmocka's own float assertions let NaN pass.) */
#define assert_near(got, want, tolerance)                                                          \
    test_near((double)(got), (double)(want), (double)(tolerance), #got, __FILE__, __LINE__)
void test_near(double got, double want, double tolerance, const char *what, const char *file,
               int line);

/* status is STATUS_OK; else fails showing the error. */
#define assert_ok(status, error) test_ok((status), (error), __FILE__, __LINE__)
void test_ok(enum status status, const struct error *error, const char *file, int line);

/* Path of a file under $QATOP_SHARED (default ../shared), or skip the test saying which file is
 * absent.  The string is static; up to 8 may be in use at once. */
const char *test_shared(const char *relative);

/* Path of a file in tests/golden, which comes with the sources. */
const char *test_golden(const char *relative);

/* Path of a bundled asset. */
const char *test_asset(const char *relative);

/* A fresh path below the build's tests folder for something the test writes. */
const char *test_scratch(const char *name);

/* Whole file, NUL-terminated; fails the test when it cannot be read.  Free with free(). */
unsigned char *test_read(const char *path, size_t *length);

/* A view of images of 28x28x1 bytes, of 10 classes, that become x / 255.  Labels may be NULL where
 * nothing reads them; nothing writes to the images. */
struct samples test_digits(const unsigned char *images, uint16_t *labels, size_t count);

/* Run a group; returns 0 when all passed or were skipped.  Takes a pattern from argv[1]. */
#define TEST_MAIN(tests)                                                                           \
    int main(int argc, char **argv) {                                                              \
        if (argc > 1) cmocka_set_test_filter(argv[1]);                                             \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

#endif
