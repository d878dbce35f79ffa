#include "data/cifar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE   1024
#define MAX_BATCHES 99
#define PICKLE      0x80 /* the first byte of a pickle, of protocol 2 on */

/* A path of a file in a folder; false when it is too long. */
static bool join(char path[PATH_SIZE], const char *folder, const char *name) {
    return (size_t)snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE;
}

static bool has_file(const char *folder, const char *name) {
    char path[PATH_SIZE];
    struct stat info;
    return join(path, folder, name) && !stat(path, &info) && S_ISREG(info.st_mode);
}

static bool has_pickle(const char *folder, const char *name) {
    char path[PATH_SIZE];
    if (!has_file(folder, name) || !join(path, folder, name)) return false;
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    bool is_one = getc(file) == PICKLE;
    fclose(file);
    return is_one;
}

/* data_batch_1.bin to data_batch_99.bin */
static const char *batch_name(char name[32], int number) {
    snprintf(name, 32, "data_batch_%d.bin", number);
    return name;
}

/* The number of the last batch that is there; 0 for none. */
static int last_batch(const char *folder) {
    char name[32];
    for (int number = MAX_BATCHES; number > 0; number--)
        if (has_file(folder, batch_name(name, number))) return number;
    return 0;
}

enum cifar_kind cifar_probe(const char *folder) {
    if (has_file(folder, "test_batch.bin") || last_batch(folder)) return CIFAR_10;
    if (has_file(folder, "train.bin") || has_file(folder, "test.bin")) return CIFAR_100;
    if (has_pickle(folder, "data_batch_1") || has_pickle(folder, "test_batch"))
        return CIFAR_10_PICKLES;
    if (has_pickle(folder, "meta") && (has_pickle(folder, "train") || has_pickle(folder, "test")))
        return CIFAR_100_PICKLES;
    return CIFAR_NONE;
}

bool cifar_has(const char *folder, enum cifar_part part) {
    if (cifar_probe(folder) == CIFAR_100)
        return has_file(folder, part == CIFAR_TRAIN ? "train.bin" : "test.bin");
    return part == CIFAR_TRAIN ? last_batch(folder) > 0 : has_file(folder, "test_batch.bin");
}

/* STATUS_OK for the binary version of either. */
static enum status check_kind(enum cifar_kind kind, const char *folder, struct error *error) {
    if (kind == CIFAR_10 || kind == CIFAR_100) return STATUS_OK;
    if (kind == CIFAR_NONE)
        return error_set(error, STATUS_IO, folder, "holds no binary files of CIFAR-10 or -100");
    return error_set(
        error, STATUS_UNSUPPORTED, folder,
        "holds the Python version of CIFAR-%s, pickles, which are not read for safety; "
        "take the download \"CIFAR-%s binary version\" (cifar-%s-binary.tar.gz)",
        kind == CIFAR_10_PICKLES ? "10" : "100", kind == CIFAR_10_PICKLES ? "10" : "100",
        kind == CIFAR_10_PICKLES ? "10" : "100");
}

static enum status number_classes(size_t count, const char *folder, struct names *names,
                                  struct error *error) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && !status; i++) {
        char digits[24];
        int length = snprintf(digits, sizeof digits, "%zu", i);
        status = names_add(names, digits, (size_t)length, folder, error);
    }
    if (status) names_free(names);
    return status;
}

enum status cifar_read_names(const char *folder, struct names *names, struct error *error) {
    char path[PATH_SIZE];
    memset(names, 0, sizeof *names);
    enum cifar_kind kind = cifar_probe(folder);
    enum status status = check_kind(kind, folder, error);
    if (status) return status;
    const char *name = kind == CIFAR_10 ? "batches.meta.txt" : "fine_label_names.txt";
    if (has_file(folder, name) && join(path, folder, name)) return names_read(path, names, error);
    return number_classes(kind == CIFAR_10 ? 10 : 100, folder, names, error);
}

/* ---- records -------------------------------------------------------------------------------- */

struct reader {
    const char *folder;
    enum cifar_part part;
    size_t label_bytes; /* before the pixels; the last of them counts */
    size_t classes, limit, room;
    struct cifar *cifar;
    struct error *error;
};

static size_t record_size(const struct reader *reader) {
    return reader->label_bytes + CIFAR_BYTES;
}

