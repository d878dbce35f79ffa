#include "export/exporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "engine/engine.h"
#include "tflite/tflite.h"

#define BATCH       64
#define PATH_ROOM   1024
#define NAMES_TRIED 1000

/* Raw outputs of a program for all digits, row by row. */
struct outputs {
    unsigned char *bytes; /* [count][row_bytes] */
    size_t row_bytes, classes;
    enum frozen_type type;
};

static enum status outputs_of(const struct frozen *frozen, const struct export_request *request,
                              const char *where, struct outputs *outputs, struct error *error) {
    struct engine *engine = NULL;
    enum status status = engine_create(&engine, frozen, request->runtime, BATCH, where, error);
    if (status) return status;
    outputs->type = frozen->tensors[frozen->output].type;
    outputs->classes = engine_output_count(engine);
    size_t row;
    if (!size_multiply(outputs->classes, frozen_type_size(outputs->type), &row) ||
        !(outputs->bytes = array_new(request->digits->count, row))) {
        status = error_memory(error, where, request->digits->count * row);
        goto done;
    }
    outputs->row_bytes = row;
    status = engine_run_digits(engine, request->pool, request->digits->count,
                               request->digits->images, outputs->bytes, error);
done:
    engine_destroy(engine);
    return status;
}

static double value_at(const struct outputs *outputs, size_t row, size_t column) {
    const unsigned char *bytes = outputs->bytes + row * outputs->row_bytes;
    float value;
    switch (outputs->type) {
    case TYPE_INT8:
        return (double)(signed char)bytes[column];
    case TYPE_UINT8:
        return (double)bytes[column];
    default:
        memcpy(&value, bytes + column * sizeof value, sizeof value);
        return (double)value;
    }
}

static size_t count_right(const struct outputs *outputs, const struct digits *digits) {
    size_t right = 0;
    for (size_t i = 0; i < digits->count; i++) {
        size_t best = 0;
        for (size_t c = 1; c < outputs->classes; c++)
            if (value_at(outputs, i, c) > value_at(outputs, i, best)) best = c;
        right += best == digits->labels[i];
    }
    return right;
}

struct proof {
    const struct export_request *request;
    const struct outputs *live;
    struct export_result *result;
};

static enum status prove(const char *temporary, void *context, struct error *error) {
    struct proof *proof = context;
    const struct digits *digits = proof->request->digits;
    struct frozen *frozen = NULL;
    struct outputs read_back = {0};
    enum status status = tflite_read(temporary, &frozen, error);
    if (status) goto done;
    status = outputs_of(frozen, proof->request, temporary, &read_back, error);
    if (status) goto done;
    uint32_t differing = 0;
    if (read_back.row_bytes != proof->live->row_bytes || read_back.type != proof->live->type) {
        differing = (uint32_t)digits->count;
    } else {
        for (size_t i = 0; i < digits->count; i++)
            differing +=
                memcmp(read_back.bytes + i * read_back.row_bytes,
                       proof->live->bytes + i * read_back.row_bytes, read_back.row_bytes) != 0;
    }
    proof->result->differing = differing;
    proof->result->accuracy =
        digits->count ? (double)count_right(&read_back, digits) / (double)digits->count : 0;
    if (differing)
        status = error_set(error, STATUS_FORMAT, temporary,
                           "read back, it gives other outputs for %u of %zu digits; not kept",
                           differing, digits->count);
done:
    array_free(read_back.bytes);
    frozen_free(frozen);
    return status;
}

/* Whether `path` may get these bytes without anything being lost. */
static bool is_free(const char *path, const unsigned char *bytes, size_t length) {
    if (access(path, F_OK)) return true;
    unsigned char *there = NULL;
    size_t there_length = 0;
    struct error ignored;
    bool is_same = !file_read(path, TFLITE_BYTES_MAX, &there, &there_length, &ignored) &&
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
            return error_set(error, STATUS_USAGE, path, "the name is too long");
        if (is_free(name, bytes, length)) return STATUS_OK;
    }
    return error_set(error, STATUS_IO, path, "all names for step %llu are taken; clear the folder",
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

enum status exporter_write(const struct export_request *request, struct export_result *result,
                           struct error *error) {
    struct frozen *frozen = NULL;
    unsigned char *bytes = NULL;
    size_t length = 0;
    struct outputs live = {0};
    char kept[PATH_ROOM];
    *result = (struct export_result){.count = (uint32_t)request->digits->count};
    show_path(result, request->path);

    enum status status = freeze(request->snapshot, request->io, &frozen, error);
    if (status) goto done;
    status = tflite_serialize(frozen, &bytes, &length, error);
    if (status) goto done;
    status = outputs_of(frozen, request, request->path, &live, error);
    if (status) goto done;
    struct proof proof = {request, &live, result};
    if (request->keeps_steps) {
        status = name_kept(request, bytes, length, kept, error);
        if (status) goto done;
        status = file_replace(kept, bytes, length, prove, &proof, error);
        if (status) goto done;
        show_path(result, kept);
    }
    status = file_replace(request->path, bytes, length, prove, &proof, error);
    if (status) goto done;
    result->is_ok = true;
    result->bytes = (uint32_t)length;
    sha256_hex(bytes, length, result->sha256);
done:
    array_free(live.bytes);
    free(bytes);
    frozen_free(frozen);
    return status;
}
