#include "data/dataset.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/folder.h"
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

/* Finds PART-FORM in one of its spellings, e.g. part "train-images", form "idx3-ubyte". */
static bool find_idx(const char *folder, const char *part, const char *form, char path[PATH_SIZE]) {
    for (size_t i = 0; i < 4; i++) {
        char separator = i % 2 ? '.' : '-';
        snprintf(path, PATH_SIZE, "%s/%s%c%s%s", folder, part, separator, form, i < 2 ? "" : ".gz");
        if (access(path, F_OK) == 0) return true;
    }
    snprintf(path, PATH_SIZE, "%s/%s-%s", folder, part, form);
    return false;
}

static enum status missing(const char *path, struct error *error) {
    return error_set(error, STATUS_IO, path,
                     "is missing, both plain and with .gz; "
                     "a data set needs all four MNIST IDX files");
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

static bool has_idx(const char *folder) {
    static const char *const parts[] = {"train-images", "train-labels", "t10k-images",
                                        "t10k-labels"};
    char path[PATH_SIZE];
    for (int i = 0; i < 4; i++)
        if (find_idx(folder, parts[i], i % 2 ? "idx1-ubyte" : "idx3-ubyte", path)) return true;
    return false;
}

static enum status load_idx(struct dataset *dataset, const char *folder, struct error *error) {
    enum status status = load_idx_part(folder, "train", &dataset->train, error);
    return status ? status : load_idx_part(folder, "t10k", &dataset->test, error);
}

static enum status load_pictures(struct dataset *dataset, const char *folder, struct error *error) {
    char part[PATH_SIZE];
    snprintf(part, sizeof part, "%s/train", folder);
    enum status status = folder_read(part, &dataset->train, error);
    if (status) return status;
    snprintf(part, sizeof part, "%s/test", folder);
    return folder_read(part, &dataset->test, error);
}

enum status dataset_load(struct dataset *dataset, const char *folder, struct error *error) {
    char train[PATH_SIZE];
    struct stat info;
    enum status status;
    memset(dataset, 0, sizeof *dataset);
    if (strlen(folder) >= sizeof dataset->folder)
        return error_set(error, STATUS_USAGE, folder, "the folder name is too long");
    if (stat(folder, &info)) return error_errno(error, folder, "cannot open the data set");
    snprintf(train, sizeof train, "%s/train", folder);
    if (has_idx(folder))
        status = load_idx(dataset, folder, error);
    else if (stat(train, &info) == 0 && S_ISDIR(info.st_mode))
        status = load_pictures(dataset, folder, error);
    else
        status = error_set(error, STATUS_IO, folder,
                           "is not a data set: it has neither the MNIST IDX files "
                           "(train-images-idx3-ubyte, ..., plain or .gz) nor folders train/0 to "
                           "test/9 of PNG files");
    if (status)
        dataset_free(dataset);
    else
        snprintf(dataset->folder, sizeof dataset->folder, "%s", folder);
    return status;
}
