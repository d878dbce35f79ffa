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
        status = error_set(error, STATUS_UNSUPPORTED, model->name, "has %d outputs; digits need %d",
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

static enum status check_output(const struct frozen_tensor *output, const char *where,
                                struct error *error) {
    size_t count = output->rank ? frozen_tensor_count(output) / (size_t)output->shape[0] : 1;
    if (count != DIGIT_CLASSES)
        return error_set(error, STATUS_UNSUPPORTED, where, "has %zu outputs; digits need %d", count,
                         DIGIT_CLASSES);
    if (output->type != TYPE_FLOAT32 && output->type != TYPE_INT8 && output->type != TYPE_UINT8)
        return error_set(error, STATUS_UNSUPPORTED, where, "has outputs of type %s",
                         frozen_type_name(output->type));
    return STATUS_OK;
}

enum status evaluate_outputs(const struct frozen *frozen, const struct outputs *outputs,
                             const struct digits *digits, const char *where,
                             struct predictions *predictions, struct error *error) {
    const struct frozen_tensor *output = &frozen->tensors[frozen->output];
    enum status status = check_output(output, where, error);
    if (!status) status = predictions_create(predictions, digits->count, error);
    if (status) return status;
    to_float(outputs, output, predictions->probabilities);
    predictions_judge(predictions, digits->labels);
    return STATUS_OK;
}

enum status evaluate_frozen(const struct frozen *frozen, enum runtime runtime,
                            const struct digits *digits, struct pool *pool, const char *where,
                            struct predictions *predictions, struct error *error) {
    memset(predictions, 0, sizeof *predictions);
    if (digits->count == 0)
        return error_set(error, STATUS_USAGE, where, "there are no digits to evaluate on");
    struct outputs outputs;
    enum status status = check_output(&frozen->tensors[frozen->output], where, error);
    if (!status)
        status = outputs_compute(&outputs, frozen, runtime, pool, digits->count, digits->images,
                                 where, error);
    if (status) return status;
    status = evaluate_outputs(frozen, &outputs, digits, where, predictions, error);
    outputs_free(&outputs);
    return status;
}
