#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cpu.h"
#include "engine/operators.h"
#include "engine/samples_input.h"
#include "engine/space_to_batch.h"

/* The values of one chunk of samples should fit in this part of a second-level cache. */
#define CHUNK_BYTES ((size_t)256 << 10)
#define CHUNK_MOST  64

const char *runtime_name(enum runtime runtime) {
    return runtime == RUNTIME_XNN ? "xnn" : "ref";
}

/* ---- slots ---- */

static enum status size_slot(struct engine *engine, int index, const char *where,
                             struct error *error) {
    const struct frozen_tensor *tensor = &engine->frozen->tensors[index];
    struct slot *slot = &engine->slots[index];
    /* The converter counts all images of a batch, unless it does not know the batch and writes 1.
     */
    if (tensor->rank < 1 ||
        (tensor->shape[0] != engine->file_batch &&
         (uint64_t)tensor->shape[0] != (uint64_t)engine->file_batch * slot->images))
        return error_set(error, STATUS_UNSUPPORTED, where,
                         "tensor %d: its first dimension is not the batch size, %d", index,
                         engine->file_batch);
    slot->count = frozen_tensor_count(tensor) / (size_t)tensor->shape[0];
    slot->bytes = slot->count * frozen_type_size(tensor->type);
    slot->owned = true;
    return STATUS_OK;
}

/* The input's and each operator's output's size; tensors that nothing writes stay empty. */
static enum status size_slots(struct engine *engine, const char *where, struct error *error) {
    const struct frozen *frozen = engine->frozen;
    engine->slots[frozen->input].images = 1;
    enum status status = size_slot(engine, frozen->input, where, error);
    for (int i = 0; i < frozen->operator_count && !status; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        status = space_to_batch_images(engine, i, where, error);
        if (!status && !frozen_op_shapes(op->code))
            status = size_slot(engine, op->outputs[0], where, error);
    }
    size_t total = 0;
    for (int i = 0; i < frozen->tensor_count && !status; i++) {
        size_t bytes;
        if (!size_multiply(engine->slots[i].bytes, (size_t)engine->batch, &bytes) ||
            !size_multiply(bytes, engine->slots[i].images, &bytes) ||
            bytes > MAX_ENGINE_BYTES - total)
            return error_set(error, STATUS_UNSUPPORTED, where,
                             "its values for %d samples take more than %zu bytes", engine->batch,
                             MAX_ENGINE_BYTES);
        total += bytes;
    }
    return status;
}

/* Fused operators have no values between them, and an input that is only quantized has no floats.
 */
static void plan_chunk(struct engine *engine) {
    size_t bytes = 0;
    for (int i = 0; i < engine->frozen->tensor_count; i++)
        if (engine->slots[i].data && engine->slots[i].owned &&
            (i != engine->frozen->input || !engine->input_only_quantized))
            bytes += engine->slots[i].bytes * engine->slots[i].images;
    engine->chunk = CHUNK_BYTES / (bytes + 1);
    if (engine->chunk < 1) engine->chunk = 1;
    if (engine->chunk > CHUNK_MOST) engine->chunk = CHUNK_MOST;
}

static enum status fill_slot(struct engine *engine, int index, const char *where,
                             struct error *error) {
    struct slot *slot = &engine->slots[index];
    size_t bytes = slot->bytes * slot->images * (size_t)engine->batch;
    slot->data = array_new(bytes, 1);
    return slot->data ? STATUS_OK : error_memory(error, where, bytes);
}

static void plan_step(struct planner *planner) {
    const struct frozen_operator *op = planner->op;
    const struct operator_planners *planners = operator_planners(op->code);
    bool is_float = planner->input->type == TYPE_FLOAT32;
    if (planner->input->data && !frozen_op_shapes(op->code))
        plan_refuse(planner, STATUS_UNSUPPORTED, "its input is a constant");
    if (planner->status) return;
    plan_operator *plan = !planners ? NULL : is_float ? planners->float32 : planners->int8;
    if (planners && planners->output == OUTPUT_OWN)
        planner->status =
            fill_slot(planner->engine, op->outputs[0], planner->where, planner->error);
    if (planner->status) return;
    if (plan)
        plan(planner);
    else
        plan_refuse(planner, STATUS_UNSUPPORTED,
                    is_float ? "is not supported for float32" : "is not supported");
}

static enum status plan_steps(struct engine *engine, const char *where, struct error *error) {
    const struct frozen *frozen = engine->frozen;
    enum status status = fill_slot(engine, frozen->input, where, error);
    for (int i = 0; i < frozen->operator_count && !status; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        struct step *step = &engine->steps[engine->step_count];
        struct planner planner = {
            .engine = engine,
            .where = where,
            .error = error,
            .index = i,
            .op = op,
            .input = &frozen->tensors[op->inputs[0]],
            .output = &frozen->tensors[op->outputs[0]],
            .step = step,
        };
        engine->step_count++; /* first, so that what a failed plan allocated is freed */
        step->input = &engine->slots[op->inputs[0]];
        step->output = &engine->slots[op->outputs[0]];
        step->images = step->input->images;
        plan_step(&planner);
        if (step->scratch_bytes > engine->scratch_bytes)
            engine->scratch_bytes = step->scratch_bytes;
        status = planner.status;
    }
    return status;
}

