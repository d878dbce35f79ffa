#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "places.h"

void test_near(double got, double want, double tolerance, const char *what, const char *file,
               int line) {
    if (fabs(got - want) <= tolerance) return;
    print_error("%s is %.9g, want %.9g within %.3g\n", what, got, want, tolerance);
    _fail(file, line);
}

void test_ok(enum status status, const struct error *error, const char *file, int line) {
    if (status == STATUS_OK) return;
    char text[1024];
    error_format(error, text, sizeof text);
    print_error("status %d: %s\n", (int)status, text);
    _fail(file, line);
}

static char *path_slot(void) {
    static char slots[8][1024];
    static int next;
    return slots[next++ % 8];
}

const char *test_shared(const char *relative) {
    const char *folder = getenv("QATOP_SHARED");
    char *path = path_slot();
    snprintf(path, 1024, "%s/%s", folder && *folder ? folder : "../shared", relative);
    if (access(path, R_OK)) {
        print_message("# SKIP: %s is absent (set QATOP_SHARED)\n", path);
        skip();
    }
    return path;
}

const char *test_asset(const char *relative) {
    const char *folder = getenv("ASSETS");
    char *path = path_slot();
    snprintf(path, 1024, "%s/%s", folder && *folder ? folder : ASSETS_SOURCE, relative);
    return path;
}

const char *test_golden(const char *relative) {
    char inner[512];
    snprintf(inner, sizeof inner, "../tests/golden/%s", relative);
    return test_asset(inner);
}

const char *test_scratch(const char *name) {
    char *path = path_slot();
    snprintf(path, 1024, "%s/tests/scratch-%ld/%s", BUILD_FOLDER, (long)getpid(), name);
    struct error error;
    test_ok(file_make_parents(path, &error), &error, __FILE__, __LINE__);
    return path;
}

struct samples test_digits(const unsigned char *images, uint16_t *labels, size_t count) {
    static struct preprocessing unit;
    struct error error;
    test_ok(preprocessing_parse(&unit, "unit", &error), &error, __FILE__, __LINE__);
    return (struct samples){.count = count,
                            .shape = {3, {28, 28, 1}},
                            .element = ELEMENT_UINT8,
                            .bytes = (unsigned char *)(uintptr_t)images,
                            .labels = labels,
                            .classes = 10,
                            .preprocessing = &unit};
}

unsigned char *test_read(const char *path, size_t *length) {
    unsigned char *bytes = NULL;
    struct error error;
    test_ok(file_read(path, (size_t)1 << 30, &bytes, length, &error), &error, __FILE__, __LINE__);
    return bytes;
}
