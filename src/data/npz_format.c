#include <stdio.h>
#include <stdlib.h>

#include "data/format.h"
#include "data/npz.h"

/* [n][features], [n][height][width] or [n][height][width][channels] */
static enum status shape_of(const struct npy *npy, const char *path, const char *name,
                            struct shape *shape, struct error *error) {
    char text[80];
    size_t each = npy->count / (npy->shape[0] ? npy->shape[0] : 1);
    if (npy->rank < 2 || each > INT32_MAX)
        return error_set(error, STATUS_FORMAT, path,
                         "'%s' has the shape %s; samples are [n][features], [n][height][width] or "
                         "[n][height][width][channels]",
                         name, npy_shape_text(npy, text, sizeof text));
    if (npy->rank == 2)
        *shape = (struct shape){1, {(int)npy->shape[1]}};
    else
        *shape = (struct shape){3, {(int)npy->shape[1], (int)npy->shape[2], (int)npy->shape[3]}};
    return STATUS_OK;
}

static enum status load_part(struct npz *npz, const char *path, const char *x, const char *y,
                             struct part *part, struct error *error) {
    struct npy npy;
    struct npz_labels labels;
    char has[200];
    if (!npz_has(npz, x) || !npz_has(npz, y))
        return error_set(error, STATUS_FORMAT, path,
                         "has no '%s'; a data set holds x_train, y_train, x_test and y_test, this "
                         "file %s",
                         npz_has(npz, x) ? y : x, npz_names(npz, has, sizeof has));
    snprintf(part->images_path, sizeof part->images_path, "%s: %s", path, x);
    snprintf(part->labels_path, sizeof part->labels_path, "%s: %s", path, y);
    enum status status = npz_read_samples(npz, x, MAX_DATASET_BYTES, &npy, error);
    if (status) return status;
    part->bytes = npy.data;
    status = shape_of(&npy, path, x, &part->shape, error);
    if (status) return status;
    status = npz_read_labels(npz, y, MAX_DATASET_BYTES, &labels, error);
    if (status) return status;
    part->labels = labels.values;
    if (labels.count != npy.shape[0])
        return error_set(error, STATUS_FORMAT, path,
                         "has %zu labels in '%s' for %zu samples in '%s'", labels.count, y,
                         npy.shape[0], x);
    part->element = npy.type == NPY_UINT8 ? ELEMENT_UINT8 : ELEMENT_FLOAT32;
    part->count = labels.count;
    return STATUS_OK;
}

static bool is_float(enum npy_type type) {
    return type == NPY_FLOAT16 || type == NPY_FLOAT32 || type == NPY_FLOAT64;
}

/* One part of 0..255 and one of 0..1 is a mistake that training would hide. */
static enum status check_types(struct npz *npz, const char *path, struct error *error) {
    struct npy train, test;
    if (!npz_has(npz, "x_train") || !npz_has(npz, "x_test")) return STATUS_OK;
    enum status status = npz_describe(npz, "x_train", &train, error);
    if (!status) status = npz_describe(npz, "x_test", &test, error);
    if (status || is_float(train.type) == is_float(test.type)) return status;
    return error_set(error, STATUS_FORMAT, path, "x_train holds %s and x_test %s; save both alike",
                     npy_type_name(train.type), npy_type_name(test.type));
}

/* Integers of both parts have to be bytes for either to be. */
static enum status make_alike(struct part *part, const struct part *other, struct error *error) {
    if (!part->count || !other->count || part->element == other->element ||
        part->element == ELEMENT_FLOAT32)
        return STATUS_OK;
    size_t count = part->count * shape_count(&part->shape);
    float *floats = malloc(count * sizeof *floats);
    if (!floats) return error_memory(error, part->images_path, count * sizeof *floats);
    for (size_t i = 0; i < count; i++) floats[i] = (float)part->bytes[i];
    free(part->bytes);
    part->bytes = (unsigned char *)floats;
    part->element = ELEMENT_FLOAT32;
    return STATUS_OK;
}

static enum status load_npz(const struct dataset_request *request, struct parts *parts,
                            struct error *error) {
    struct npz *npz;
    enum status status = npz_open(&npz, request->path, error);
    if (status) return status;
    parts->is_whole = npz_has(npz, "x_train") && !npz_has(npz, "x_test");
    status = check_types(npz, request->path, error);
    if (!status && (request->needs_train || parts->is_whole))
        status = load_part(npz, request->path, "x_train", "y_train", &parts->train, error);
    if (!status && request->needs_test && !parts->is_whole)
        status = load_part(npz, request->path, "x_test", "y_test", &parts->test, error);
    if (!status) status = make_alike(&parts->train, &parts->test, error);
    if (!status) status = make_alike(&parts->test, &parts->train, error);
    npz_close(npz);
    return status;
}

const struct format npz_format = {"npz", npz_probe, load_npz};
