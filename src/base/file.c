#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status file_read(const char *path, size_t limit, unsigned char **bytes, size_t *length,
                      struct error *error) {
    enum status status = STATUS_OK;
    unsigned char *buffer = NULL;
    size_t used = 0, room = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_errno(error, path, "cannot open");
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        status = error_set(error, STATUS_IO, path, "is a folder, not a file");
        goto done;
    }
    for (;;) {
        if (used == room) {
            size_t wanted = room ? room * 2 : 65536;
            if (wanted > limit + 1) wanted = limit + 1;
            unsigned char *larger = realloc(buffer, wanted + 1);
            if (!larger) {
                status = error_memory(error, path, wanted);
                goto done;
            }
            buffer = larger;
            room = wanted;
        }
        ssize_t got = read(fd, buffer + used, room - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            status = error_errno(error, path, "cannot read");
            goto done;
        }
        if (got == 0) break;
        used += (size_t)got;
        if (used > limit) {
            status = error_set(error, STATUS_FORMAT, path, "is larger than %zu bytes", limit);
            goto done;
        }
    }
    buffer[used] = 0;
    *bytes = buffer;
    *length = used;
    buffer = NULL;
done:
    free(buffer);
    close(fd);
    return status;
}

enum status file_make_parents(const char *path, struct error *error) {
    char *folder = strdup(path);
    if (!folder) return error_memory(error, path, strlen(path) + 1);
    enum status status = STATUS_OK;
    for (char *slash = folder + 1; *folder && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(folder, 0777) && errno != EEXIST) {
            status = error_errno(error, folder, "cannot create the folder");
            break;
        }
        *slash = '/';
    }
    free(folder);
    return status;
}

/* A rename is only durable once its directory is on disk. */
static void sync_folder(const char *path) {
    char *folder = strdup(path);
    if (!folder) return;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

static enum status sync_file(const char *path, const char *name, struct error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_errno(error, name, "cannot reopen the written file");
    enum status status = STATUS_OK;
    if (fsync(fd) && errno != EINVAL) status = error_errno(error, name, "cannot sync");
    close(fd);
    return status;
}

enum status file_replace_with(const char *path, file_write *write, void *context,
                              struct error *error) {
    enum status status = file_make_parents(path, error);
    if (status) return status;
    size_t size = strlen(path) + 32;
    char *temporary = malloc(size);
    if (!temporary) return error_memory(error, path, size);
    snprintf(temporary, size, "%s.%ld.tmp", path, (long)getpid());
    status = write(temporary, context, error);
    if (status) {
        /* The user knows the requested name, not the temporary one. */
        if (error && !strcmp(error->where, temporary))
            snprintf(error->where, sizeof error->where, "%s", path);
        goto done;
    }
    status = sync_file(temporary, path, error);
    if (status) goto done;
    if (rename(temporary, path)) {
        status = error_errno(error, path, "cannot rename the finished file");
        goto done;
    }
    sync_folder(path);
done:
    if (status) unlink(temporary);
    free(temporary);
    return status;
}

struct bytes_job {
    const char *path;
    const unsigned char *bytes;
    size_t length;
    file_check *check;
    void *context;
};

static enum status write_bytes(const char *temporary, void *context, struct error *error) {
    const struct bytes_job *job = context;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return error_errno(error, job->path, "cannot create");
    enum status status = STATUS_OK;
    for (size_t done = 0; done < job->length;) {
        ssize_t put = write(fd, job->bytes + done, job->length - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) {
            status = error_errno(error, job->path, "cannot write");
            break;
        }
        done += (size_t)put;
    }
    if (close(fd) && !status) status = error_errno(error, job->path, "cannot write");
    if (!status && job->check) status = job->check(temporary, job->context, error);
    return status;
}

enum status file_replace(const char *path, const void *bytes, size_t length, file_check *check,
                         void *context, struct error *error) {
    struct bytes_job job = {path, bytes, length, check, context};
    return file_replace_with(path, write_bytes, &job, error);
}