static enum status create(struct engine **engine, const struct frozen *frozen, enum runtime runtime,
                          int batch, bool is_inspectable, const char *where, struct error *error) {
    *engine = NULL;
    if (batch < 1)
        return error_set(error, STATUS_USAGE, where, "the batch size is %d; it must be positive",
                         batch);
    enum status status = frozen_check(frozen, where, error);
    if (status) return status;
    struct engine *created = calloc(1, sizeof *created);
    if (!created) return error_memory(error, where, sizeof *created);
    created->frozen = frozen;
    created->runtime = runtime;
    created->batch = batch;
    created->is_inspectable = is_inspectable;
    created->kernels = dot_kernels_choose();
    created->parts = cpu_count();
    const struct frozen_tensor *input = &frozen->tensors[frozen->input];
    created->file_batch = input->rank ? input->shape[0] : 0;
    created->slots = calloc((size_t)frozen->tensor_count, sizeof *created->slots);
    created->steps = calloc((size_t)frozen->operator_count + 1, sizeof *created->steps);
    if (!created->slots || !created->steps)
        status = error_memory(error, where, (size_t)frozen->operator_count * sizeof(struct step));
    if (!status) status = size_slots(created, where, error);
    if (!status) status = plan_steps(created, where, error);
    if (!status) {
        samples_input_plan(created);
        plan_chunk(created);
        created->scratch_bytes = (created->scratch_bytes + 127) / 64 * 64;
        if (created->scratch_bytes > MAX_ENGINE_BYTES / (size_t)created->parts)
            status = error_set(error, STATUS_UNSUPPORTED, where,
                               "its padded inputs on %d threads take more than %zu bytes",
                               created->parts, MAX_ENGINE_BYTES);
    }
    if (!status) {
        created->scratch = array_new((size_t)created->parts, created->scratch_bytes);
        if (!created->scratch) status = error_memory(error, where, created->scratch_bytes);
    }
    if (status)
        engine_destroy(created);
    else
        *engine = created;
    return status;
}

enum status engine_create(struct engine **engine, const struct frozen *frozen, enum runtime runtime,
                          int batch, const char *where, struct error *error) {
    return create(engine, frozen, runtime, batch, false, where, error);
}

enum status engine_create_inspectable(struct engine **engine, const struct frozen *frozen,
                                      enum runtime runtime, int batch, const char *where,
                                      struct error *error) {
    return create(engine, frozen, runtime, batch, true, where, error);
}

void engine_destroy(struct engine *engine) {
    if (!engine) return;
    for (int i = 0; engine->steps && i < engine->step_count; i++)
        for (int j = 0; j < engine->steps[i].memory_count; j++)
            array_free(engine->steps[i].memory[j]);
    for (int i = 0; engine->slots && i < engine->frozen->tensor_count; i++)
        if (engine->slots[i].owned) array_free(engine->slots[i].data);
    array_free(engine->scratch);
    free(engine->steps);
    free(engine->slots);
    free(engine);
}

/* ---- running ---- */

static void run_chunk(const struct engine *engine, size_t begin, size_t end,
                      unsigned char *scratch) {
    const struct frozen *frozen = engine->frozen;
    const struct slot *input = &engine->slots[frozen->input];
    const struct slot *output = &engine->slots[frozen->output];
    if (engine->input)
        memcpy(input->data + begin * input->bytes, engine->input + begin * input->bytes,
               (end - begin) * input->bytes);
    else if (!engine_skips_input(engine))
        samples_input_fill(engine, begin, end);
    for (int i = 0; i < engine->step_count; i++) {
        const struct step *step = &engine->steps[i];
        if (step->run) step->run(engine, step, begin * step->images, end * step->images, scratch);
    }
    memcpy(engine->output + begin * output->bytes, output->data + begin * output->bytes,
           (end - begin) * output->bytes);
}

static void run_part(void *context, int part, int parts) {
    const struct engine *engine = context;
    unsigned char *scratch = engine->scratch + (size_t)part * engine->scratch_bytes;
    size_t begin, end;
    pool_share(engine->count, 1, part, parts, &begin, &end);
    for (size_t at = begin; at < end; at += engine->chunk)
        run_chunk(engine, at, end - at < engine->chunk ? end : at + engine->chunk, scratch);
}

static void run(struct engine *engine, struct pool *pool) {
    int parts = pool_threads(pool);
    pool_run(pool, parts < engine->parts ? parts : engine->parts, run_part, engine);
}

size_t engine_output_count(const struct engine *engine) {
    return engine->slots[engine->frozen->output].count;
}

/* All in batches; engine->input or engine->samples says from where. */
static void run_all(struct engine *engine, struct pool *pool, size_t count, void *output) {
    const struct slot *in = &engine->slots[engine->frozen->input];
    const struct slot *out = &engine->slots[engine->frozen->output];
    for (size_t at = 0; at < count; at += engine->count) {
        size_t left = count - at;
        engine->first = at;
        engine->output = (unsigned char *)output + at * out->bytes;
        engine->count = left < (size_t)engine->batch ? left : (size_t)engine->batch;
        run(engine, pool);
        if (engine->input) engine->input += engine->count * in->bytes;
    }
}

void engine_run(struct engine *engine, struct pool *pool, size_t count, const void *input,
                void *output) {
    engine->samples.bytes = NULL;
    engine->input = input;
    run_all(engine, pool, count, output);
}

enum status engine_run_samples(struct engine *engine, struct pool *pool,
                               const struct samples *samples, void *output, struct error *error) {
    enum status status = samples_input_set(engine, samples, error);
    if (status) return status;
    engine->input = NULL;
    run_all(engine, pool, samples->count, output);
    return STATUS_OK;
}

const void *engine_tensor(const struct engine *engine, int tensor) {
    const struct frozen *frozen = engine->frozen;
    if (tensor < 0 || tensor >= frozen->tensor_count) return NULL;
    if (tensor == frozen->input && engine_skips_input(engine)) return NULL;
    return engine->slots[tensor].data;
}
