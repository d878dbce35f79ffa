#include <stdio.h>
#include <stdlib.h>

#include "data/cifar.h"
#include "data/format.h"

static bool has_cifar(const char *path) {
    return cifar_probe(path) != CIFAR_NONE;
}

static enum status load_part(const char *folder, enum cifar_part which, size_t classes,
                             struct part *part, struct error *error) {
    struct cifar cifar;
    snprintf(part->images_path, sizeof part->images_path, "%s", folder);
    snprintf(part->labels_path, sizeof part->labels_path, "%s", folder);
    enum status status = cifar_read(folder, which, classes, MAX_DATASET_BYTES, &cifar, error);
    if (status) return status;
    part->labels = malloc(cifar.count * sizeof *part->labels);
    if (!part->labels) status = error_memory(error, folder, cifar.count * sizeof *part->labels);
    for (size_t i = 0; !status && i < cifar.count; i++) part->labels[i] = cifar.labels[i];
    free(cifar.labels);
    part->bytes = cifar.images;
    part->shape = (struct shape){3, {CIFAR_SIDE, CIFAR_SIDE, 3}};
    part->element = ELEMENT_UINT8;
    part->count = cifar.count;
    return status;
}

static enum status load_cifar(const struct dataset_request *request, struct parts *parts,
                              struct error *error) {
    const char *folder = request->path;
    enum status status = cifar_read_names(folder, &parts->names, error);
    size_t classes = parts->names.count;
    bool has_test = cifar_has(folder, CIFAR_TEST);
    parts->is_whole = !has_test;
    if (!status && (request->needs_train || parts->is_whole))
        status = load_part(folder, CIFAR_TRAIN, classes, &parts->train, error);
    if (!status && request->needs_test && !parts->is_whole)
        status = load_part(folder, CIFAR_TEST, classes, &parts->test, error);
    return status;
}

const struct format cifar_format = {"cifar", has_cifar, load_cifar};
