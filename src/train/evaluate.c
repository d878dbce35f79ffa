#include "train/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "train/internal.h"

const char *path_name(enum path path) {
    static const char *const names[PATHS] = {"FP32", "QAT", "INT8"};
    return names[path];
}

void predictions_free(struct predictions *predictions) {
    array_free(predictions->probabilities);
    array_free(predictions->labels);
    memset(predictions, 0, sizeof *predictions);
}

enum status predictions_create(struct predictions *predictions, size_t count, struct error *error) {
    memset(predictions, 0, sizeof *predictions);
    size_t values;
    bool fits = size_multiply(count, DIGIT_CLASSES, &values);
    predictions->probabilities = fits ? array_new(values, sizeof(float)) : NULL;
    predictions->labels = array_new(count, 1);
    predictions->count = count;
    predictions->loss = (double)NAN;
    if (predictions->probabilities && predictions->labels) return STATUS_OK;
    predictions_free(predictions);
    return error_memory(error, "", (unsigned long long)count * DIGIT_CLASSES * sizeof(float));
}

void predictions_judge(struct predictions *predictions, const unsigned char *truth) {
    predictions->correct = 0;
    for (size_t i = 0; i < predictions->count; i++) {
        const float *row = predictions->probabilities + i * DIGIT_CLASSES;
        int best = 0;
        for (int c = 1; c < DIGIT_CLASSES; c++)
            if (row[c] > row[best]) best = c;
        predictions->labels[i] = (uint8_t)best;
        predictions->correct += best == truth[i];
    }
    predictions->accuracy = (double)predictions->correct / (double)predictions->count;
}

/* So many digits that the largest layer's values stay within a core's cache. */
static int batch_for(const struct model *model, size_t count) {
    size_t largest = 1;
    for (int i = 0; i < model->layer_count; i++) {
        size_t size = shape_count(&model->layers[i].output);
        largest = size > largest ? size : largest;
    }
    size_t batch = ((size_t)1 << 18) / largest;
    batch = batch < 16 ? 16 : batch > 256 ? 256 : batch;
    return (int)(batch < count ? batch : count);
}

static enum status evaluate(const struct model *model, const struct quant_plan *plan,
                            const float *weights, struct range *ranges, const struct digits *digits,
                            struct pool *pool, struct predictions *predictions,
                            struct error *error) {
    memset(predictions, 0, sizeof *predictions);
    if (digits->count == 0)
        return error_set(error, STATUS_USAGE, model->name, "there are no digits to evaluate on");
    struct network *network = NULL;
    int batch = batch_for(model, digits->count);
    struct network_options options = {model, plan, batch, pool_threads(pool), false};
    enum status status = network_create(&network, &options, error);
    if (status) return status;
    if (network_classes(network) != DIGIT_CLASSES) {
        status = error_set(error, STATUS_UNSUPPORTED, model->name, "%d outputs; digits need %d",
                           network_classes(network), DIGIT_CLASSES);
        goto done;
    }
    status = predictions_create(predictions, digits->count, error);
    if (status) goto done;

    struct pass pass = {.pool = pool, .weights = weights, .ranges = ranges};
    network_quantize_kernels(network, &pass);
    double loss = 0;
    for (size_t begin = 0; begin < digits->count; begin += (size_t)batch) {
        size_t left = digits->count - begin;
        pass.count = left < (size_t)batch ? (int)left : batch;
        pass.pixels = digits->images + begin * DIGIT_PIXELS;
        network_forward(network, &pass);
        int by_logits; /* Keras counts by probabilities: two logits may give the same one */
        network_loss(network, &pass, digits->labels + begin, &by_logits);
        for (int i = 0; i < pass.count; i++) loss += (double)network_losses(network)[i];
        memcpy(predictions->probabilities + begin * DIGIT_CLASSES, network_probabilities(network),
               (size_t)pass.count * DIGIT_CLASSES * sizeof(float));
    }
    predictions_judge(predictions, digits->labels);
    predictions->loss = loss / (double)digits->count;
done:
    network_destroy(network);
    return status;
}

enum status evaluate_float(const struct model *model, const float *weights,
                           const struct digits *digits, struct pool *pool,
                           struct predictions *predictions, struct error *error) {
    return evaluate(model, NULL, weights, NULL, digits, pool, predictions, error);
}

enum status evaluate_fake_quant(const struct snapshot *snapshot, const struct digits *digits,
                                struct pool *pool, struct predictions *predictions,
                                struct error *error) {
    /* rate 0: the ranges are only read */
    return evaluate(snapshot->model, snapshot->plan, snapshot->weights, snapshot->ranges, digits,
                    pool, predictions, error);
}

/* ---- evaluation ---- */

struct evaluation *evaluation_retain(struct evaluation *evaluation) {
    /* Relaxed: whoever hands the pointer over has already ordered its contents. */
    atomic_fetch_add_explicit(&evaluation->references, 1, memory_order_relaxed);
    return evaluation;
}

void evaluation_release(struct evaluation *evaluation) {
    if (!evaluation) return;
    /* As snapshot_release. */
    if (atomic_fetch_sub_explicit(&evaluation->references, 1, memory_order_acq_rel) != 1) return;
    for (int path = 0; path < PATHS; path++) predictions_free(&evaluation->paths[path]);
    comparison_free(evaluation->layers);
    snapshot_release(evaluation->snapshot);
    free(evaluation);
}
