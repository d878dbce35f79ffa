#include "model/h5_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "model/h5.h"
#include "model/h5_child.h"
#include "model/h5_message.h"
#include "model/model.h"

#define PATIENCE 60 /* seconds of silence; the child's own limits end it long before that */

struct h5_reader {
    int socket;
    pid_t child; /* -1 when it is lost */
    bool is_endless;
    char *path;
};

/* ---- the child ------------------------------------------------------------------------------ */

/* libhdf5's own messages for a missing file are not meant for users. */
static enum status check_readable(const char *path, size_t *length, struct error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return error_errno(error, path, "cannot open");
    enum status status = STATUS_OK;
    struct stat info;
    if (fstat(fd, &info))
        status = error_errno(error, path, "cannot read");
    else if (!S_ISREG(info.st_mode))
        status = error_set(error, STATUS_IO, path, "is not a regular file");
    else
        *length = (size_t)info.st_size;
    close(fd);
    return status;
}

/* The lock also keeps the child's end of the socket out of the children of other readers, where it
 * would hide the child's death. */
static enum status start_child(struct h5_reader *reader, struct h5_child *child,
                               struct error *error) {
    int sockets[2];
    sigset_t all, old;
    enum status status = STATUS_OK;
    h5_lock_library();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) {
        status = error_errno(error, reader->path, "cannot make a socket");
        h5_unlock_library();
        return status;
    }
    child->socket = sockets[1];
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    reader->child = fork();
    if (!reader->child) h5_child_serve(child);
    if (reader->child < 0)
        status = error_errno(error, reader->path, "cannot start the process that reads it");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    close(sockets[1]);
    h5_unlock_library();
    reader->socket = sockets[0];
    return status;
}

/* Collect the child; a caller that ignores SIGCHLD leaves nothing to collect. */
static void end_child(struct h5_reader *reader) {
    int ending = 0;
    pid_t got;
    if (reader->child < 0) return;
    shutdown(reader->socket, SHUT_RDWR);
    do got = waitpid(reader->child, &ending, 0);
    while (got < 0 && errno == EINTR);
    reader->child = -1;
    if (got > 0 && WIFSIGNALED(ending))
        reader->is_endless = WTERMSIG(ending) == SIGKILL || WTERMSIG(ending) == SIGXCPU;
}

static enum status set_lost(const struct h5_reader *reader, struct error *error) {
    return error_set(error, STATUS_FORMAT, reader->path,
                     reader->is_endless ? "is damaged: libhdf5 hangs on it; save it again"
                                        : "is damaged: libhdf5 crashes on it; save it again");
}

