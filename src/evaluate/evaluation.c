#include "evaluate/evaluation.h"

#include <stdlib.h>

#include "base/clock.h"
#include "quant/freeze.h"

static enum status count_confusion(struct evaluation *evaluation, const uint16_t *truth,
                                   struct error *error) {
    size_t classes = (size_t)evaluation->results[PRECISION_FP32].classes;
    evaluation->classes = (int)classes;
    for (int precision = 0; precision < PRECISIONS; precision++) {
        uint32_t *confusion = calloc(classes * classes, sizeof *confusion);
        if (!confusion) return error_memory(error, "", classes * classes * sizeof *confusion);
        for (size_t i = 0; i < evaluation->count; i++)
            confusion[truth[i] * classes + evaluation->results[precision].labels[i]]++;
        evaluation->confusion[precision] = confusion;
    }
    return STATUS_OK;
}

uint32_t evaluation_confused(const struct evaluation *evaluation, enum precision precision,
                             int truth, int predicted) {
    return evaluation->confusion[precision][truth * evaluation->classes + predicted];
}

static enum status evaluate_all(struct evaluation *evaluation, const struct samples *samples,
                                struct pool *pool, struct error *error) {
    struct snapshot *snapshot = evaluation->snapshot;
    struct frozen *frozen = NULL;
    struct error unmatched;
    enum status status = evaluate_float(snapshot->model, snapshot->weights, samples, pool,
                                        &evaluation->results[PRECISION_FP32], error);
    if (status) return status;
    struct predictions *fake_quant = &evaluation->results[PRECISION_QAT];
    if (!fake_quant->count)
        status = evaluate_fake_quant(snapshot, samples, pool, fake_quant, error);
    if (status) return status;
    status = freeze(snapshot, IO_FLOAT, &frozen, error);
    if (status) return status;
    status = evaluate_frozen(frozen, evaluation->runtime, samples, pool, snapshot->model->name,
                             &evaluation->results[PRECISION_INT8], error);
    /* If the layers cannot be matched, the accuracies are still valid. */
    if (!status)
        (void)comparison_create(&evaluation->layers, snapshot->model, snapshot->weights, frozen,
                                evaluation->runtime, samples, EVALUATION_COMPARED, pool,
                                snapshot->model->name, &unmatched);
    frozen_free(frozen);
    return status;
}

enum status evaluation_create(struct evaluation **evaluation, struct snapshot *snapshot,
                              const struct samples *samples, size_t count,
                              struct predictions *validated, enum runtime runtime,
                              struct pool *pool, struct error *error) {
    *evaluation = NULL;
    double began = clock_seconds();
    struct evaluation *made = calloc(1, sizeof *made);
    if (!made) return error_memory(error, snapshot->model->name, sizeof *made);
    struct samples some = *samples;
    if (count < some.count) some.count = count;
    atomic_init(&made->references, 1);
    made->step = snapshot->step;
    made->is_whole = some.count == samples->count;
    made->count = some.count;
    made->runtime = runtime;
    made->snapshot = snapshot_retain(snapshot);
    if (validated && validated->count) {
        qt_assert(validated->count == some.count);
        made->results[PRECISION_QAT] = *validated;
        *validated = (struct predictions){0};
    }
    enum status status = evaluate_all(made, &some, pool, error);
    if (!status) status = count_confusion(made, some.labels, error);
    if (status) {
        evaluation_release(made);
        return status;
    }
    made->seconds = clock_seconds() - began;
    *evaluation = made;
    return STATUS_OK;
}

struct evaluation *evaluation_retain(struct evaluation *evaluation) {
    /* Relaxed: passing the pointer on has already ordered its contents. */
    atomic_fetch_add_explicit(&evaluation->references, 1, memory_order_relaxed);
    return evaluation;
}

void evaluation_release(struct evaluation *evaluation) {
    if (!evaluation) return;
    /* As snapshot_release. */
    if (atomic_fetch_sub_explicit(&evaluation->references, 1, memory_order_acq_rel) != 1) return;
    for (int precision = 0; precision < PRECISIONS; precision++) {
        predictions_free(&evaluation->results[precision]);
        free(evaluation->confusion[precision]);
    }
    comparison_free(evaluation->layers);
    snapshot_release(evaluation->snapshot);
    free(evaluation);
}
