/* export: from a snapshot to the .tflite that -o names. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include <stdbool.h>

#include "cli/options.h"
#include "quant/snapshot.h"

bool export_ends_in(const char *path, const char *ending);

/* Freeze, write, verify on the test digits, and tell. */
enum status export_tflite(const struct options *options, const struct snapshot *snapshot,
                          struct error *error);

#endif
