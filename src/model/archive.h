/* archive: members of a .keras file, which is a zip archive.
 *
 * Sizes are bounded before anything is inflated: what a small file blows up to is refused.
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

/* A whole member of at most `limit` bytes, stored or deflated, checked against its checksum; takes
 * at most 64 MiB or 100 times the file's bytes, whichever is more.  *bytes is the caller's,
 * to free(); one NUL follows the last byte. */
enum status archive_read(struct archive *archive, const char *name, size_t limit,
                         unsigned char **bytes, size_t *length, struct error *error);

#endif
