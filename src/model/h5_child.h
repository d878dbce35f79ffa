/* h5_child: the process that reads an HDF5 file for h5_reader, and may crash. */
#ifndef MODEL_H5_CHILD_H
#define MODEL_H5_CHILD_H

#include <stddef.h>

#include "base/attr.h"

struct h5_child {
    int socket;
    const char *path;
    const void *image; /* the file's content, or NULL: read `path` */
    size_t length;     /* bytes of the file */
};

/* Call right after fork(), with all signals blocked: reset signals, files and limits inherited from
 * the parent, open the file, and answer requests until the parent shuts the socket. */
NO_RETURN void h5_child_serve(const struct h5_child *child);

#endif
