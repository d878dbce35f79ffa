#include "evaluate/ptq.h"

#include <string.h>

#include "base/array.h"
#include "quant/freeze.h"
#include "quant/layer_rules.h"
#include "quant/observer.h"
#include "network/network.h"

#define BATCH 50

/* Digits in the order of a folder of PNG files: by label. */
static bool is_sorted(const struct samples *samples) {
    for (size_t i = 1; i < samples->count; i++)
        if (samples->labels[i] < samples->labels[i - 1]) return false;
    return true;
}

static void observe(struct network *network, const struct quant_plan *plan, struct pool *pool,
                    struct range *ranges) {
    for (int i = 0; i < plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &plan->tensors[i];
        size_t count;
        const float *values = network_values(network, tensor->layer, &count);
        struct range seen;
        min_max(pool, count, values, &seen.min, &seen.max);
        observer_widest(&ranges[tensor->offset], seen);
    }
}

/* How many operators read the output of a layer. */
static int count_readers(const struct model *model, int index) {
    int count = 0;
    for (int i = index + 1; i < model->layer_count; i++)
        for (int j = 0; j < model->layers[i].input_count; j++)
            if (model->layers[i].inputs[j] == index)
                count += layer_becomes_nothing(&model->layers[i]) ? count_readers(model, i) : 1;
    return count;
}

/* The layer whose tensor the ADD of layer `index` overwrites with its sums: the first input that
 * has no other reader, except the model's input; -1 if there is none. */
static int overwritten_by(const struct model *model, int index) {
    const struct layer *add = &model->layers[index];
    for (int i = 0; i < add->input_count; i++) {
        int source = add->inputs[i];
        while (layer_becomes_nothing(&model->layers[source]))
            source = model->layers[source].inputs[0];
        if (source > 0 && count_readers(model, source) == 1) return source;
    }
    return -1;
}

/* When the converter calibrates, TFLite's ADD overwrites one of its inputs with the sums if it can
 * (not if they are the model's output), and inputs are recorded after the operator has run: the
 * input's range then includes that of the sums. */
static void observe_overwritten(const struct quant_plan *plan, const struct model *model,
                                struct range *ranges) {
    const int *tensors = plan->activation_tensor;
    for (int i = 0; i < model->layer_count; i++) {
        if (model->layers[i].kind != LAYER_ADD) continue;
        int end = tensors[i] < 0 ? quant_only_reader(model, i) : i; /* a ReLU that joins it */
        int source = overwritten_by(model, i);
        if (source < 0 || tensors[source] < 0 || end == model->layer_count - 1) continue;
        observer_widest(&ranges[plan->tensors[tensors[source]].offset],
                        ranges[plan->tensors[tensors[end]].offset]);
    }
}

/* ranges[plan->range_count]; the plan only has activations. */
static enum status calibrate(const struct model *model, const struct quant_plan *plan,
                             const struct samples *samples, size_t count, struct pool *pool,
                             struct range *ranges, struct error *error) {
    struct network *network = NULL;
    size_t bytes = samples_bytes(samples);
    struct samples chosen = *samples;
    chosen.bytes = array_new(BATCH, bytes);
    if (!chosen.bytes) return error_memory(error, model->name, BATCH * bytes);
    struct network_options options = {
        .model = model, .batch = BATCH, .threads = pool_threads(pool)};
    enum status status = network_create(&network, &options, error);
    if (!status)
        status = samples_check_input(samples, &model->layers[0].output, model->name, error);
    if (status) goto done;
    size_t total = count < samples->count ? count : samples->count;
    bool spread = is_sorted(samples);
    for (size_t i = 0; i < total; i += BATCH) {
        chosen.count = total - i < BATCH ? total - i : BATCH;
        for (size_t j = 0; j < chosen.count; j++) {
            size_t index = i + j;
            if (spread) index = (size_t)((uint64_t)index * samples->count / total);
            memcpy(chosen.bytes + j * bytes, samples_at(samples, index), bytes);
        }
        struct pass pass = {.pool = pool,
                            .count = (int)chosen.count,
                            .samples = &chosen,
                            .weights = model->weights};
        network_forward(network, &pass);
        observe(network, plan, pool, ranges);
    }
done:
    network_destroy(network);
    array_free(chosen.bytes);
    return status;
}

enum status ptq_create(struct ptq *ptq, const struct model *model, const struct samples *samples,
                       size_t count, struct pool *pool, struct error *error) {
    *ptq = (struct ptq){0};
    if (!count || !samples->count)
        return error_set(error, STATUS_USAGE, model->name,
                         "there are no samples to calibrate with");
    struct range *ranges = NULL;
    enum status status = quant_plan_create(&ptq->plan, model, &scheme_ptq, error);
    if (status) return status;
    ranges = array_new((size_t)ptq->plan->range_count, sizeof *ranges);
    if (!ranges) {
        status = error_memory(error, model->name, (size_t)ptq->plan->range_count * sizeof *ranges);
        goto done;
    }
    status = calibrate(model, ptq->plan, samples, count, pool, ranges, error);
    if (status) goto done;
    observe_overwritten(ptq->plan, model, ranges);
    ptq->snapshot = snapshot_create(model, ptq->plan, 0, model->weights, ranges);
    if (!ptq->snapshot)
        status = error_memory(error, model->name, model->weight_count * sizeof(float));
done:
    array_free(ranges);
    if (status) ptq_free(ptq);
    return status;
}

void ptq_free(struct ptq *ptq) {
    snapshot_release(ptq->snapshot);
    quant_plan_free(ptq->plan);
    *ptq = (struct ptq){0};
}

enum status ptq_evaluate(const struct model *model, const struct samples *train,
                         const struct samples *test, enum runtime runtime, struct pool *pool,
                         struct predictions *predictions, struct error *error) {
    struct ptq ptq;
    struct frozen *frozen = NULL;
    enum status status = ptq_create(&ptq, model, train, PTQ_SAMPLES, pool, error);
    if (status) return status;
    status = freeze(ptq.snapshot, IO_FLOAT, &frozen, error);
    if (!status)
        status = evaluate_frozen(frozen, runtime, test, pool, model->name, predictions, error);
    frozen_free(frozen);
    ptq_free(&ptq);
    return status;
}
