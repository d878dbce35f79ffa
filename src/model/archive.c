#include "model/archive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

/* Keras stores its members uncompressed, and trained weights hardly compress. */
#define MODEST    ((zip_uint64_t)64 << 20) /* bytes that any member may have */
#define EXPANSION 100                      /* times a larger one may grow */

struct archive {
    zip_t *zip;
    const char *path;
    zip_uint64_t length; /* bytes of the file */
};

bool archive_probe(const char *path) {
    char head[4] = "";
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    bool is_one = !fstat(fd, &info) && S_ISREG(info.st_mode) && read(fd, head, 4) == 4 &&
                  (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4));
    close(fd);
    return is_one;
}

enum status archive_open(struct archive **archive, const char *path, struct error *error) {
    int code = 0;
    struct stat file;
    *archive = NULL;
    if (stat(path, &file)) return error_errno(error, path, "cannot open");
    struct archive *made = calloc(1, sizeof *made);
    if (!made) return error_memory(error, path, sizeof *made);
    made->path = path;
    made->length = (zip_uint64_t)file.st_size;
    made->zip = zip_open(path, ZIP_RDONLY, &code);
    if (made->zip) {
        *archive = made;
        return STATUS_OK;
    }
    free(made);
    zip_error_t reason;
    zip_error_init_with_code(&reason, code);
    enum status status =
        error_set(error, code == ZIP_ER_OPEN || code == ZIP_ER_READ ? STATUS_IO : STATUS_FORMAT,
                  path, "is a zip archive, cut short or damaged: %s", zip_error_strerror(&reason));
    zip_error_fini(&reason);
    return status;
}

void archive_close(struct archive *archive) {
    if (!archive) return;
    zip_discard(archive->zip);
    free(archive);
}

static enum status check_size(const struct archive *archive, const char *name,
                              const zip_stat_t *info, size_t limit, struct error *error) {
    zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((info->valid & needed) != needed)
        return error_set(error, STATUS_FORMAT, archive->path, "'%s' has no size", name);
    if (info->comp_method != ZIP_CM_STORE && info->comp_method != ZIP_CM_DEFLATE)
        return error_set(error, STATUS_UNSUPPORTED, archive->path,
                         "'%s' is compressed by method %u; stored and deflated are supported", name,
                         (unsigned)info->comp_method);
    if (info->size > limit)
        return error_set(error, STATUS_FORMAT, archive->path,
                         "'%s' has %llu bytes, at most %zu are accepted", name,
                         (unsigned long long)info->size, limit);
    if (info->comp_size > archive->length)
        return error_set(error, STATUS_FORMAT, archive->path,
                         "'%s' claims %llu bytes in a file of %llu; it is cut short or damaged",
                         name, (unsigned long long)info->comp_size,
                         (unsigned long long)archive->length);
    if (info->size > MODEST && info->size / EXPANSION > info->comp_size)
        return error_set(error, STATUS_FORMAT, archive->path,
                         "'%s' would grow from %llu to %llu bytes; no model's weights do", name,
                         (unsigned long long)info->comp_size, (unsigned long long)info->size);
    return STATUS_OK;
}

/* Reading past the end makes libzip verify the checksum. */
static bool read_all(zip_file_t *file, unsigned char *bytes, size_t length) {
    size_t got = 0;
    unsigned char more;
    while (got < length) {
        zip_int64_t count = zip_fread(file, bytes + got, length - got);
        if (count <= 0) return false;
        got += (size_t)count;
    }
    return !zip_fread(file, &more, 1);
}

enum status archive_read(struct archive *archive, const char *name, size_t limit,
                         unsigned char **bytes, size_t *length, struct error *error) {
    zip_stat_t info;
    *bytes = NULL;
    if (zip_stat(archive->zip, name, 0, &info))
        return error_set(error, STATUS_FORMAT, archive->path,
                         "is a zip archive without '%s'; expected a Keras model "
                         "(model.save('x.keras'))",
                         name);
    enum status status = check_size(archive, name, &info, limit, error);
    if (status) return status;
    unsigned char *made = calloc((size_t)info.size + 1, 1);
    if (!made) return error_memory(error, archive->path, info.size);
    zip_file_t *file = zip_fopen_index(archive->zip, info.index, 0);
    if (!file)
        status = error_set(error, STATUS_UNSUPPORTED, archive->path, "'%s' cannot be read: %s",
                           name, zip_strerror(archive->zip));
    else if (!read_all(file, made, (size_t)info.size))
        status = error_set(error, STATUS_FORMAT, archive->path,
                           "'%s' cannot be read: it is cut short or damaged", name);
    if (file) zip_fclose(file);
    if (status) {
        free(made);
        return status;
    }
    *bytes = made;
    *length = (size_t)info.size;
    return STATUS_OK;
}
