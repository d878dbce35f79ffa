#include "engine/outputs.h"

#include "base/array.h"

#define BATCH 64 /* values of a batch stay within a core's cache */

enum status outputs_compute(struct outputs *outputs, const struct frozen *frozen,
                            enum runtime runtime, struct pool *pool, const struct samples *samples,
                            const char *where, struct error *error) {
    struct engine *engine = NULL;
    *outputs =
        (struct outputs){.type = frozen->tensors[frozen->output].type, .rows = samples->count};
    enum status status = engine_create(&engine, frozen, runtime, BATCH, where, error);
    if (status) return status;
    outputs->columns = engine_output_count(engine);
    outputs->row_bytes = outputs->columns * frozen_type_size(outputs->type);
    outputs->bytes = array_new(samples->count, outputs->row_bytes);
    if (!outputs->bytes)
        status = error_memory(error, where, samples->count * outputs->row_bytes);
    else
        status = engine_run_samples(engine, pool, samples, outputs->bytes, error);
    engine_destroy(engine);
    if (status) outputs_free(outputs);
    return status;
}

void outputs_free(struct outputs *outputs) {
    array_free(outputs->bytes);
    *outputs = (struct outputs){0};
}
