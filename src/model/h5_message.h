/* h5_message: the protocol of h5_reader and its child, over a stream socket.
 *
 * A request is the struct, then location and name, each with its NUL.  A response is the struct,
 * then the payload, or with a status other than STATUS_OK the text of an error and its NUL.  The
 * child's first response, sent without a request, says whether the file is open.
 */
#ifndef MODEL_H5_MESSAGE_H
#define MODEL_H5_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h5_verb {
    H5_HAS,           /* payload: one byte, 0 or 1 */
    H5_HAS_ATTRIBUTE, /* the same */
    H5_TEXT,          /* payload: the text */
    H5_NAMES,         /* payload: each name with its NUL */
    H5_DATASETS,      /* the same */
    H5_SHAPE,         /* payload: struct h5_shape_answer */
    H5_FLOATS,        /* payload: `count` floats */
    H5_VERBS
};

struct h5_request {
    uint32_t verb;
    uint32_t location_size, name_size; /* bytes, NUL included, at most MAX_H5_PATH */
    uint64_t count;
};

struct h5_response {
    uint32_t status;
    uint64_t length;
};

struct h5_shape_answer {
    uint32_t rank;
    uint32_t is_float;
    uint64_t size[4];
    uint64_t count; /* the product of the sizes; 0 for a data set without a space */
};

/* Send all; false when the other end is gone. */
bool h5_message_send(int socket, const void *bytes, size_t length);

/* Receive all; false when the other end is gone, or nothing came for `patience` seconds
 * (-1: no limit). */
bool h5_message_receive(int socket, void *bytes, size_t length, int patience);

#endif
