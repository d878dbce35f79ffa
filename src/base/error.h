/* error: what went wrong, where, and how to fix it.
 *
 * Functions that can fail return `enum status` and fill the `struct error` passed in; src/ never
 * prints and never exits.  The outermost caller shows one line:
 *
 *     qatop: WHERE: TEXT
 *
 * WHERE is a file, a layer or an option; TEXT says what is wrong and, after a semicolon, how to fix
 * it where that is known.  Neither ends in a full stop or contains a newline.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/attr.h"

enum status {
    STATUS_OK = 0,
    STATUS_MEMORY,      /* an allocation failed */
    STATUS_IO,          /* open, read, write, rename, thread creation: errno says why */
    STATUS_FORMAT,      /* a file is not what it claims to be */
    STATUS_UNSUPPORTED, /* well-formed, but not something qatop can do */
    STATUS_USAGE,       /* the request itself is wrong; the program exits with 2 */
    STATUS_INTERRUPTED, /* the user asked to stop; the program exits with 130 */
    STATUS_DIVERGED,    /* a loss or a weight became NaN or infinite */
};

struct error {
    enum status status;
    char where[256]; /* "" when no place would help */
    char text[512];
};

/* Fill `error` (which may be NULL) and return `status`, so that a function can end in
 * `return error_set(...)`.  Parts that are too long are cut; control characters become '?'. */
enum status error_set(struct error *error, enum status status, const char *where,
                      const char *format, ...) PRINTF_LIKE(4, 5);

/* STATUS_MEMORY with the usual text: "out of memory (N bytes)". */
enum status error_memory(struct error *error, const char *where, unsigned long long bytes);

/* STATUS_IO with "ACTION: strerror(errno)". */
enum status error_errno(struct error *error, const char *where, const char *action);

/* Write "WHERE: TEXT" (or TEXT alone) to out[size]. */
void error_format(const struct error *error, char *out, unsigned long size);

#endif
