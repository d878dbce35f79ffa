#include "ui/draw/stderr_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT    ((size_t)64 << 10)
#define PENDING 1024

static struct {
    int reader;
    atomic_int real; /* the saved stderr, -1 when nothing is captured */
    char *kept;      /* ring of the last KEPT bytes */
    size_t total;    /* bytes ever captured */
    char pending[PENDING];
    size_t pending_length;
} capture = {.reader = -1, .real = -1};

static int set_flags(int fd, bool is_nonblocking) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -1;
    return is_nonblocking ? fcntl(fd, F_SETFL, flags | O_NONBLOCK) : 0;
}

enum status stderr_capture_start(struct error *error) {
    int ends[2] = {-1, -1}, real = -1;
    enum status status = STATUS_OK;
    qt_assert(capture.reader < 0);
    capture.total = capture.pending_length = 0;
    capture.kept = malloc(KEPT);
    if (!capture.kept) return error_memory(error, "", KEPT);
    fflush(stderr);
    if (pipe(ends)) {
        status = error_errno(error, "stderr", "pipe");
        goto done;
    }
    real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (real < 0 || set_flags(ends[0], true) || set_flags(ends[1], true) ||
        dup2(ends[1], STDERR_FILENO) < 0) {
        status = error_errno(error, "stderr", "redirect");
        goto done;
    }
    capture.reader = ends[0];
    atomic_store(&capture.real, real);
    ends[0] = real = -1;
done:
    if (ends[0] >= 0) close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
    if (real >= 0) close(real);
    if (status != STATUS_OK) {
        free(capture.kept);
        capture.kept = NULL;
    }
    return status;
}

static void fill(void) {
    while (capture.pending_length < PENDING) {
        ssize_t got = read(capture.reader, capture.pending + capture.pending_length,
                           PENDING - capture.pending_length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        for (ssize_t i = 0; i < got; i++) {
            capture.kept[capture.total++ % KEPT] =
                capture.pending[capture.pending_length + (size_t)i];
        }
        capture.pending_length += (size_t)got;
    }
}

bool stderr_capture_line(char *line, size_t size) {
    if (capture.reader < 0 || !size) return false;
    fill();
    char *end = memchr(capture.pending, '\n', capture.pending_length);
    if (!end && capture.pending_length < PENDING) return false;
    size_t length = end ? (size_t)(end - capture.pending) : PENDING;
    size_t kept = length < size ? length : size - 1;
    memcpy(line, capture.pending, kept);
    line[kept] = 0;
    size_t used = end ? length + 1 : length;
    capture.pending_length -= used;
    memmove(capture.pending, capture.pending + used, capture.pending_length);
    return true;
}

static void write_all(const char *bytes, size_t length) {
    while (length) {
        ssize_t put = write(STDERR_FILENO, bytes, length);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return;
        bytes += put;
        length -= (size_t)put;
    }
}

void stderr_capture_stop(void) {
    if (capture.reader < 0) return;
    fflush(stderr);
    do {
        capture.pending_length = 0;
        fill();
    } while (capture.pending_length == PENDING);
    stderr_capture_abandon();
    close(capture.reader);
    capture.reader = -1;
    if (capture.total <= KEPT) {
        write_all(capture.kept, capture.total);
    } else {
        size_t start = capture.total % KEPT;
        write_all(capture.kept + start, KEPT - start);
        write_all(capture.kept, start);
    }
    free(capture.kept);
    capture.kept = NULL;
}

void stderr_capture_abandon(void) {
    int real = atomic_exchange(&capture.real, -1);
    if (real < 0) return;
    dup2(real, STDERR_FILENO);
    close(real);
}
