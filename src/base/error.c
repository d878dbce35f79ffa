#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "qatop: bug: %s:%d: %s is false\n", file, line, condition);
    abort();
}

/* Text from a file must not move the cursor or break a line of the log. */
static void replace_controls(char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) *text = '?';
    }
}

enum status error_set(struct error *error, enum status status, const char *where,
                      const char *format, ...) {
    if (!error) return status;
    error->status = status;
    snprintf(error->where, sizeof error->where, "%s", where ? where : "");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    replace_controls(error->where);
    replace_controls(error->text);
    return status;
}

enum status error_memory(struct error *error, const char *where, unsigned long long bytes) {
    return error_set(error, STATUS_MEMORY, where, "out of memory (%llu bytes)", bytes);
}

enum status error_errno(struct error *error, const char *where, const char *action) {
    return error_set(error, STATUS_IO, where, "%s: %s", action, strerror(errno));
}

void error_format(const struct error *error, char *out, unsigned long size) {
    if (error->where[0])
        snprintf(out, size, "%s: %s", error->where, error->text);
    else
        snprintf(out, size, "%s", error->text);
}
