/* archive: members of a .keras file, which is a zip archive.
 *
 * Sizes are checked before anything is inflated, so that a small file cannot use up the memory.
 */
#ifndef MODEL_ARCHIVE_H
#define MODEL_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct archive;

/* Whether the file at `path` starts as zip archives do; false too when it cannot be read. */
bool archive_probe(const char *path);

/* `path` must live as long as the archive.  Close with archive_close. */
enum status archive_open(struct archive **archive, const char *path, struct error *error);
void archive_close(struct archive *archive); /* NULL is harmless */

/* Read a whole member of at most `limit` bytes, stored or deflated, and verify its checksum. Larger
 * than 64 MiB it may be only up to 100 times the size of the file.  A NUL follows the last byte;
 * the caller frees *bytes. */
enum status archive_read(struct archive *archive, const char *name, size_t limit,
                         unsigned char **bytes, size_t *length, struct error *error);

#endif
