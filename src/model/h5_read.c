#include "model/h5_read.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/model.h"

#define MEMORY_STEP ((size_t)1 << 20)
#define IMAGE_NAME  "/dev/null/image" /* libhdf5 would compare the image with a file of its name */

static hid_t image_properties(const void *image, size_t length) {
    hid_t properties = h5_access_properties();
    /* libhdf5 copies the image; its parameter lacks a const. */
    void *bytes = (void *)(uintptr_t)image;
    H5Pset_fapl_core(properties, MEMORY_STEP, 0);
    H5Pset_file_image(properties, bytes, length);
    return properties;
}

enum status h5_open(struct h5 *h5, const char *path, const void *image, size_t length,
                    struct error *error) {
    *h5 = (struct h5){.file = -1, .path = path};
    if (!image && H5Fis_hdf5(path) <= 0)
        return error_set(
            error, STATUS_FORMAT, path,
            "is not an HDF5 file; expected a Keras .h5 or .keras (model.save('x.h5'))");
    hid_t properties = image ? image_properties(image, length) : h5_access_properties();
    h5->file = H5Fopen(image ? IMAGE_NAME : path, H5F_ACC_RDONLY, properties);
    h5_release(properties);
    if (h5->file >= 0) return STATUS_OK;
    return error_set(error, STATUS_FORMAT, path,
                     "is HDF5 but cannot be opened; it is cut short or damaged");
}

enum status h5_damaged(const struct h5 *h5, const char *object, const char *what,
                       struct error *error) {
    return error_set(error, STATUS_FORMAT, h5->path,
                     "%s of '%s' cannot be read; the file is "
                     "damaged",
                     what, object);
}

bool h5_has(hid_t location, const char *name) {
    char *path = strdup(name);
    if (!path) return false;
    bool is_there = *path != 0;
    for (char *slash = path; is_there && slash;) {
        slash = strchr(slash + 1, '/');
        if (slash) *slash = 0;
        is_there = H5Lexists(location, path, H5P_DEFAULT) > 0 &&
                   H5Oexists_by_name(location, path, H5P_DEFAULT) > 0;
        if (slash) *slash = '/';
    }
    free(path);
    return is_there;
}

/* Strings of an attribute, fixed or variable length, copied to the C heap. */
static enum status copy_strings(const struct h5 *h5, hid_t attribute, hid_t type, hid_t space,
                                const char *object_name, const char *name, char **out, size_t count,
                                struct error *error) {
    enum status status = STATUS_OK;
    bool is_variable = H5Tis_variable_str(type) > 0;
    size_t size = is_variable ? sizeof(char *) : H5Tget_size(type), bytes;
    if (!size || !size_multiply(count, size, &bytes) || bytes > MAX_H5_TEXT)
        return error_set(error, STATUS_FORMAT, h5->path, "attribute %s of '%s' is too large", name,
                         object_name);
    char *raw = calloc(count + 1, size);
    hid_t memory = H5Tcopy(H5T_C_S1);
    bool is_read = false;
    if (!raw) {
        status = error_memory(error, h5->path, bytes);
        goto done;
    }
    H5Tset_size(memory, is_variable ? H5T_VARIABLE : size);
    H5Tset_cset(memory, H5Tget_cset(type));
    H5Tset_strpad(memory, is_variable ? H5T_STR_NULLTERM : H5Tget_strpad(type));
    is_read = H5Aread(attribute, memory, raw) >= 0;
    if (!is_read) status = h5_damaged(h5, object_name, name, error);
    for (size_t i = 0; i < count && !status; i++) {
        char *pointer = raw + i * size;
        if (is_variable) memcpy(&pointer, raw + i * size, sizeof pointer);
        out[i] = !pointer ? strdup("") : is_variable ? strdup(pointer) : strndup(pointer, size);
        if (!out[i]) status = error_memory(error, h5->path, size);
    }
done:
    if (is_read && is_variable) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, raw);
    h5_release(memory);
    free(raw);
    return status;
}

/* Open an attribute and count its elements. */
static enum status open_attribute(const struct h5 *h5, hid_t object, const char *object_name,
                                  const char *name, hid_t ids[3], size_t *count,
                                  struct error *error) {
    ids[0] = H5Aopen(object, name, H5P_DEFAULT);
    ids[1] = ids[0] < 0 ? -1 : H5Aget_type(ids[0]);
    ids[2] = ids[0] < 0 ? -1 : H5Aget_space(ids[0]);
    hssize_t points = ids[2] < 0 ? -1 : H5Sget_simple_extent_npoints(ids[2]);
    if (ids[1] < 0 || points < 0) return h5_damaged(h5, object_name, name, error);
    if (points > MAX_H5_NAMES)
        return error_set(error, STATUS_FORMAT, h5->path,
                         "attribute %s of '%s' has %lld elements, at most %d are accepted", name,
                         object_name, (long long)points, MAX_H5_NAMES);
    *count = (size_t)points;
    if (points && H5Tget_class(ids[1]) != H5T_STRING)
        return error_set(error, STATUS_FORMAT, h5->path, "attribute %s of '%s' holds no text", name,
                         object_name);
    return STATUS_OK;
}

