/* outputs: a program's outputs for a whole set of samples. */
#ifndef ENGINE_OUTPUTS_H
#define ENGINE_OUTPUTS_H

#include "engine/engine.h"

struct outputs {
    enum frozen_type type;
    size_t rows, columns; /* samples; values of each */
    size_t row_bytes;
    unsigned char *bytes; /* [rows][columns] of `type` */
};

/* Runs the program on all samples; see engine_run_samples.  `where` names it in errors.  After a
 * failure there is nothing to free. */
enum status outputs_compute(struct outputs *outputs, const struct frozen *frozen,
                            enum runtime runtime, struct pool *pool, const struct samples *samples,
                            const char *where, struct error *error);
void outputs_free(struct outputs *outputs); /* zeroed outputs are harmless */

#endif
