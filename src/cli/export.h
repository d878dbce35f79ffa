/* export: from a snapshot to the file that -o names. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "cli/options.h"
#include "quant/snapshot.h"

/* Write it as its name ends, verified on the test digits where it holds the integer program, and
 * report. */
enum status export_snapshot(const struct options *options, const struct snapshot *snapshot,
                            struct error *error);

#endif
