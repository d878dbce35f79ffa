#include "data/dataset.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/idx.h"

#define PATH_SIZE 1024

static void digits_free(struct digits *digits) {
    free(digits->images);
    free(digits->labels);
    memset(digits, 0, sizeof *digits);
}

void dataset_free(struct dataset *dataset) {
    digits_free(&dataset->train);
    digits_free(&dataset->test);
    memset(dataset, 0, sizeof *dataset);
}

/* Finds PART-WHAT in one of its spellings, e.g. part "train-images", form "idx3-ubyte". */
static bool find_idx(const char *folder, const char *part, const char *form,
                     char path[PATH_SIZE]) {
    for (size_t i = 0; i < 4; i++) {
        char separator = i % 2 ? '.' : '-';
        snprintf(path, PATH_SIZE, "%s/%s%c%s%s", folder, part, separator, form,
                 i < 2 ? "" : ".gz");
        if (access(path, F_OK) == 0) return true;
    }
    snprintf(path, PATH_SIZE, "%s/%s-%s", folder, part, form);
    return false;
}

static enum status missing(const char *path, struct error *error) {
    return error_set(error, STATUS_IO, path, "is missing, and so is the same with .gz; "
                     "a data set needs all four IDX files of MNIST");
}

static enum status load_idx_part(const char *folder, const char *part, struct digits *digits,
                                 struct error *error) {
    char images_path[PATH_SIZE], labels_path[PATH_SIZE], name[32];
    struct idx images = {0}, labels = {0};
    snprintf(name, sizeof name, "%s-images", part);
    if (!find_idx(folder, name, "idx3-ubyte", images_path)) return missing(images_path, error);
    snprintf(name, sizeof name, "%s-labels", part);
    if (!find_idx(folder, name, "idx1-ubyte", labels_path)) return missing(labels_path, error);

    enum status status = idx_read_images(images_path, &images, error);
    if (status) goto done;
    status = idx_read_labels(labels_path, &labels, error);
    if (status) goto done;
    if (images.count != labels.count) {
        status = error_set(error, STATUS_FORMAT, labels_path,
                           "holds %zu labels (byte 4) for %zu images; the two files belong to "
                           "different data sets",
                           labels.count, images.count);
        goto done;
    }
    digits->count = images.count;
    digits->images = images.bytes;
    digits->labels = labels.bytes;
    return STATUS_OK;
done:
    free(images.bytes);
    free(labels.bytes);
    return status;
}

enum status dataset_load(struct dataset *dataset, const char *folder, struct error *error) {
    memset(dataset, 0, sizeof *dataset);
    if (strlen(folder) >= sizeof dataset->folder)
        return error_set(error, STATUS_USAGE, folder, "the folder's name is too long");
    enum status status = load_idx_part(folder, "train", &dataset->train, error);
    if (!status) status = load_idx_part(folder, "t10k", &dataset->test, error);
    if (status) {
        dataset_free(dataset);
        return status;
    }
    snprintf(dataset->folder, sizeof dataset->folder, "%s", folder);
    return STATUS_OK;
}
