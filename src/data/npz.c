#include "data/npz.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#define NAME_MAX_SHOWN 64
/* zlib's technical notes: no stream expands further. */
#define MAX_DEFLATE_RATIO 1032

struct npz {
    zip_t *zip;
    const char *path;
    zip_uint64_t length; /* bytes of the file */
};

/* A member that is being read. */
struct member {
    struct npz *npz;
    const char *name; /* without .npy */
    zip_file_t *file;
    size_t size;         /* bytes of the whole .npy file */
    size_t got;          /* of the head: */
    unsigned char *head; /* [MAX_NPY_HEADER] its first bytes */
    struct error *error;
};

/* Length of `name` without .npy; 0 when it does not end so. */
static size_t stem_length(const char *name) {
    size_t length = strlen(name);
    return length > 4 && !strcmp(name + length - 4, ".npy") ? length - 4 : 0;
}

bool npz_probe(const char *path) {
    char head[4] = "";
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    bool is_one = !fstat(fd, &info) && S_ISREG(info.st_mode) && read(fd, head, 4) == 4 &&
                  !memcmp(head, "PK\3\4", 4);
    close(fd);
    return is_one;
}

enum status npz_open(struct npz **npz, const char *path, struct error *error) {
    int code = 0;
    struct stat file;
    *npz = NULL;
    if (stat(path, &file)) return error_errno(error, path, "cannot open");
    if (!S_ISREG(file.st_mode)) return error_set(error, STATUS_IO, path, "is not a regular file");
    struct npz *made = calloc(1, sizeof *made);
    if (!made) return error_memory(error, path, sizeof *made);
    made->path = path;
    made->length = (zip_uint64_t)file.st_size;
    made->zip = zip_open(path, ZIP_RDONLY, &code);
    if (made->zip) {
        *npz = made;
        return STATUS_OK;
    }
    free(made);
    zip_error_t reason;
    zip_error_init_with_code(&reason, code);
    enum status status =
        error_set(error, code == ZIP_ER_OPEN || code == ZIP_ER_READ ? STATUS_IO : STATUS_FORMAT,
                  path, "is no whole zip archive (%s); it is cut short or was not made by np.savez",
                  zip_error_strerror(&reason));
    zip_error_fini(&reason);
    return status;
}

void npz_close(struct npz *npz) {
    if (!npz) return;
    zip_discard(npz->zip);
    free(npz);
}

/* The index of an array, or -1. */
static zip_int64_t find(const struct npz *npz, const char *name) {
    char full[256];
    if ((size_t)snprintf(full, sizeof full, "%s.npy", name) >= sizeof full) return -1;
    return zip_name_locate(npz->zip, full, 0);
}

bool npz_has(const struct npz *npz, const char *name) {
    return find(npz, name) >= 0;
}

const char *npz_names(const struct npz *npz, char *out, size_t size) {
    size_t used = 0;
    zip_int64_t count = zip_get_num_entries(npz->zip, 0);
    snprintf(out, size, "no arrays");
    for (zip_int64_t i = 0; i < count; i++) {
        char item[NAME_MAX_SHOWN + 8];
        const char *name = zip_get_name(npz->zip, (zip_uint64_t)i, 0);
        size_t length = name ? stem_length(name) : 0;
        if (!length) continue;
        if (length > NAME_MAX_SHOWN) length = NAME_MAX_SHOWN;
        size_t needed =
            (size_t)snprintf(item, sizeof item, "%s'%.*s'", used ? ", " : "", (int)length, name);
        if (used + needed + sizeof ", ..." > size) {
            snprintf(out + used, size - used, "%s", used ? ", ..." : "...");
            break;
        }
        memcpy(out + used, item, needed + 1);
        used += needed;
    }
    return out;
}

/* ---- members -------------------------------------------------------------------------------- */

static enum status check_member(const struct member *member, const zip_stat_t *info) {
    const char *path = member->npz->path, *name = member->name;
    zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((info->valid & needed) != needed)
        return error_set(member->error, STATUS_FORMAT, path, "'%s' has no size", name);
    if (info->valid & ZIP_STAT_ENCRYPTION_METHOD && info->encryption_method != ZIP_EM_NONE)
        return error_set(member->error, STATUS_UNSUPPORTED, path,
                         "'%s' is encrypted; save it without a password", name);
    if (info->comp_method != ZIP_CM_STORE && info->comp_method != ZIP_CM_DEFLATE)
        return error_set(member->error, STATUS_UNSUPPORTED, path,
                         "'%s' is compressed by method %u; save it with np.savez_compressed", name,
                         (unsigned)info->comp_method);
    if (info->comp_size > member->npz->length ||
        (info->comp_method == ZIP_CM_STORE && info->size != info->comp_size))
        return error_set(member->error, STATUS_FORMAT, path,
                         "'%s' announces %llu bytes in a file of %llu; it is cut short or damaged",
                         name, (unsigned long long)info->comp_size,
                         (unsigned long long)member->npz->length);
    if (info->size / MAX_DEFLATE_RATIO > info->comp_size)
        return error_set(member->error, STATUS_FORMAT, path,
                         "'%s' announces %llu bytes, more than %llu compressed bytes can hold",
                         name, (unsigned long long)info->size, (unsigned long long)info->comp_size);
    return STATUS_OK;
}

