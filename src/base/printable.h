/* printable: text from a file, made safe for a terminal and a table. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

/* Copies `text` into out[size], with '?' for every byte that is not printable ASCII; text that does
 * not fit is cut and ends in "...".  Returns `out`, always NUL-terminated; size is at least 4. */
const char *printable(const char *text, char *out, size_t size);

#endif
