#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/classes.h"
#include "data/format.h"
#include "data/picture.h"
#include "data/picture_sample.h"

static bool has_pictures(const char *path) {
    struct classes_parts parts;
    return classes_find(path, &parts);
}

/* Without a model the first picture gives the size. */
static enum status target_shape(const struct dataset_request *request,
                                const struct classes *classes, struct shape *shape,
                                struct error *error) {
    char path[MAX_CLASSES_PATH];
    struct picture picture;
    if (request->shape.rank)
        return picture_sample_shape(&request->shape, request->path, shape, error);
    enum status status = picture_read(classes_path(classes, 0, path), 3, &picture, error);
    if (status) return status;
    *shape = (struct shape){3, {picture.height, picture.width, 3}};
    free(picture.pixels);
    return STATUS_OK;
}

/* Folders 0 to 9 for a model of MNIST's images: the pictures become digits like MNIST's. */
static bool are_digits(const struct names *names, const struct shape *shape) {
    if (!picture_sample_may_be_digit(shape, (int)names->count)) return false;
    for (size_t i = 0; i < names->count; i++)
        if (names->list[i][0] != (char)('0' + i) || names->list[i][1]) return false;
    return true;
}

/* Files that cannot be used are left out and counted; a lack of memory is the end. */
static enum status read_all(const struct classes *classes, const struct shape *shape,
                            struct part *part, struct skipped *skipped, struct error *error) {
    size_t each = shape_count(shape);
    enum picture_fit fit =
        are_digits(&classes->names, shape) ? PICTURE_DIGIT_AS_IS : PICTURE_RESIZE;
    if (classes->count > MAX_DATASET_BYTES / each)
        return error_set(error, STATUS_UNSUPPORTED, part->images_path,
                         "its %zu pictures take more than %zu bytes", classes->count,
                         MAX_DATASET_BYTES);
    part->bytes = malloc(classes->count * each);
    part->labels = malloc(classes->count * sizeof *part->labels);
    if (!part->bytes || !part->labels)
        return error_memory(error, part->images_path, classes->count * each);
    part->shape = *shape;
    part->element = ELEMENT_UINT8;
    for (size_t i = 0; i < classes->count; i++) {
        char path[MAX_CLASSES_PATH];
        struct error why;
        unsigned char *to = part->bytes + part->count * each;
        classes_path(classes, i, path);
        enum status status = picture_sample_read(path, shape, fit, to, &why);
        if (status == STATUS_MEMORY) {
            *error = why;
            return status;
        }
        if (status)
            skipped_add(skipped, &why);
        else
            part->labels[part->count++] = classes->files[i].label;
    }
    if (part->count) return STATUS_OK;
    *error = skipped->first[0];
    return error->status;
}

static enum status read_part(const char *folder, const struct dataset_request *request,
                             struct parts *parts, struct part *part, struct skipped *skipped,
                             struct error *error) {
    struct classes classes;
    struct shape shape = {0};
    snprintf(part->images_path, sizeof part->images_path, "%s", folder);
    snprintf(part->labels_path, sizeof part->labels_path, "%s", folder);
    const struct names *known = parts->names.count ? &parts->names : NULL;
    enum status status = classes_scan(folder, known, NULL, NULL, &classes, error);
    if (status) return status;
    status = target_shape(request, &classes, &shape, error);
    if (!status) status = read_all(&classes, &shape, part, skipped, error);
    if (!status && !known) {
        parts->names = classes.names;
        memset(&classes.names, 0, sizeof classes.names);
    }
    classes_free(&classes);
    return status;
}

static enum status load_pictures(const struct dataset_request *request, struct parts *parts,
                                 struct error *error) {
    struct classes_parts folders;
    struct skipped skipped = {0};
    enum status status = STATUS_OK;
    if (!classes_find(request->path, &folders))
        return error_set(error, STATUS_FORMAT, request->path, "holds no pictures");
    const char *train = *folders.all ? folders.all : folders.train;
    parts->is_whole = !*folders.test;
    if (request->needs_train && !*train)
        return error_set(error, STATUS_IO, request->path, "has no folder train");
    if (request->needs_train || parts->is_whole)
        status = read_part(train, request, parts, &parts->train, &skipped, error);
    if (!status && request->needs_test && !parts->is_whole)
        status = read_part(folders.test, request, parts, &parts->test, &skipped, error);
    skipped_text(&skipped, parts->remark, sizeof parts->remark);
    return status;
}

const struct format pictures_format = {"pictures", has_pictures, load_pictures};
