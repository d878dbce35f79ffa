#include "model/h5_child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "model/h5_message.h"
#include "model/h5_read.h"

/* Good files take milliseconds; values that are converted come at about 100 MB a second. */
#define SECONDS        2
#define BYTES_A_SECOND ((size_t)32 << 20)

/* On top of what the parent has mapped: the values twice, chunks, and the library itself. */
#define MEMORY ((rlim_t)2 << 30)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1 /* sanitizers map terabytes */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0
#endif

struct server {
    int socket;
    struct h5 h5;
    struct h5_request request;
    char location[MAX_H5_PATH], name[MAX_H5_PATH];
    struct error error;
};

/* ---- leaving the parent --------------------------------------------------------------------- */

/* Signals from the terminal are for the parent to handle; a crash must end the process, whatever
 * handlers the parent has. */
static void reset_signals(void) {
    static const int ignored[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE};
    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keep the socket, but not the terminal. */
static int reset_files(int socket) {
    int kept = fcntl(socket, F_DUPFD_CLOEXEC, 3);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        if (nothing < 0)
            close(i);
        else if (nothing != i)
            dup2(nothing, i);
    }
    return kept;
}

static void set_limit(int resource, rlim_t value) {
    struct rlimit limit;
    if (getrlimit(resource, &limit)) return;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < value) value = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max = value;
    setrlimit(resource, &limit);
}

/* Bytes of address space in use; 0 if unknown. */
static rlim_t mapped(void) {
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 ? (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}

static void set_limits(size_t length) {
    rlim_t used = mapped();
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_CPU, SECONDS + (rlim_t)(length / BYTES_A_SECOND));
    if (used && !HAS_SHADOW) set_limit(RLIMIT_AS, used + MEMORY);
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0); /* crash handlers get core dumps whatever the limit is */
#endif
}

/* ---- answering ------------------------------------------------------------------------------ */

static void answer(const struct server *server, const void *payload, size_t length) {
    struct h5_response response = {.status = STATUS_OK, .length = length};
    if (!h5_message_send(server->socket, &response, sizeof response) ||
        !h5_message_send(server->socket, payload, length))
        _exit(0);
}

static void refuse(const struct server *server, enum status status) {
    struct h5_response response = {.status = status, .length = strlen(server->error.text) + 1};
    if (!h5_message_send(server->socket, &response, sizeof response) ||
        !h5_message_send(server->socket, server->error.text, response.length))
        _exit(0);
}

static hid_t open_location(const struct server *server) {
    bool is_root = !strcmp(server->location, "/");
    return is_root || h5_has(server->h5.file, server->location)
               ? H5Oopen(server->h5.file, server->location, H5P_DEFAULT)
               : -1;
}

static enum status answer_text(struct server *server, hid_t object) {
    char *text = NULL;
    size_t length = 0;
    enum status status = h5_read_text(&server->h5, object, server->location, server->name, &text,
                                      &length, &server->error);
    if (!status && length > MAX_H5_TEXT)
        status =
            error_set(&server->error, STATUS_FORMAT, server->h5.path,
                      "attribute %.200s of '%.200s' is too large", server->name, server->location);
    if (!status) answer(server, text, length);
    free(text);
    return status;
}

/* Takes ownership of the names. */
static enum status answer_names(struct server *server, struct h5_names *names) {
    enum status status = STATUS_OK;
    char *payload = NULL;
    size_t length = 0;
    for (size_t i = 0; i < names->count && length <= MAX_H5_TEXT; i++)
        length += strlen(names->names[i]) + 1;
    if (length > MAX_H5_TEXT) {
        status = error_set(&server->error, STATUS_FORMAT, server->h5.path,
                           "the names at '%.200s' are too long", server->location);
        goto done;
    }
    payload = malloc(length + 1);
    if (!payload) {
        status = error_memory(&server->error, server->h5.path, length);
        goto done;
    }
    char *next = payload;
    for (size_t i = 0; i < names->count; i++) {
        size_t size = strlen(names->names[i]) + 1;
        memcpy(next, names->names[i], size);
        next += size;
    }
    answer(server, payload, length);
done:
    free(payload);
    h5_free_names(names);
    return status;
}

static enum status answer_numbers(struct server *server, hid_t object) {
    struct h5_shape shape;
    hid_t dataset;
    bool is_float;
    float *values = NULL;
    enum status status = h5_open_numbers(&server->h5, object, server->name, &dataset, &shape,
                                         &is_float, &server->error);
    if (status) return status;
    if (server->request.verb == H5_SHAPE) {
        struct h5_shape_answer told = {
            .rank = (uint32_t)shape.rank, .is_float = is_float, .count = shape.count};
        for (int i = 0; i < shape.rank; i++) told.size[i] = shape.size[i];
        answer(server, &told, sizeof told);
        goto done;
    }
    if (shape.count != server->request.count) {
        status = h5_damaged(&server->h5, server->name, "the shape", &server->error);
        goto done;
    }
    values = malloc((shape.count + 1) * sizeof *values);
    if (!values)
        status = error_memory(&server->error, server->h5.path, shape.count * sizeof *values);
    if (!status)
        status =
            h5_read_floats(&server->h5, dataset, server->name, values, shape.count, &server->error);
    if (!status) answer(server, values, shape.count * sizeof *values);
done:
    free(values);
    h5_release(dataset);
    return status;
}

static enum status answer_object(struct server *server, hid_t object) {
    struct h5_names names = {0};
    enum status status;
    switch (server->request.verb) {
    case H5_TEXT:
        return answer_text(server, object);
    case H5_NAMES:
        status = h5_read_names(&server->h5, object, server->location, server->name, &names,
                               &server->error);
        return status ? status : answer_names(server, &names);
    case H5_DATASETS:
        status = h5_list_datasets(&server->h5, object, &names, &server->error);
        return status ? status : answer_names(server, &names);
    default:
        return answer_numbers(server, object);
    }
}

static void answer_request(struct server *server) {
    hid_t object = open_location(server);
    enum status status = STATUS_OK;
    if (server->request.verb == H5_HAS || server->request.verb == H5_HAS_ATTRIBUTE) {
        char is_there = object >= 0;
        if (server->request.verb == H5_HAS_ATTRIBUTE)
            is_there = is_there && H5Aexists(object, server->name) > 0;
        answer(server, &is_there, 1);
    } else if (object < 0) {
        status = error_set(&server->error, STATUS_FORMAT, server->h5.path,
                           "'%.200s' cannot be read; the file is damaged", server->location);
    } else {
        status = answer_object(server, object);
    }
    h5_release(object);
    if (status) refuse(server, status);
}

static bool receive_request(struct server *server) {
    struct h5_request *request = &server->request;
    return h5_message_receive(server->socket, request, sizeof *request, -1) &&
           request->verb < H5_VERBS && request->location_size <= MAX_H5_PATH &&
           request->name_size <= MAX_H5_PATH &&
           h5_message_receive(server->socket, server->location, request->location_size, -1) &&
           h5_message_receive(server->socket, server->name, request->name_size, -1);
}

void h5_child_serve(const struct h5_child *child) {
    struct server server = {.socket = reset_files(child->socket)};
    reset_signals();
    set_limits(child->length);
    enum status status =
        h5_open(&server.h5, child->path, child->image, child->length, &server.error);
    if (status)
        refuse(&server, status);
    else
        answer(&server, "", 0);
    while (!status && receive_request(&server)) answer_request(&server);
    _exit(0);
}
