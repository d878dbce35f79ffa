#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "quant/freeze.h"
#include "train/internal.h"

/* Outputs in the program's own type become numbers. */
static void to_float(const struct frozen_tensor *tensor, size_t count, const void *raw, float *x) {
    if (tensor->type == TYPE_FLOAT32) {
        memcpy(x, raw, count * sizeof *x);
        return;
    }
    float scale = tensor->scale_count ? tensor->scale[0] : 1.0f;
    int zero = tensor->scale_count ? tensor->zero_point[0] : 0;
    for (size_t i = 0; i < count; i++) {
        int q = tensor->type == TYPE_INT8 ? ((const int8_t *)raw)[i] : ((const uint8_t *)raw)[i];
        x[i] = scale * (float)(q - zero);
    }
}

static enum status check_output(const struct frozen *frozen, const struct engine *engine,
                                const char *where, struct error *error) {
    const struct frozen_tensor *output = &frozen->tensors[frozen->output];
    if (engine_output_count(engine) != DIGIT_CLASSES)
        return error_set(error, STATUS_UNSUPPORTED, where, "%zu outputs; digits need %d",
                         engine_output_count(engine), DIGIT_CLASSES);
    if (output->type != TYPE_FLOAT32 && output->type != TYPE_INT8 && output->type != TYPE_UINT8)
        return error_set(error, STATUS_UNSUPPORTED, where, "outputs of type %s",
                         frozen_type_name(output->type));
    return STATUS_OK;
}

enum status evaluate_frozen(const struct frozen *frozen, enum runtime runtime,
                            const struct digits *digits, struct pool *pool, const char *where,
                            struct predictions *predictions, struct error *error) {
    memset(predictions, 0, sizeof *predictions);
    if (digits->count == 0)
        return error_set(error, STATUS_USAGE, where, "there are no digits to evaluate on");
    const struct frozen_tensor *output = &frozen->tensors[frozen->output];
    struct engine *engine = NULL;
    void *raw = NULL;
    enum { BATCH = 64 }; /* values of a batch stay within a core's cache */
    enum status status = engine_create(&engine, frozen, runtime, BATCH, where, error);
    if (status) return status;
    status = check_output(frozen, engine, where, error);
    if (status) goto done;
    status = predictions_create(predictions, digits->count, error);
    if (status) goto done;
    raw = array_new(digits->count * DIGIT_CLASSES, frozen_type_size(output->type));
    if (!raw) {
        status = error_memory(error, where, digits->count * DIGIT_CLASSES);
        goto done;
    }
    status = engine_run_digits(engine, pool, digits->count, digits->images, raw, error);
    if (status) goto done;
    to_float(output, digits->count * DIGIT_CLASSES, raw, predictions->probabilities);
    predictions_judge(predictions, digits->labels);
done:
    if (status) predictions_free(predictions);
    array_free(raw);
    engine_destroy(engine);
    return status;
}

static void count_confusion(struct evaluation *evaluation, const unsigned char *truth) {
    for (int path = 0; path < PATHS; path++)
        for (size_t i = 0; i < evaluation->count; i++)
            evaluation->confusion[path][truth[i]][evaluation->paths[path].labels[i]]++;
}

static enum status evaluate_paths(struct evaluation *evaluation, const struct digits *digits,
                                  struct pool *pool, struct error *error) {
    struct snapshot *snapshot = evaluation->snapshot;
    struct frozen *frozen = NULL;
    struct error unmatched;
    enum status status = evaluate_float(snapshot->model, snapshot->weights, digits, pool,
                                        &evaluation->paths[PATH_FP32], error);
    if (status) return status;
    struct predictions *fake_quant = &evaluation->paths[PATH_FAKE_QUANT];
    if (!fake_quant->count) status = evaluate_fake_quant(snapshot, digits, pool, fake_quant, error);
    if (status) return status;
    status = freeze(snapshot, IO_FLOAT, &frozen, error);
    if (status) return status;
    status = evaluate_frozen(frozen, evaluation->runtime, digits, pool, snapshot->model->name,
                             &evaluation->paths[PATH_INT8], error);
    /* That the layers cannot be told apart takes nothing from the accuracies. */
    if (!status)
        (void)comparison_create(&evaluation->layers, snapshot->model, snapshot->weights, frozen,
                                evaluation->runtime, digits, EVALUATION_COMPARED, pool,
                                snapshot->model->name, &unmatched);
    frozen_free(frozen);
    return status;
}

enum status evaluation_create(struct evaluation **evaluation, struct snapshot *snapshot,
                              const struct digits *digits, size_t count,
                              struct predictions *validated, enum runtime runtime,
                              struct pool *pool, struct error *error) {
    *evaluation = NULL;
    double began = clock_seconds();
    struct evaluation *made = calloc(1, sizeof *made);
    if (!made) return error_memory(error, snapshot->model->name, sizeof *made);
    struct digits some = *digits;
    if (count < some.count) some.count = count;
    atomic_init(&made->references, 1);
    made->step = snapshot->step;
    made->is_whole = some.count == digits->count;
    made->count = some.count;
    made->runtime = runtime;
    made->snapshot = snapshot_retain(snapshot);
    if (validated && validated->count) {
        qt_assert(validated->count == some.count);
        made->paths[PATH_FAKE_QUANT] = *validated;
        *validated = (struct predictions){0};
    }
    enum status status = evaluate_paths(made, &some, pool, error);
    if (status) {
        evaluation_release(made);
        return status;
    }
    count_confusion(made, some.labels);
    made->seconds = clock_seconds() - began;
    *evaluation = made;
    return STATUS_OK;
}