static void member_close(struct member *member) {
    if (member->file) zip_fclose(member->file);
    free(member->head);
}

/* Read up to `length` bytes; *got is less only at the member's end. */
static enum status read_bytes(struct member *member, unsigned char *bytes, size_t length,
                              size_t *got) {
    *got = 0;
    while (*got < length) {
        zip_int64_t count = zip_fread(member->file, bytes + *got, length - *got);
        if (count < 0)
            return error_set(member->error, STATUS_FORMAT, member->npz->path,
                             "'%s' cannot be read (%s); the file is cut short or damaged",
                             member->name, zip_file_strerror(member->file));
        if (!count) return STATUS_OK;
        *got += (size_t)count;
    }
    return STATUS_OK;
}

static enum status member_open(struct member *member) {
    struct npz *npz = member->npz;
    zip_stat_t info;
    zip_int64_t index = find(npz, member->name);
    if (index < 0 || zip_stat_index(npz->zip, (zip_uint64_t)index, 0, &info)) {
        char names[300];
        return error_set(member->error, STATUS_FORMAT, npz->path, "has no array '%s'; it has %s",
                         member->name, npz_names(npz, names, sizeof names));
    }
    enum status status = check_member(member, &info);
    if (status) return status;
    member->size = (size_t)info.size;
    member->head = malloc(MAX_NPY_HEADER);
    if (!member->head) return error_memory(member->error, npz->path, MAX_NPY_HEADER);
    member->file = zip_fopen_index(npz->zip, (zip_uint64_t)index, 0);
    if (!member->file)
        return error_set(member->error, STATUS_FORMAT, npz->path, "'%s' cannot be read: %s",
                         member->name, zip_strerror(npz->zip));
    return read_bytes(member, member->head, MAX_NPY_HEADER, &member->got);
}

/* The elements, whose beginning came with the head.  Reading on past their end makes libzip compare
 * the checksum. */
static enum status read_elements(struct member *member, size_t header, size_t length,
                                 unsigned char *bytes) {
    size_t early = member->got - header, late = 0, more = 0;
    unsigned char extra;
    if (early > length) early = length;
    memcpy(bytes, member->head + header, early);
    enum status status = read_bytes(member, bytes + early, length - early, &late);
    if (!status && early + late == length) status = read_bytes(member, &extra, 1, &more);
    if (status) return status;
    if (early + late < length || more || member->got > header + length)
        return error_set(member->error, STATUS_FORMAT, member->npz->path,
                         "'%s' does not have the length that it announces; it is damaged",
                         member->name);
    return STATUS_OK;
}

static enum status check_length(const struct member *member, const struct npy *npy, size_t header,
                                size_t limit) {
    size_t length = npy->count * npy_type_size(npy->type);
    char shape[128];
    if (member->size - header != length)
        return error_set(member->error, STATUS_FORMAT, member->npz->path,
                         "'%s' has %zu bytes of data, %s of %s are %zu; it is damaged",
                         member->name, member->size - header,
                         npy_shape_text(npy, shape, sizeof shape), npy_type_name(npy->type),
                         length);
    if (length > limit)
        return error_set(member->error, STATUS_UNSUPPORTED, member->npz->path,
                         "'%s' takes %zu bytes as %s of %s, at most %zu are accepted; "
                         "save fewer or smaller elements",
                         member->name, length, npy_shape_text(npy, shape, sizeof shape),
                         npy_type_name(npy->type), limit);
    return STATUS_OK;
}

enum status npz_describe(struct npz *npz, const char *name, struct npy *npy, struct error *error) {
    struct member member = {.npz = npz, .name = name, .error = error};
    size_t header;
    memset(npy, 0, sizeof *npy);
    enum status status = member_open(&member);
    if (!status) status = npy_parse(member.head, member.got, npy, &header, npz->path, name, error);
    member_close(&member);
    if (status) memset(npy, 0, sizeof *npy);
    return status;
}

