#include "model/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_STEP ((size_t)1 << 20) /* bytes by which a file in memory grows */

static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

static enum status not_made(const struct h5 *h5, const char *object, struct error *error) {
    return error_set(error, STATUS_MEMORY, h5->path, "HDF5 cannot make '%s'; memory is short",
                     object);
}

void h5_lock_library(void) {
    pthread_mutex_lock(&library);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void h5_unlock_library(void) {
    pthread_mutex_unlock(&library);
}

hid_t h5_access_properties(void) {
    hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
    if (properties < 0) return properties;
    H5Pset_fclose_degree(properties, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7) && !(H5_VERS_MAJOR == 1 && H5_VERS_MINOR == 12 && H5_VERS_RELEASE == 0)
    H5Pset_file_locking(properties, 0, 1);
#endif
    return properties;
}

enum status h5_create(struct h5 *h5, const char *name, const char *path, struct error *error) {
    h5->path = path;
    h5->name = strdup(name);
    if (!h5->name) return error_memory(error, path, strlen(name));
    h5_lock_library();
    hid_t properties = h5_access_properties();
    H5Pset_fapl_core(properties, MEMORY_STEP, 0);
    h5->file = H5Fcreate("memory", H5F_ACC_TRUNC, H5P_DEFAULT, properties);
    h5_release(properties);
    if (h5->file >= 0) return STATUS_OK;
    h5_unlock_library();
    free(h5->name);
    return not_made(h5, "/", error);
}

static enum status make_image(const struct h5 *h5, unsigned char **bytes, size_t *length,
                              struct error *error) {
    ssize_t size = -1;
    if (H5Fflush(h5->file, H5F_SCOPE_GLOBAL) >= 0) size = H5Fget_file_image(h5->file, NULL, 0);
    if (size <= 0) return not_made(h5, "/", error);
    unsigned char *image = malloc((size_t)size);
    if (!image) return error_memory(error, h5->path, (unsigned long long)size);
    if (H5Fget_file_image(h5->file, image, (size_t)size) != size) {
        free(image);
        return not_made(h5, "/", error);
    }
    *bytes = image;
    *length = (size_t)size;
    return STATUS_OK;
}

static enum status write_image(const struct h5 *h5, struct error *error) {
    unsigned char *bytes = NULL;
    size_t length = 0;
    enum status status = make_image(h5, &bytes, &length, error);
    if (status) return status;
    int fd = open(h5->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = error_errno(error, h5->path, "cannot create");
        goto done;
    }
    for (size_t written = 0; written < length && !status;) {
        ssize_t put = write(fd, bytes + written, length - written);
        if (put >= 0)
            written += (size_t)put;
        else if (errno != EINTR)
            status = error_errno(error, h5->path, "cannot write");
    }
    if (close(fd) && !status) status = error_errno(error, h5->path, "cannot write");
done:
    free(bytes);
    return status;
}

enum status h5_close(struct h5 *h5, struct error *error) {
    if (h5->file < 0) return STATUS_OK;
    enum status status = write_image(h5, error);
    H5Fclose(h5->file);
    h5->file = -1;
    h5_unlock_library();
    free(h5->name);
    h5->name = NULL;
    return status;
}

void h5_release(hid_t id) {
    if (id >= 0) H5Idec_ref(id);
}

static hid_t text_type(void) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, H5T_VARIABLE) < 0) {
        h5_release(type);
        return -1;
    }
    return type;
}

enum status h5_write_text(const struct h5 *h5, hid_t object, const char *name, const char *text,
                          struct error *error) {
    hid_t type = text_type(), space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool is_written = attribute >= 0 && H5Awrite(attribute, type, &text) >= 0;
    h5_release(attribute);
    h5_release(space);
    h5_release(type);
    return is_written ? STATUS_OK : not_made(h5, name, error);
}

enum status h5_write_names(const struct h5 *h5, hid_t object, const char *name,
                           const char *const *names, size_t count, struct error *error) {
    hsize_t size = count;
    hid_t type = count ? text_type() : H5Tcopy(H5T_IEEE_F64LE);
    hid_t space = H5Screate_simple(1, &size, NULL);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool is_written = attribute >= 0 && (!count || H5Awrite(attribute, type, names) >= 0);
    h5_release(attribute);
    h5_release(space);
    h5_release(type);
    return is_written ? STATUS_OK : not_made(h5, name, error);
}

enum status h5_write_floats(const struct h5 *h5, hid_t location, const char *name,
                            const struct h5_shape *shape, const float *values,
                            struct error *error) {
    hsize_t sizes[MAX_H5_RANK];
    for (int i = 0; i < shape->rank; i++) sizes[i] = shape->size[i];
    hid_t space = H5Screate_simple(shape->rank, sizes, NULL);
    hid_t links = H5Pcreate(H5P_LINK_CREATE), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    H5Pset_obj_track_times(properties, 0); /* same weights, same bytes */
    hid_t dataset =
        H5Dcreate2(location, name, H5T_IEEE_F32LE, space, links, properties, H5P_DEFAULT);
    bool is_written = dataset >= 0 && H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL,
                                               H5P_DEFAULT, values) >= 0;
    h5_release(dataset);
    h5_release(properties);
    h5_release(links);
    h5_release(space);
    return is_written ? STATUS_OK : not_made(h5, name, error);
}

enum status h5_make_group(const struct h5 *h5, hid_t location, const char *name, hid_t *group,
                          struct error *error) {
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    *group = H5Gcreate2(location, name, links, H5P_DEFAULT, H5P_DEFAULT);
    h5_release(links);
    return *group >= 0 ? STATUS_OK : not_made(h5, name, error);
}
