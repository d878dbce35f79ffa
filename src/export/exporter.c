#include "export/exporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/outputs.h"
#include "evaluate/evaluate.h"
#include "export/format.h"
#include "tflite/tflite.h"

#define PATH_ROOM   1024
#define NAMES_TRIED 1000

struct proof {
    const struct export_request *request;
    const struct export_format *format;
    const struct outputs *live;
    struct export_result *result;
};

static enum status run(const struct frozen *frozen, const struct export_request *request,
                       const char *where, struct outputs *outputs, struct error *error) {
    return outputs_compute(outputs, frozen, request->runtime, request->pool, request->samples,
                           where, error);
}

/* Images whose outputs are not equal to the bit; all when the types or sizes are not. */
static size_t count_differing(const struct outputs *outputs, const struct outputs *other) {
    size_t differing = 0, row = outputs->row_bytes;
    if (outputs->type != other->type || row != other->row_bytes || outputs->rows != other->rows)
        return outputs->rows;
    for (size_t i = 0; i < outputs->rows; i++)
        differing += memcmp(outputs->bytes + i * row, other->bytes + i * row, row) != 0;
    return differing;
}

static enum status prove(const char *temporary, void *context, struct error *error) {
    struct proof *proof = context;
    const struct samples *samples = proof->request->samples;
    struct frozen *frozen = NULL;
    struct outputs read_back = {0};
    struct predictions predictions = {0};
    enum status status = proof->format->read(temporary, &frozen, error);
    if (!status) status = run(frozen, proof->request, temporary, &read_back, error);
    if (!status)
        status = evaluate_outputs(frozen, &read_back, samples, temporary, &predictions, error);
    if (status) goto done;
    size_t differing = count_differing(&read_back, proof->live);
    proof->result->differing = (uint32_t)differing;
    proof->result->accuracy = predictions.accuracy;
    if (differing)
        status = error_set(error, STATUS_FORMAT, temporary,
                           "read back, it gives different outputs for %zu of %zu digits; discarded",
                           differing, samples->count);
done:
    predictions_free(&predictions);
    outputs_free(&read_back);
    frozen_free(frozen);
    return status;
}

/* Whether `path` may get these bytes without anything being lost. */
static bool is_free(const char *path, const unsigned char *bytes, size_t length) {
    if (access(path, F_OK)) return true;
    unsigned char *there = NULL;
    size_t there_length = 0;
    struct error ignored;
    bool is_same = !file_read(path, MAX_TFLITE_BYTES, &there, &there_length, &ignored) &&
                   there_length == length && !memcmp(there, bytes, length);
    free(there);
    return is_same;
}

static enum status name_kept(const struct export_request *request, const unsigned char *bytes,
                             size_t length, char name[PATH_ROOM], struct error *error) {
    const char *path = request->path;
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(path, '.');
    if (!dot || (slash && dot < slash)) dot = path + strlen(path);
    int stem = (int)(dot - path);
    for (int n = 1; n < NAMES_TRIED; n++) {
        char suffix[16] = "";
        if (n > 1) snprintf(suffix, sizeof suffix, "-%d", n);
        int used = snprintf(name, PATH_ROOM, "%.*s-s%llu%s%s", stem, path,
                            (unsigned long long)request->snapshot->step, suffix, dot);
        if (used < 0 || used >= PATH_ROOM)
            return error_set(error, STATUS_USAGE, path, "file name is too long");
        if (is_free(name, bytes, length)) return STATUS_OK;
    }
    return error_set(error, STATUS_IO, path,
                     "all names for step %llu are taken; remove old exports",
                     (unsigned long long)request->snapshot->step);
}

static void show_path(struct export_result *result, const char *path) {
    size_t length = strlen(path), room = sizeof result->path - 1;
    if (length <= room) {
        memcpy(result->path, path, length + 1);
    } else {
        snprintf(result->path, sizeof result->path, "...%s", path + length - (room - 3));
    }
}

/* Under each name that is asked for. */
static enum status write_files(const struct export_request *request,
                               const struct export_format *format,
                               const struct export_source *source, struct proof *proof,
                               struct export_result *result, struct error *error) {
    char kept[PATH_ROOM];
    if (request->keeps_steps) {
        enum status status = name_kept(request, source->bytes, source->length, kept, error);
        if (!status) status = format->write(kept, source, prove, proof, error);
        if (status) return status;
        show_path(result, kept);
    }
    return format->write(request->path, source, prove, proof, error);
}

static enum status write_program(const struct export_request *request,
                                 const struct export_format *format, struct export_result *result,
                                 struct error *error) {
    const struct export_program *given = request->program;
    struct export_source source = {.snapshot = request->snapshot};
    struct frozen *frozen = NULL;
    unsigned char *bytes = NULL;
    struct outputs live = {0};
    struct proof proof = {request, format, &live, result};
    enum status status = STATUS_OK;
    if (given) {
        source.frozen = given->frozen;
        source.bytes = given->bytes;
        source.length = given->length;
    } else {
        status = freeze(request->snapshot, request->io, &frozen, error);
        if (!status) status = tflite_serialize(frozen, &bytes, &source.length, error);
        source.frozen = frozen;
        source.bytes = bytes;
    }
    if (!status)
        status = run(source.frozen, request, given ? given->name : request->path, &live, error);
    if (!status) status = write_files(request, format, &source, &proof, result, error);
    if (!status) {
        result->bytes = (uint32_t)source.length;
        sha256_hex(source.bytes, source.length, result->sha256);
    }
    outputs_free(&live);
    free(bytes);
    frozen_free(frozen);
    return status;
}

enum status exporter_write(const struct export_request *request, struct export_result *result,
                           struct error *error) {
    const struct export_format *format = export_format_find(request->path);
    *result = (struct export_result){0};
    show_path(result, request->path);
    if (!format) {
        char endings[EXPORT_ENDINGS];
        export_format_endings(false, endings);
        return error_set(error, STATUS_USAGE, request->path,
                         "the name must end in %s: that says what to write", endings);
    }
    enum status status;
    if (format->read) {
        result->count = (uint32_t)request->samples->count;
        status = write_program(request, format, result, error);
    } else {
        const struct export_source source = {.snapshot = request->snapshot};
        status = format->write(request->path, &source, NULL, NULL, error);
    }
    result->is_ok = !status;
    return status;
}
