/* file: read whole files, and write files that appear complete or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/error.h"

/* Read all of `path`, at most `limit` bytes (STATUS_FORMAT if there are more).  The caller frees
 * *bytes with free(); a NUL follows the last byte.  Reads regular files and pipes. */
enum status file_read(const char *path, size_t limit, unsigned char **bytes, size_t *length,
                      struct error *error);

/* Checks a file after it is written and before it is renamed to its final name. */
typedef enum status file_check(const char *temporary, void *context, struct error *error);

/* Write `length` bytes to a temporary file beside `path`, sync it, let `check` (may be NULL) look
 * at it, and rename it to `path`.  On failure the temporary file is removed and an existing `path`
 * is untouched.  Creates missing parent folders. */
enum status file_replace(const char *path, const void *bytes, size_t length, file_check *check,
                         void *context, struct error *error);

/* As file_replace, for libraries that write to a file by name: `write` creates the temporary
 * file. */
typedef enum status file_write(const char *temporary, void *context, struct error *error);
enum status file_replace_with(const char *path, file_write *write, void *context,
                              struct error *error);

/* mkdir -p of the folder that will hold `path`. */
enum status file_make_parents(const char *path, struct error *error);

#endif
