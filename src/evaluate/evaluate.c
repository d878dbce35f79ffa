#include "evaluate/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "network/network.h"

const char *precision_name(enum precision precision) {
    static const char *const names[PRECISIONS] = {"FP32", "QAT", "INT8"};
    return names[precision];
}

/* So many samples that the largest layer's values stay within a core's cache. */
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

static enum status check_samples(const struct samples *samples, const struct shape *input,
                                 size_t classes, const char *where, struct error *error) {
    if (samples->count == 0)
        return error_set(error, STATUS_USAGE, where, "there are no samples to evaluate on");
    if (classes < 2 || classes > MAX_CLASSES)
        return error_set(error, STATUS_UNSUPPORTED, where,
                         "%zu outputs; a classifier has 2 to %d classes", classes, MAX_CLASSES);
    if ((size_t)samples->classes > classes)
        return error_set(error, STATUS_UNSUPPORTED, where,
                         "tells %zu classes apart; the data have %d", classes, samples->classes);
    return samples_check_input(samples, input, where, error);
}

static enum status evaluate(const struct model *model, const struct quant_plan *plan,
                            const float *weights, struct range *ranges,
                            const struct samples *samples, struct pool *pool,
                            struct predictions *predictions, struct error *error) {
    memset(predictions, 0, sizeof *predictions);
    struct network *network = NULL;
    int batch = batch_for(model, samples->count);
    struct network_options options = {model, plan, batch, pool_threads(pool), false};
    enum status status = network_create(&network, &options, error);
    if (status) return status;
    size_t classes = (size_t)network_classes(network);
    status = check_samples(samples, &model->layers[0].output, classes, model->name, error);
    if (!status) status = predictions_create(predictions, samples->count, (int)classes, error);
    if (status) goto done;

    struct pass pass = {.pool = pool, .weights = weights, .ranges = ranges};
    network_quantize_kernels(network, &pass);
    double loss = 0;
    for (size_t begin = 0; begin < samples->count; begin += (size_t)batch) {
        size_t left = samples->count - begin;
        struct samples part =
            samples_part(samples, begin, left < (size_t)batch ? left : (size_t)batch);
        pass.count = (int)part.count;
        pass.samples = &part;
        network_forward(network, &pass);
        int by_logits; /* Keras counts by probabilities: two logits may give the same one */
        network_loss(network, &pass, part.labels, &by_logits);
        for (int i = 0; i < pass.count; i++) loss += (double)network_losses(network)[i];
        memcpy(predictions->probabilities + begin * classes, network_probabilities(network),
               part.count * classes * sizeof(float));
    }
    predictions_judge(predictions, samples->labels);
    predictions->loss = loss / (double)samples->count;
done:
    network_destroy(network);
    return status;
}

enum status evaluate_float(const struct model *model, const float *weights,
                           const struct samples *samples, struct pool *pool,
                           struct predictions *predictions, struct error *error) {
    return evaluate(model, NULL, weights, NULL, samples, pool, predictions, error);
}

enum status evaluate_fake_quant(const struct snapshot *snapshot, const struct samples *samples,
                                struct pool *pool, struct predictions *predictions,
                                struct error *error) {
    /* rate 0: the ranges are only read */
    return evaluate(snapshot->model, snapshot->plan, snapshot->weights, snapshot->ranges, samples,
                    pool, predictions, error);
}

/* Outputs in the program's own type become numbers. */
static void to_float(const struct outputs *outputs, const struct frozen_tensor *tensor, float *x) {
    size_t count = outputs->rows * outputs->columns;
    const unsigned char *raw = outputs->bytes;
    if (outputs->type == TYPE_FLOAT32) {
        memcpy(x, raw, count * sizeof *x);
        return;
    }
    float scale = tensor->scale_count ? tensor->scale[0] : 1.0f;
    int zero = tensor->scale_count ? tensor->zero_point[0] : 0;
    for (size_t i = 0; i < count; i++) {
        int q = outputs->type == TYPE_INT8 ? ((const int8_t *)raw)[i] : raw[i];
        x[i] = scale * (float)(q - zero);
    }
}

static enum status check_program(const struct frozen *frozen, const struct samples *samples,
                                 const char *where, struct error *error) {
    const struct frozen_tensor *output = &frozen->tensors[frozen->output];
    struct shape input = frozen_input_shape(frozen);
    if (output->type != TYPE_FLOAT32 && output->type != TYPE_INT8 && output->type != TYPE_UINT8)
        return error_set(error, STATUS_UNSUPPORTED, where, "has outputs of type %s",
                         frozen_type_name(output->type));
    return check_samples(samples, &input, frozen_output_count(frozen), where, error);
}

enum status evaluate_outputs(const struct frozen *frozen, const struct outputs *outputs,
                             const struct samples *samples, const char *where,
                             struct predictions *predictions, struct error *error) {
    const struct frozen_tensor *output = &frozen->tensors[frozen->output];
    enum status status = check_program(frozen, samples, where, error);
    if (!status)
        status = predictions_create(predictions, samples->count, (int)outputs->columns, error);
    if (status) return status;
    to_float(outputs, output, predictions->probabilities);
    predictions_judge(predictions, samples->labels);
    return STATUS_OK;
}

enum status evaluate_frozen(const struct frozen *frozen, enum runtime runtime,
                            const struct samples *samples, struct pool *pool, const char *where,
                            struct predictions *predictions, struct error *error) {
    memset(predictions, 0, sizeof *predictions);
    struct outputs outputs;
    enum status status = check_program(frozen, samples, where, error);
    if (!status) status = outputs_compute(&outputs, frozen, runtime, pool, samples, where, error);
    if (status) return status;
    status = evaluate_outputs(frozen, &outputs, samples, where, predictions, error);
    outputs_free(&outputs);
    return status;
}
