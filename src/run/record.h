/* record: the thread that writes every event of a run to a file, one JSON line each.
 *
 * It is the second reader of the run, with an outlet of its own for which the worker waits, so the
 * file is complete.  The file is flushed whenever the thread has caught up.
 */
#ifndef RUN_RECORD_H
#define RUN_RECORD_H

#include "run/info.h"
#include "run/outlet.h"

struct record; /* opaque */

/* Opens the file, writes the schema line and starts the thread; outlet and info outlive it. */
enum status record_create(struct record **record, const char *path, struct outlet *outlet,
                          const struct run_info *info, struct error *error);

/* To be called when the worker has ended.  Writes what is left, closes the file and frees; the
 * error is the first that writing met.  NULL is harmless. */
enum status record_close(struct record *record, struct error *error);

#endif
