#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/format.h"
#include "data/idx.h"

#define PATH_SIZE (DATASET_PATH + 64)

static const char *const train_names[] = {"train", NULL};
static const char *const test_names[] = {"t10k", "test", NULL};

/* What stands before a part's name: "FOLDER/", or "FOLDER/emnist-letters-". */
static void prefix_of(const char *path, char prefix[PATH_SIZE]) {
    struct stat info;
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    snprintf(prefix, PATH_SIZE, "%s%c", path, is_folder ? '/' : '-');
}

/* Finds PREFIX PART-WHAT in one of its spellings, e.g. what "images", form "idx3-ubyte". */
static bool find(const char *prefix, const char *const *parts, const char *what, int dimensions,
                 char path[PATH_SIZE]) {
    for (; *parts; parts++)
        for (int i = 0; i < 4; i++) {
            snprintf(path, PATH_SIZE, "%s%s-%s%cidx%d-ubyte%s", prefix, *parts, what,
                     i % 2 ? '.' : '-', dimensions, i < 2 ? "" : ".gz");
            if (access(path, F_OK) == 0) return true;
        }
    return false;
}

static bool find_images(const char *prefix, const char *const *parts, char path[PATH_SIZE]) {
    return find(prefix, parts, "images", 3, path) || find(prefix, parts, "images", 4, path);
}

static bool has_part(const char *prefix, const char *const *parts) {
    char found[PATH_SIZE];
    return find_images(prefix, parts, found) || find(prefix, parts, "labels", 1, found);
}

static bool has_idx(const char *path) {
    char prefix[PATH_SIZE];
    prefix_of(path, prefix);
    return has_part(prefix, train_names) || has_part(prefix, test_names);
}

static enum status missing(const char *prefix, const char *part, const char *what, int dimensions,
                           struct error *error) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s%s-%s-idx%d-ubyte", prefix, part, what, dimensions);
    return error_set(error, STATUS_IO, path,
                     "is missing, both plain and with .gz; each part of a data set has an images "
                     "and a labels file");
}

static void turn(unsigned char *bytes, const struct shape *shape, unsigned char *turned) {
    size_t height = (size_t)shape->size[0], width = (size_t)shape->size[1],
           channels = (size_t)shape->size[2];
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            memcpy(turned + (x * height + y) * channels, bytes + (y * width + x) * channels,
                   channels);
    memcpy(bytes, turned, height * width * channels);
}

static enum status transpose(struct part *part, struct error *error) {
    size_t bytes = shape_count(&part->shape);
    unsigned char *turned = malloc(bytes);
    if (!turned) return error_memory(error, part->images_path, bytes);
    for (size_t i = 0; i < part->count; i++) turn(part->bytes + i * bytes, &part->shape, turned);
    free(turned);
    int height = part->shape.size[0];
    part->shape.size[0] = part->shape.size[1];
    part->shape.size[1] = height;
    return STATUS_OK;
}

static enum status load_part(const char *prefix, const char *const *names, struct part *part,
                             struct error *error) {
    struct idx images = {0}, labels = {0};
    bool has_images = find_images(prefix, names, part->images_path);
    bool has_labels = find(prefix, names, "labels", 1, part->labels_path);
    if (!has_images) return missing(prefix, names[0], "images", 3, error);
    if (!has_labels) return missing(prefix, names[0], "labels", 1, error);

    enum status status = idx_read_images(part->images_path, &images, error);
    if (status) goto done;
    status = idx_read_labels(part->labels_path, &labels, error);
    if (status) goto done;
    if (images.count != labels.count) {
        status = error_set(error, STATUS_FORMAT, part->labels_path,
                           "holds %zu labels (byte 4) for %zu images; the two files belong to "
                           "different data sets",
                           labels.count, images.count);
        goto done;
    }
    part->labels = malloc(labels.count * sizeof *part->labels);
    if (!part->labels) {
        status = error_memory(error, part->labels_path, labels.count * sizeof *part->labels);
        goto done;
    }
    for (size_t i = 0; i < labels.count; i++) part->labels[i] = labels.bytes[i];
    part->count = images.count;
    part->shape = images.shape;
    part->element = ELEMENT_UINT8;
    part->bytes = images.bytes;
    images.bytes = NULL;
done:
    free(images.bytes);
    free(labels.bytes);
    return status;
}

/* EMNIST's images are stored column by column. */
static bool is_emnist(const struct part *part) {
    const char *slash = strrchr(part->images_path, '/');
    return strncmp(slash ? slash + 1 : part->images_path, "emnist-", 7) == 0;
}

static enum status load_idx(const struct dataset_request *request, struct parts *parts,
                            struct error *error) {
    char prefix[PATH_SIZE];
    prefix_of(request->path, prefix);
    parts->is_whole = !has_part(prefix, test_names);
    enum status status = STATUS_OK;
    if (request->needs_train || parts->is_whole)
        status = load_part(prefix, train_names, &parts->train, error);
    if (!status && request->needs_test && !parts->is_whole)
        status = load_part(prefix, test_names, &parts->test, error);
    struct part *both[] = {&parts->train, &parts->test};
    for (int i = 0; i < 2 && !status; i++)
        if (both[i]->count && (request->is_transposed || is_emnist(both[i])))
            status = transpose(both[i], error);
    return status;
}

const struct format idx_format = {"idx", has_idx, load_idx};