/* How many records a file holds; 0 with an error. */
static enum status count_records(const struct reader *reader, const char *path, size_t *count) {
    struct stat info;
    if (stat(path, &info)) return error_errno(reader->error, path, "cannot open");
    if (!S_ISREG(info.st_mode))
        return error_set(reader->error, STATUS_IO, path, "is not a regular file");
    size_t size = (size_t)info.st_size, record = record_size(reader);
    *count = size / record;
    if (size && size % record == 0) return STATUS_OK;
    return error_set(reader->error, STATUS_FORMAT, path,
                     "is %zu bytes long, no multiple of %zu; it is cut short or no file of "
                     "CIFAR-%s, fetch it again",
                     size, record, reader->label_bytes == 1 ? "10" : "100");
}

static void take_pixels(const unsigned char *planes, unsigned char *image) {
    for (size_t i = 0; i < CIFAR_PIXELS; i++)
        for (size_t c = 0; c < 3; c++) *image++ = planes[c * CIFAR_PIXELS + i];
}

static enum status read_records(struct reader *reader, const char *path, FILE *file) {
    unsigned char record[2 + CIFAR_BYTES];
    struct cifar *cifar = reader->cifar;
    for (size_t i = 0; fread(record, record_size(reader), 1, file) == 1; i++) {
        unsigned label = record[reader->label_bytes - 1];
        if (cifar->count == reader->room)
            return error_set(reader->error, STATUS_IO, path, "grew while it was read");
        if (label >= reader->classes)
            return error_set(reader->error, STATUS_FORMAT, path,
                             "record %zu has the label %u, 0..%zu expected", i, label,
                             reader->classes - 1);
        cifar->labels[cifar->count] = (uint16_t)label;
        take_pixels(record + reader->label_bytes, cifar->images + cifar->count * CIFAR_BYTES);
        cifar->count++;
    }
    return ferror(file) ? error_errno(reader->error, path, "cannot read") : STATUS_OK;
}

static enum status read_file(struct reader *reader, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return error_errno(reader->error, path, "cannot open");
    enum status status = read_records(reader, path, file);
    fclose(file);
    return status;
}

/* The path of file `index` of the part. */
static enum status find_file(const struct reader *reader, int index, char path[PATH_SIZE]) {
    char name[32];
    if (reader->label_bytes == 2)
        snprintf(name, sizeof name, "%s.bin", reader->part == CIFAR_TRAIN ? "train" : "test");
    else if (reader->part == CIFAR_TRAIN)
        batch_name(name, index + 1);
    else
        snprintf(name, sizeof name, "test_batch.bin");
    if (join(path, reader->folder, name)) return STATUS_OK;
    return error_set(reader->error, STATUS_USAGE, reader->folder, "the folder's name is too long");
}

/* All files are looked at before memory is taken for them. */
static enum status read_files(struct reader *reader, int count) {
    char path[PATH_SIZE];
    enum status status = STATUS_OK;
    for (int i = 0; i < count; i++) {
        size_t records = 0;
        status = find_file(reader, i, path);
        if (!status) status = count_records(reader, path, &records);
        if (status) return status;
        reader->room += records;
        if (reader->room > reader->limit / CIFAR_BYTES)
            return error_set(reader->error, STATUS_UNSUPPORTED, path,
                             "brings %zu images, at most %zu are accepted", reader->room,
                             reader->limit / CIFAR_BYTES);
    }
    reader->cifar->images = malloc(reader->room * CIFAR_BYTES);
    reader->cifar->labels = malloc(reader->room * sizeof *reader->cifar->labels);
    if (!reader->cifar->images || !reader->cifar->labels)
        return error_memory(reader->error, path, reader->room * CIFAR_BYTES);
    for (int i = 0; i < count && !status; i++) {
        status = find_file(reader, i, path);
        if (!status) status = read_file(reader, path);
    }
    if (!status && reader->cifar->count < reader->room)
        status = error_set(reader->error, STATUS_IO, path, "shrank while it was read");
    return status;
}

enum status cifar_read(const char *folder, enum cifar_part part, size_t classes, size_t limit,
                       struct cifar *cifar, struct error *error) {
    enum cifar_kind kind = cifar_probe(folder);
    struct reader reader = {.folder = folder,
                            .part = part,
                            .label_bytes = kind == CIFAR_100 ? 2 : 1,
                            .classes = classes,
                            .limit = limit,
                            .cifar = cifar,
                            .error = error};
    memset(cifar, 0, sizeof *cifar);
    enum status status = check_kind(kind, folder, error);
    if (status) return status;
    /* Without any batch the first is missed by its name. */
    int count = kind == CIFAR_10 && part == CIFAR_TRAIN ? last_batch(folder) : 1;
    status = read_files(&reader, count ? count : 1);
    if (status) {
        free(cifar->images);
        free(cifar->labels);
        memset(cifar, 0, sizeof *cifar);
    }
    return status;
}