static enum status lose_child(struct h5_reader *reader, struct error *error) {
    /* Silence or nonsense, unless it is dead already. */
    if (reader->child >= 0) kill(reader->child, SIGKILL);
    end_child(reader);
    return set_lost(reader, error);
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool receive(struct h5_reader *reader, void *bytes, size_t length) {
    return h5_message_receive(reader->socket, bytes, length, PATIENCE);
}

/* The head of a response; an error of the child becomes this function's. */
static enum status receive_response(struct h5_reader *reader, struct h5_response *response,
                                    struct error *error) {
    struct error told;
    if (!receive(reader, response, sizeof *response)) return lose_child(reader, error);
    if (response->status == STATUS_OK) return STATUS_OK;
    if (response->status > STATUS_UNSUPPORTED || response->length < 2 ||
        response->length > sizeof told.text || !receive(reader, told.text, response->length) ||
        !told.text[0] || told.text[response->length - 1])
        return lose_child(reader, error);
    return error_set(error, response->status, reader->path, "%s", told.text);
}

static enum status ask(struct h5_reader *reader, enum h5_verb verb, const char *location,
                       const char *name, size_t count, struct h5_response *response,
                       struct error *error) {
    struct h5_request request = {.verb = verb,
                                 .location_size = (uint32_t)strnlen(location, MAX_H5_PATH) + 1,
                                 .name_size = (uint32_t)strnlen(name, MAX_H5_PATH) + 1,
                                 .count = count};
    if (reader->child < 0) return set_lost(reader, error);
    if (request.location_size > MAX_H5_PATH || request.name_size > MAX_H5_PATH)
        return error_set(error, STATUS_FORMAT, reader->path,
                         "the name '%.96s...' is longer than %d bytes",
                         request.name_size > MAX_H5_PATH ? name : location, MAX_H5_PATH - 1);
    if (!h5_message_send(reader->socket, &request, sizeof request) ||
        !h5_message_send(reader->socket, location, request.location_size) ||
        !h5_message_send(reader->socket, name, request.name_size))
        return lose_child(reader, error);
    return receive_response(reader, response, error);
}

static enum status start(struct h5_reader **made, const char *path, const void *image,
                         size_t length, struct error *error) {
    struct h5_response response;
    *made = NULL;
    struct h5_reader *reader = calloc(1, sizeof *reader);
    char *copy = strdup(path);
    if (!reader || !copy) {
        free(reader);
        free(copy);
        return error_memory(error, path, strlen(path));
    }
    *reader = (struct h5_reader){.socket = -1, .child = -1, .path = copy};
    struct h5_child child = {.path = path, .image = image, .length = length};
    enum status status = start_child(reader, &child, error);
    if (!status) status = receive_response(reader, &response, error);
    if (!status && response.length) status = lose_child(reader, error);
    if (status)
        h5_reader_close(reader, NULL);
    else
        *made = reader;
    return status;
}

enum status h5_reader_open(struct h5_reader **reader, const char *path, struct error *error) {
    size_t length = 0;
    *reader = NULL;
    enum status status = check_readable(path, &length, error);
    return status ? status : start(reader, path, NULL, length, error);
}

enum status h5_reader_open_image(struct h5_reader **reader, const void *image, size_t length,
                                 const char *path, struct error *error) {
    return start(reader, path, image, length, error);
}

enum status h5_reader_close(struct h5_reader *reader, struct error *error) {
    if (!reader) return STATUS_OK;
    enum status status = reader->child < 0 ? set_lost(reader, error) : STATUS_OK;
    end_child(reader);
    if (reader->socket >= 0) close(reader->socket);
    free(reader->path);
    free(reader);
    return status;
}

static bool ask_whether(struct h5_reader *reader, enum h5_verb verb, const char *location,
                        const char *name) {
    struct h5_response response;
    char is_there = 0;
    if (ask(reader, verb, location, name, 0, &response, NULL)) return false;
    if (response.length != 1 || !receive(reader, &is_there, 1)) lose_child(reader, NULL);
    return reader->child >= 0 && is_there == 1;
}

bool h5_reader_has(struct h5_reader *reader, const char *location) {
    return ask_whether(reader, H5_HAS, location, "");
}

bool h5_reader_has_attribute(struct h5_reader *reader, const char *location, const char *name) {
    return ask_whether(reader, H5_HAS_ATTRIBUTE, location, name);
}

/* A payload of text, with a NUL after it. */
static enum status ask_text(struct h5_reader *reader, enum h5_verb verb, const char *location,
                            const char *name, char **text, size_t *length, struct error *error) {
    struct h5_response response;
    *text = NULL;
    enum status status = ask(reader, verb, location, name, 0, &response, error);
    if (status) return status;
    if (response.length > MAX_H5_TEXT) return lose_child(reader, error);
    *text = calloc(response.length + 1, 1);
    if (!*text) {
        lose_child(reader, NULL); /* its answer stays unread */
        return error_memory(error, reader->path, response.length);
    }
    *length = response.length;
    if (receive(reader, *text, response.length)) return STATUS_OK;
    free(*text);
    *text = NULL;
    return lose_child(reader, error);
}

enum status h5_reader_text(struct h5_reader *reader, const char *location, const char *name,
                           char **text, size_t *length, struct error *error) {
    return ask_text(reader, H5_TEXT, location, name, text, length, error);
}

static enum status split_names(struct h5_reader *reader, const char *text, size_t length,
                               struct h5_names *names, struct error *error) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) count += !text[i];
    if (count > MAX_H5_NAMES) return lose_child(reader, error);
    names->names = calloc(count + 1, sizeof *names->names);
    if (!names->names) return error_memory(error, reader->path, count * sizeof *names->names);
    for (; names->count < count; names->count++) {
        names->names[names->count] = strdup(text);
        if (!names->names[names->count]) return error_memory(error, reader->path, strlen(text));
        text += strlen(text) + 1;
    }
    return STATUS_OK;
}

static enum status ask_names(struct h5_reader *reader, enum h5_verb verb, const char *location,
                             const char *name, struct h5_names *names, struct error *error) {
    char *text;
    size_t length = 0;
    memset(names, 0, sizeof *names);
    enum status status = ask_text(reader, verb, location, name, &text, &length, error);
    if (!status) status = split_names(reader, text, length, names, error);
    if (status) h5_free_names(names);
    free(text);
    return status;
}

enum status h5_reader_names(struct h5_reader *reader, const char *location, const char *name,
                            struct h5_names *names, struct error *error) {
    return ask_names(reader, H5_NAMES, location, name, names, error);
}

enum status h5_reader_datasets(struct h5_reader *reader, const char *location,
                               struct h5_names *paths, struct error *error) {
    return ask_names(reader, H5_DATASETS, location, "", paths, error);
}

enum status h5_reader_shape(struct h5_reader *reader, const char *location, const char *name,
                            struct h5_shape *shape, bool *is_float, struct error *error) {
    struct h5_response response;
    struct h5_shape_answer told;
    memset(shape, 0, sizeof *shape);
    *is_float = false;
    enum status status = ask(reader, H5_SHAPE, location, name, 0, &response, error);
    if (status) return status;
    if (response.length != sizeof told || !receive(reader, &told, sizeof told) ||
        told.rank > MAX_H5_RANK)
        return lose_child(reader, error);
    *is_float = told.is_float;
    shape->rank = (int)told.rank;
    shape->count = told.count;
    size_t product = 1;
    for (int i = 0; i < shape->rank; i++) {
        shape->size[i] = told.size[i];
        if (!size_multiply(product, shape->size[i], &product)) product = SIZE_MAX;
    }
    bool is_empty = !shape->rank && !shape->count;
    if (shape->count > MAX_WEIGHTS || (!is_empty && shape->count != product))
        return lose_child(reader, error);
    return STATUS_OK;
}

enum status h5_reader_floats(struct h5_reader *reader, const char *location, const char *name,
                             float *values, size_t count, struct error *error) {
    struct h5_response response;
    enum status status = ask(reader, H5_FLOATS, location, name, count, &response, error);
    if (status) return status;
    if (response.length != count * sizeof *values ||
        !receive(reader, values, count * sizeof *values))
        return lose_child(reader, error);
    return STATUS_OK;
}