enum status h5_read_text(const struct h5 *h5, hid_t object, const char *object_name,
                         const char *name, char **text, size_t *length, struct error *error) {
    hid_t ids[3] = {-1, -1, -1};
    size_t count = 0;
    *text = NULL;
    enum status status = open_attribute(h5, object, object_name, name, ids, &count, error);
    if (!status && count != 1)
        status = error_set(error, STATUS_FORMAT, h5->path,
                           "attribute %s of '%s' has %zu elements, 1 expected", name, object_name,
                           count);
    if (!status)
        status = copy_strings(h5, ids[0], ids[1], ids[2], object_name, name, text, 1, error);
    if (!status) *length = strlen(*text);
    for (int i = 0; i < 3; i++) h5_release(ids[i]);
    return status;
}

/* Append the strings of one attribute to `names`. */
static enum status append_names(const struct h5 *h5, hid_t object, const char *object_name,
                                const char *name, struct h5_names *names, struct error *error) {
    hid_t ids[3] = {-1, -1, -1};
    size_t count = 0;
    enum status status = open_attribute(h5, object, object_name, name, ids, &count, error);
    if (!status && names->count + count > MAX_H5_NAMES)
        status =
            error_set(error, STATUS_FORMAT, h5->path, "attribute %s of '%s': more than %d names",
                      name, object_name, MAX_H5_NAMES);
    if (status || !count) goto done;
    char **larger = realloc(names->names, (names->count + count) * sizeof *larger);
    if (!larger) {
        status = error_memory(error, h5->path, (names->count + count) * sizeof *larger);
        goto done;
    }
    names->names = larger;
    memset(larger + names->count, 0, count * sizeof *larger);
    char **first = larger + names->count;
    names->count += count;
    status = copy_strings(h5, ids[0], ids[1], ids[2], object_name, name, first, count, error);
done:
    for (int i = 0; i < 3; i++) h5_release(ids[i]);
    return status;
}

enum status h5_read_names(const struct h5 *h5, hid_t object, const char *object_name,
                          const char *name, struct h5_names *names, struct error *error) {
    enum status status = STATUS_OK;
    memset(names, 0, sizeof *names);
    if (H5Aexists(object, name) > 0) {
        status = append_names(h5, object, object_name, name, names, error);
    } else {
        int part = 0;
        for (; !status && part < MAX_H5_NAMES; part++) {
            char part_name[64];
            snprintf(part_name, sizeof part_name, "%s%d", name, part);
            if (H5Aexists(object, part_name) <= 0) break;
            status = append_names(h5, object, object_name, part_name, names, error);
        }
        if (!part)
            status = error_set(error, STATUS_FORMAT, h5->path,
                               "'%s' has no %s; it holds no Keras weights", object_name, name);
    }
    if (status) h5_free_names(names);
    return status;
}

/* Refuse layouts that need other files, or more memory than the values. */
static enum status check_layout(const struct h5 *h5, hid_t dataset, const char *name,
                                struct error *error) {
    hid_t properties = H5Dget_create_plist(dataset);
    H5D_layout_t layout = properties < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(properties);
    enum status status = STATUS_OK;
    if (layout == H5D_LAYOUT_ERROR || layout == H5D_VIRTUAL ||
        H5Pget_external_count(properties) != 0) {
        status = error_set(error, STATUS_UNSUPPORTED, h5->path,
                           "'%s' keeps its values in another file", name);
    } else if (layout == H5D_CHUNKED) {
        hsize_t sizes[MAX_H5_RANK];
        int rank = H5Pget_chunk(properties, MAX_H5_RANK, sizes);
        size_t count = 1;
        for (int i = 0; i < rank && i < MAX_H5_RANK; i++)
            if (!size_multiply(count, (size_t)sizes[i], &count)) count = SIZE_MAX;
        if (rank < 0 || rank > MAX_H5_RANK || count > MAX_WEIGHTS)
            status =
                error_set(error, STATUS_FORMAT, h5->path, "the chunks of '%s' are too large", name);
    }
    h5_release(properties);
    return status;
}

