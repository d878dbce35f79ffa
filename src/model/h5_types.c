#include "model/h5_types.h"

#include <stdlib.h>
#include <string.h>

void h5_free_names(struct h5_names *names) {
    for (size_t i = 0; i < names->count; i++) free(names->names[i]);
    free(names->names);
    memset(names, 0, sizeof *names);
}
