/* file: whole files in, and files that appear whole or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/error.h"

/* Read all of `path`, at most `limit` bytes (STATUS_FORMAT above).  *bytes is the caller's, to
 * free(); one NUL follows the last byte.  Reads regular files and pipes. */
enum status file_read(const char *path, size_t limit, unsigned char **bytes, size_t *length,
                      struct error *error);

/* Checks a file that has been written but not yet been given its name. */
typedef enum status file_check(const char *temporary, void *context, struct error *error);

/* Write `length` bytes to a temporary file beside `path`, sync it, let `check` (may be NULL) look
 * at it, and rename it to `path`.  On any failure the temporary file is removed and an older
 * `path` is untouched.  Missing parent folders are made. */
enum status file_replace(const char *path, const void *bytes, size_t length, file_check *check,
                         void *context, struct error *error);

/* For libraries that write by name: as file_replace, but `write` makes the temporary file. */
typedef enum status file_write(const char *temporary, void *context, struct error *error);
enum status file_replace_with(const char *path, file_write *write, void *context,
                              struct error *error);

/* mkdir -p of the folder that holds `path`. */
enum status file_make_parents(const char *path, struct error *error);

#endif
