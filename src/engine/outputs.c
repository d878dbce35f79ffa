#include "engine/outputs.h"

#include "base/array.h"

#define BATCH 64 /* values of a batch stay within a core's cache */

enum status outputs_compute(struct outputs *outputs, const struct frozen *frozen,
                            enum runtime runtime, struct pool *pool, size_t count,
                            const unsigned char *images, const char *where, struct error *error) {
    struct engine *engine = NULL;
    *outputs = (struct outputs){.type = frozen->tensors[frozen->output].type, .rows = count};
    enum status status = engine_create(&engine, frozen, runtime, BATCH, where, error);
    if (status) return status;
    outputs->columns = engine_output_count(engine);
    outputs->row_bytes = outputs->columns * frozen_type_size(outputs->type);
    outputs->bytes = array_new(count, outputs->row_bytes);
    if (!outputs->bytes)
        status = error_memory(error, where, count * outputs->row_bytes);
    else
        status = engine_run(engine, pool, ENGINE_PIXELS, count, images, outputs->bytes, error);
    engine_destroy(engine);
    if (status) outputs_free(outputs);
    return status;
}

void outputs_free(struct outputs *outputs) {
    array_free(outputs->bytes);
    *outputs = (struct outputs){0};
}
