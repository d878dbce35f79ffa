/* exporter: from a snapshot to a file that has been verified.
 *
 * format.h lists what can be written.  For a format with the integer program in it, the snapshot
 * is frozen and serialized; the file is written beside its target, read back, parsed and run on the
 * test digits, and every output is compared with that of the program in memory.  Only then is the
 * file given its name: a full disk, a kill or a difference leaves what was there before.
 */
#ifndef EXPORT_EXPORTER_H
#define EXPORT_EXPORTER_H

#include "base/pool.h"
#include "base/sha256.h"
#include "data/dataset.h"
#include "engine/engine.h"
#include "quant/freeze.h"

/* A .tflite to export in place of a snapshot. */
struct export_program {
    const char *name; /* for errors */
    const struct frozen *frozen;
    const unsigned char *bytes; /* that `frozen` was read from */
    size_t length;
};

struct export_request {
    const struct snapshot *snapshot;      /* this or */
    const struct export_program *program; /* this */
    enum frozen_io io;
    enum runtime runtime;          /* whose arithmetic the check uses */
    const struct samples *samples; /* test digits */
    const char *path;              /* its ending says what is written */
    /* Also keep the file under a name of its own, NAME-s<step>.tflite (with -2, -3, ... where
     * that name is taken by other bytes), and make `path` the newest of them.  For .tflite. */
    bool keeps_steps;
    struct pool *pool;
};

struct export_result {
    bool is_ok;
    char path[128];          /* cut from the left with "..." when longer */
    uint32_t bytes;          /* of the program as a .tflite; 0 where the file holds none */
    char sha256[SHA256_HEX]; /* of the same */
    double accuracy;         /* of the file, read back and run on the test digits */
    uint32_t differing; /* digits whose outputs differ from the live integer model: must be 0 */
    uint32_t count;
};

/* Fills *result in any case; result->path is the file to show. */
enum status exporter_write(const struct export_request *request, struct export_result *result,
                           struct error *error);

#endif
