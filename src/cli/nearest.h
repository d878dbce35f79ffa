/* nearest: which name a mistyped one was probably meant to be, for "did you mean". */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stdbool.h>

#define NEAREST_NONE 24 /* where `best` starts; longer names match nothing */

/* Whether `text` is likely a misspelling of `name` (at most one in three characters differs) and
 * fewer than *best characters differ; *best is then their number. */
bool nearest_is_better(const char *text, const char *name, int *best);

#endif
