/* format: the kinds of file that an export writes, a row each, chosen by the ending of the name. */
#ifndef EXPORT_FORMAT_H
#define EXPORT_FORMAT_H

#include <stdbool.h>

#include "base/file.h"
#include "quant/snapshot.h"
#include "tflite/frozen.h"

/* What there is to write. */
struct export_source {
    const struct snapshot *snapshot; /* NULL when a .tflite is exported */
    const struct frozen *frozen;     /* the integer program, where the format holds one, */
    const unsigned char *bytes;      /* and its .tflite */
    size_t length;
};

struct export_format {
    const char *ending;  /* ".tflite"; NULL ends the list */
    const char *summary; /* one line for the help */
    bool takes_tflite;   /* a .tflite can be written as one, too */
    /* The file appears whole, and only after `check` has seen it, or not at all. */
    enum status (*write)(const char *path, const struct export_source *source, file_check *check,
                         void *context, struct error *error);
    /* Reads the integer program back, for the check.  NULL: the file holds none, and there is
     * nothing to check. */
    enum status (*read)(const char *path, struct frozen **frozen, struct error *error);
};
extern const struct export_format export_formats[];

/* By the ending of `path`, in capitals too; NULL when no row has it. */
const struct export_format *export_format_find(const char *path);

/* ".tflite, .h5, .c or .h"; with `takes_tflite` only those that a .tflite can be written as. */
#define EXPORT_ENDINGS 64
void export_format_endings(bool takes_tflite, char text[EXPORT_ENDINGS]);

/* Whether `path` is more than that ending and ends in it, in capitals too. */
bool export_ends_in(const char *path, const char *ending);

#endif
