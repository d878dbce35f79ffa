/* names: the names of classes, in the order of their indices.
 *
 * They come from folders' names or from a text file with one name a line (classes.txt, labels.txt,
 * CIFAR's batches.meta.txt).  Names are not checked for being printable: base/printable.h.
 */
#ifndef DATA_NAMES_H
#define DATA_NAMES_H

#include <stddef.h>

#include "base/error.h"

#define MAX_NAMES       4096 /* classes */
#define MAX_NAMES_BYTES 255  /* of one name */

struct names {
    size_t count;
    char **list; /* [count] */
};

/* Append a copy of name[length]; `where` is for the error.  The list grows by doubling. */
enum status names_add(struct names *names, const char *name, size_t length, const char *where,
                      struct error *error);

/* Read a text file.  Spaces at a line's ends, a byte order mark and empty lines at the end are left
 * out; an empty line elsewhere is refused, for it would shift the indices, and so are NUL bytes and
 * names that are too long or too many.  On failure *names is zeroed. */
enum status names_read(const char *path, struct names *names, struct error *error);

/* The index of `name`, or names->count. */
size_t names_find(const struct names *names, const char *name);

void names_free(struct names *names); /* zeroes it; harmless on a zeroed one */

#endif