static enum status read_shape(const struct h5 *h5, hid_t dataset, const char *name,
                              struct h5_shape *shape, struct error *error) {
    hsize_t sizes[MAX_H5_RANK] = {0};
    hid_t space = H5Dget_space(dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    enum status status = STATUS_OK;
    memset(shape, 0, sizeof *shape);
    if (rank < 0 || (rank <= MAX_H5_RANK && H5Sget_simple_extent_dims(space, sizes, NULL) < 0)) {
        status = h5_damaged(h5, name, "the shape", error);
    } else if (rank > MAX_H5_RANK) {
        status =
            error_set(error, STATUS_UNSUPPORTED, h5->path,
                      "'%s' has %d dimensions, at most %d are supported", name, rank, MAX_H5_RANK);
    } else {
        shape->rank = rank;
        shape->count = H5Sget_simple_extent_type(space) == H5S_NULL ? 0 : 1;
        for (int i = 0; i < rank; i++) {
            shape->size[i] = (size_t)sizes[i];
            if (!size_multiply(shape->count, shape->size[i], &shape->count))
                shape->count = SIZE_MAX;
        }
        if (shape->count > MAX_WEIGHTS)
            status = error_set(error, STATUS_FORMAT, h5->path, "'%s' claims more than %zu values",
                               name, MAX_WEIGHTS);
    }
    h5_release(space);
    return status;
}

/* h5py has no bfloat16: Keras' weights of that type are stored as opaque values of 2 bytes. */
static bool is_bfloat16(hid_t type) {
    return type >= 0 && H5Tget_class(type) == H5T_OPAQUE && H5Tget_size(type) == 2;
}

enum status h5_open_numbers(const struct h5 *h5, hid_t location, const char *name, hid_t *dataset,
                            struct h5_shape *shape, bool *is_float, struct error *error) {
    *dataset = h5_has(location, name) ? H5Dopen2(location, name, H5P_DEFAULT) : -1;
    if (*dataset < 0)
        return error_set(error, STATUS_FORMAT, h5->path, "data set '%s' is missing", name);
    hid_t type = H5Dget_type(*dataset);
    H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    *is_float = class == H5T_FLOAT || is_bfloat16(type);
    h5_release(type);
    enum status status = STATUS_OK;
    if (!*is_float && class != H5T_INTEGER)
        status = error_set(error, STATUS_UNSUPPORTED, h5->path, "'%s' does not hold numbers", name);
    if (!status) status = read_shape(h5, *dataset, name, shape, error);
    if (!status) status = check_layout(h5, *dataset, name, error);
    if (status) {
        h5_release(*dataset);
        *dataset = -1;
    }
    return status;
}

static herr_t collect_dataset(hid_t location, const char *path, const H5L_info_t *info,
                              void *context) {
    struct h5_names *paths = context;
    (void)info;
    if (!h5_has(location, path)) return 0; /* a link to nowhere */
    hid_t object = H5Oopen(location, path, H5P_DEFAULT);
    bool is_dataset = object >= 0 && H5Iget_type(object) == H5I_DATASET;
    h5_release(object);
    if (object < 0) return -1;
    if (!is_dataset) return 0;
    if (paths->count == MAX_H5_NAMES) return -1;
    paths->names[paths->count] = strdup(path);
    if (!paths->names[paths->count]) return -1;
    paths->count++;
    return 0;
}

enum status h5_list_datasets(const struct h5 *h5, hid_t location, struct h5_names *paths,
                             struct error *error) {
    enum status status = STATUS_OK;
    paths->count = 0;
    paths->names = calloc(MAX_H5_NAMES, sizeof *paths->names);
    if (!paths->names) return error_memory(error, h5->path, MAX_H5_NAMES * sizeof *paths->names);
    if (H5Lvisit(location, H5_INDEX_NAME, H5_ITER_INC, collect_dataset, paths) < 0)
        status = paths->count == MAX_H5_NAMES
                     ? error_set(error, STATUS_FORMAT, h5->path, "holds more than %d data sets",
                                 MAX_H5_NAMES)
                     : h5_damaged(h5, "/", "the list of data sets", error);
    if (status) h5_free_names(paths);
    return status;
}

/* In place, from the end: a bfloat16 is the upper half of a float32, stored in little endian. */
static void widen_bfloat16(float *values, size_t count) {
    const unsigned char *bytes = (const unsigned char *)values;
    while (count--) {
        uint32_t bits = (uint32_t)bytes[2 * count] << 16 | (uint32_t)bytes[2 * count + 1] << 24;
        memcpy(&values[count], &bits, sizeof bits);
    }
}

enum status h5_read_floats(const struct h5 *h5, hid_t dataset, const char *name, float *values,
                           size_t count, struct error *error) {
    hid_t type = H5Dget_type(dataset);
    bool is_narrow = is_bfloat16(type);
    herr_t failed = H5Dread(dataset, is_narrow ? type : H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL,
                            H5P_DEFAULT, values);
    h5_release(type);
    if (failed < 0) return h5_damaged(h5, name, "the values", error);
    if (is_narrow) widen_bfloat16(values, count);
    return STATUS_OK;
}