enum status npz_read(struct npz *npz, const char *name, size_t limit, struct npy *npy,
                     struct error *error) {
    struct member member = {.npz = npz, .name = name, .error = error};
    size_t header = 0;
    memset(npy, 0, sizeof *npy);
    enum status status = member_open(&member);
    if (!status) status = npy_parse(member.head, member.got, npy, &header, npz->path, name, error);
    if (!status && header > member.size)
        status = error_set(error, STATUS_FORMAT, npz->path,
                           "'%s' does not have the length that it announces; it is damaged", name);
    if (!status) status = check_length(&member, npy, header, limit);
    if (status) goto done;
    size_t length = npy->count * npy_type_size(npy->type);
    npy->data = malloc(length ? length : 1);
    status = npy->data ? read_elements(&member, header, length, npy->data)
                       : error_memory(error, npz->path, length);
    if (!status) status = npy_arrange(npy, npz->path, error);
done:
    member_close(&member);
    if (status) {
        free(npy->data);
        memset(npy, 0, sizeof *npy);
    }
    return status;
}

/* ---- samples and labels --------------------------------------------------------------------- */

/* Chooses the type that the samples will have. */
static enum status check_samples(const struct npz *npz, const char *name, size_t limit,
                                 const struct npy *npy, enum npy_type *type, struct error *error) {
    char shape[128];
    if (!npy->rank || !npy->count)
        return error_set(error, STATUS_FORMAT, npz->path, "'%s' is empty: its shape is %s", name,
                         npy_shape_text(npy, shape, sizeof shape));
    *type = npy_fits_bytes(npy) ? NPY_UINT8 : NPY_FLOAT32;
    if (*type == NPY_UINT8) return STATUS_OK;
    if (npy->count > limit / sizeof(float))
        return error_set(error, STATUS_UNSUPPORTED, npz->path,
                         "'%s' takes %zu bytes as float32, at most %zu are accepted; "
                         "save fewer or smaller elements",
                         name, npy->count * sizeof(float), limit);
    for (size_t i = 0; npy->type >= NPY_FLOAT16 && i < npy->count; i++)
        if (!isfinite((float)npy_number(npy, i)))
            return error_set(error, STATUS_FORMAT, npz->path,
                             "'%s' holds %g in image %zu; finite numbers are wanted", name,
                             npy_number(npy, i), i / (npy->count / npy->shape[0]));
    return STATUS_OK;
}

enum status npz_read_samples(struct npz *npz, const char *name, size_t limit, struct npy *npy,
                             struct error *error) {
    enum npy_type type = NPY_UINT8;
    enum status status = npz_read(npz, name, limit, npy, error);
    if (status) return status;
    status = check_samples(npz, name, limit, npy, &type, error);
    if (!status) status = npy_convert(npy, type, npz->path, error);
    if (status) {
        free(npy->data);
        memset(npy, 0, sizeof *npy);
    }
    return status;
}

/* The place of the 1 in a one-hot row; false when it is none. */
static bool find_hot(const struct npy *npy, size_t row, int64_t *place) {
    size_t width = npy->shape[1], ones = 0;
    for (size_t i = 0; i < width; i++) {
        double value = npy_number(npy, row * width + i);
        if (value == 1) {
            *place = (int64_t)i;
            ones++;
        } else if (!(value == 0)) {
            return false;
        }
    }
    return ones == 1;
}

static enum status take_labels(const struct npz *npz, const char *name, const struct npy *npy,
                               struct npz_labels *labels, struct error *error) {
    char shape[128];
    if (npy->rank < 1 || npy->rank > 2 || !npy->count)
        return error_set(error, STATUS_FORMAT, npz->path,
                         "'%s' has the shape %s; labels are [n], [n][1] or one-hot [n][classes]",
                         name, npy_shape_text(npy, shape, sizeof shape));
    labels->values = calloc(npy->shape[0], sizeof *labels->values);
    if (!labels->values)
        return error_memory(error, npz->path, npy->shape[0] * sizeof *labels->values);
    labels->count = npy->shape[0];
    labels->classes = npy->shape[1] > 1 ? npy->shape[1] : 0;
    for (size_t i = 0; i < labels->count; i++) {
        if (!labels->classes && !npy_integer(npy, i, &labels->values[i]))
            return error_set(error, STATUS_FORMAT, npz->path,
                             "'%s' holds %g as label %zu; class indices are wanted", name,
                             npy_number(npy, i), i);
        if (labels->classes && !find_hot(npy, i, &labels->values[i]))
            return error_set(error, STATUS_FORMAT, npz->path,
                             "'%s' is not one-hot in row %zu: one 1 and else 0 are wanted", name,
                             i);
    }
    return STATUS_OK;
}

enum status npz_read_labels(struct npz *npz, const char *name, size_t limit,
                            struct npz_labels *labels, struct error *error) {
    struct npy npy;
    memset(labels, 0, sizeof *labels);
    enum status status = npz_read(npz, name, limit, &npy, error);
    if (status) return status;
    status = take_labels(npz, name, &npy, labels, error);
    free(npy.data);
    if (status) {
        free(labels->values);
        memset(labels, 0, sizeof *labels);
    }
    return status;
}
