/* classes: pictures in folders named for their classes, listed but not read.
 *
 *   DIR/train/NAME/...  and  DIR/test/NAME/... (or val, or validation)
 *   DIR/NAME/...        alone: one part, which the caller may split
 *
 * Classes are the folders, sorted by the bytes of their names (which is the order of code points)
 * as Keras' image_dataset_from_directory sorts them: "10" comes before "2".  The pictures of a
 * class are the files below its folder at any depth, folder by folder in that order, and in each of
 * them sorted.  Hidden files and folders are passed over.  A file counts as a picture when its
 * content begins as a PNG or JPEG, or when its name ends in one of Keras' .bmp .gif .jpeg .jpg
 * .png, so that reading it tells why it is none; what is neither (Thumbs.db, notes.txt) is passed
 * over.  Links to files and to a class's folder are followed, links to folders below are not.
 *
 * Memory: 16 bytes and the length of its name for each file, at most MAX_CLASSES_FILES files and
 * MAX_CLASSES_BYTES bytes of names; up to twice that until the scan is done.
 */
#ifndef DATA_CLASSES_H
#define DATA_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "data/names.h"

#define MAX_CLASSES_FILES ((size_t)1 << 23)
#define MAX_CLASSES_BYTES ((size_t)1 << 29)
#define MAX_CLASSES_DEPTH 16 /* of folders below that of a class */
#define MAX_CLASSES_PATH  4096

/* Which folder holds which part; "" for a part that is missing. */
struct classes_parts {
    char train[MAX_CLASSES_PATH], test[MAX_CLASSES_PATH];
    char all[MAX_CLASSES_PATH]; /* DIR itself, when neither of them is there */
};

/* Find the parts of DIR: a part has a folder or a picture; without parts, a folder of DIR must hold
 * a picture.  Only a folder's first 1,000 entries are looked at.  False when there is nothing. */
bool classes_find(const char *folder, struct classes_parts *parts);

struct classes_file {
    size_t name;     /* where it starts in `text` */
    uint32_t folder; /* where its folder's path starts there */
    uint16_t label;  /* index of its class */
};

struct classes {
    struct names names; /* of the classes */
    size_t count;       /* of pictures */
    struct classes_file *files;
    char *text;           /* names and paths, each ending in a NUL */
    size_t *class_counts; /* [names.count] pictures of each; 0 where training lacks a class */
    size_t passed_over;   /* files that are no pictures */
};

/* Called every thousand files; false stops the scan with STATUS_INTERRUPTED.  NULL for none. */
typedef bool classes_progress(size_t files, void *context);

/* List the pictures of a part.  `names` gives the classes and their order when they are known, from
 * the training part or a text file: a folder of another name is refused, a class without a folder
 * has no pictures.  NULL takes the folders' names.  On success free with classes_free; on failure
 * *classes is zeroed: a folder that cannot be read, no pictures in class folders, or too much of
 * anything. */
enum status classes_scan(const char *part, const struct names *names, classes_progress *progress,
                         void *context, struct classes *classes, struct error *error);

/* The path of picture `index`, in out[MAX_CLASSES_PATH]. */
const char *classes_path(const struct classes *classes, size_t index, char *out);

void classes_free(struct classes *classes); /* zeroes it; harmless on a zeroed one */

/* Files that could not be used: how many, and what is wrong with the first few. */
#define SKIPPED_NAMED 3
struct skipped {
    size_t count;
    struct error first[SKIPPED_NAMED];
};

/* Count a file that `error` says is unusable. */
void skipped_add(struct skipped *skipped, const struct error *error);

/* "12 files are skipped: PATH: is empty; PATH: ...; and 9 more"; "" when there are none.  Returns
 * out. */
const char *skipped_text(const struct skipped *skipped, char *out, size_t size);

#endif
