#include "model/h5_message.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

bool h5_message_send(int socket, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length) {
        ssize_t sent = send(socket, next, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        next += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Seconds are counted one by one, so that time in which the user stopped both does not count. */
static bool wait_readable(int socket, int patience) {
    struct pollfd descriptor = {.fd = socket, .events = POLLIN};
    for (int waited = 0; waited < patience;) {
        int ready = poll(&descriptor, 1, 1000);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
        if (!ready) waited++;
    }
    return patience < 0;
}

bool h5_message_receive(int socket, void *bytes, size_t length, int patience) {
    char *next = bytes;
    while (length) {
        if (!wait_readable(socket, patience)) return false;
        ssize_t got = recv(socket, next, length, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        next += got;
        length -= (size_t)got;
    }
    return true;
}
