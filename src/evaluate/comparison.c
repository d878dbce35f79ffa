#include "evaluate/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "network/network.h"
#include "evaluate/layer_map.h"

#define BATCH 64 /* values of a batch stay within a core's cache */

struct tally {
    double signal, noise, worst;
    uint64_t clipped, count;
};

struct comparer {
    const struct model *model;
    const struct frozen *frozen;
    struct samples samples;
    struct pool *pool;
    const char *where;
    struct error *error;
    struct layer_map map;
    struct comparison *comparison;
    struct tally *tallies; /* [row_count] */
    float *weights;        /* a copy of the model's block */
    float *logits;         /* [count][classes] of the float network */
    double loss;           /* sums over the samples, of the float network */
    int correct;
};

/* ---- rows ---- */

static enum frozen_op code_of(const struct comparer *comparer, const struct compared *row) {
    return row->operator_ < 0 ? OP_QUANTIZE : comparer->frozen->operators[row->operator_].code;
}

static bool is_int8(const struct frozen_tensor *tensor) {
    return tensor->type == TYPE_INT8 && tensor->scale_count == 1;
}

static struct compared *row_of_tensor(struct comparison *comparison, int tensor) {
    for (int i = 0; i < comparison->row_count; i++)
        if (comparison->rows[i].tensor == tensor) return &comparison->rows[i];
    return NULL;
}

static bool changes_values(const struct layer *layer) {
    return layer->kind == LAYER_BATCH_NORMALIZATION || layer->kind == LAYER_RELU ||
           (layer->kind == LAYER_ACTIVATION && layer->activation != ACTIVATION_LINEAR &&
            layer->activation != ACTIVATION_SOFTMAX);
}

static void add_row(struct comparison *comparison, int layer, int op, int tensor) {
    const double none = (double)NAN;
    comparison->rows[comparison->row_count++] = (struct compared){
        .layer = layer,
        .last = layer,
        .operator_ = op,
        .tensor = tensor,
        .sqnr = none,
        .saturation = none,
        .worst = none,
        .weights_sqnr = none,
        .alone_sqnr = none,
        .alone_loss = none,
    };
}

static void add_rows(struct comparer *comparer) {
    const struct model *model = comparer->model;
    struct comparison *comparison = comparer->comparison;
    const struct layer_map *map = &comparer->map;
    for (int i = 0; i < model->layer_count; i++) {
        int op = map->operator_[i];
        struct compared *row = row_of_tensor(comparison, map->tensor[i]);
        if (row) {
            if (changes_values(&model->layers[i])) row->last = i;
        } else if (i == 0 || (op >= 0 && comparer->frozen->operators[op].code != OP_RESHAPE)) {
            add_row(comparison, i, op, map->tensor[i]);
        }
    }
    if (map->softmax < 0) return;
    int output = comparer->frozen->operators[map->softmax].outputs[0];
    add_row(comparison, model->layer_count - 1, map->softmax, output);
    comparison->rows[comparison->row_count - 1].is_probabilities = true;
}

/* ---- comparing values ---- */

static void tally_values(struct tally *tally, const struct frozen_tensor *tensor, size_t count,
                         const float *x, const void *raw) {
    const int8_t *codes = raw;
    const float *floats = raw;
    bool is_float = tensor->type == TYPE_FLOAT32;
    double scale = is_float ? 0 : (double)tensor->scale[0];
    int zero = is_float ? 0 : tensor->zero_point[0];
    double low = scale * (-128 - zero - 0.5), high = scale * (127 - zero + 0.5);
    for (size_t i = 0; i < count; i++) {
        double value = (double)x[i];
        double real = is_float ? (double)floats[i] : scale * (codes[i] - zero);
        double error = fabs(value - real);
        tally->signal += value * value;
        tally->noise += error * error;
        if (!(error <= tally->worst)) tally->worst = error;
        if (is_float) continue;
        tally->clipped += (codes[i] == -128 && value < low) || (codes[i] == 127 && value > high);
    }
    tally->count += count;
}

static double decibels(double signal, double noise) {
    return noise == 0 ? (double)INFINITY : 10 * log10(signal / noise);
}

static void finish_row(struct compared *row, const struct tally *tally) {
    if (!tally->count) return;
    row->sqnr = decibels(tally->signal, tally->noise);
    /* A softmax always has the scale 1/256: its last code is not a clipped value. */
    if (!row->is_probabilities) row->saturation = (double)tally->clipped / (double)tally->count;
    row->worst = tally->worst;
}

static void tally_batch(struct comparer *comparer, const struct network *network,
                        const struct engine *engine, int n) {
    for (int i = 0; i < comparer->comparison->row_count; i++) {
        const struct compared *row = &comparer->comparison->rows[i];
        const struct frozen_tensor *tensor = &comparer->frozen->tensors[row->tensor];
        const void *raw = engine_tensor(engine, row->tensor);
        size_t count = (size_t)n * (size_t)network_classes(network);
        const float *x = row->is_probabilities ? network_probabilities(network)
                                               : network_values(network, row->last, &count);
        if (raw && (tensor->type == TYPE_FLOAT32 || is_int8(tensor)))
            tally_values(&comparer->tallies[i], tensor, count, x, raw);
    }
}

/* Run both on all images; keep the float network's values. */
static enum status compare_values(struct comparer *comparer, enum runtime runtime) {
    struct network *network = NULL;
    struct engine *engine = NULL;
    void *output = NULL;
    struct network_options options = {comparer->model, NULL, BATCH, pool_threads(comparer->pool),
                                      false};
    enum status status = network_create(&network, &options, comparer->error);
    if (!status)
        status = engine_create_inspectable(&engine, comparer->frozen, runtime, BATCH,
                                           comparer->where, comparer->error);
    if (status) goto done;
    size_t classes = (size_t)network_classes(network);
    output = array_new(engine_output_count(engine) * BATCH, sizeof(float));
    comparer->logits = array_new(comparer->samples.count, classes * sizeof(float));
    if (!output || !comparer->logits) {
        status = error_memory(comparer->error, comparer->where, comparer->samples.count * classes);
        goto done;
    }
    struct pass pass = {.pool = comparer->pool, .weights = comparer->weights};
    for (size_t begin = 0; begin < comparer->samples.count; begin += BATCH) {
        size_t left = comparer->samples.count - begin;
        struct samples part = samples_part(&comparer->samples, begin, left < BATCH ? left : BATCH);
        pass.count = (int)part.count;
        pass.samples = &part;
        const float *logits = network_forward(network, &pass);
        memcpy(comparer->logits + begin * classes, logits,
               (size_t)pass.count * classes * sizeof(float));
        int correct;
        network_loss(network, &pass, part.labels, &correct);
        comparer->correct += correct;
        for (int i = 0; i < pass.count; i++) comparer->loss += (double)network_losses(network)[i];
        status = engine_run_samples(engine, comparer->pool, &part, output, comparer->error);
        if (status) goto done;
        tally_batch(comparer, network, engine, pass.count);
    }
done:
    array_free(output);
    engine_destroy(engine);
    network_destroy(network);
    return status;
}

/* ---- quantizing a single layer ---- */

/* The tensor that the layer's values, before an activation with its own operator, are rounded to.
 */
static const struct frozen_tensor *rounded_by(const struct comparer *comparer,
                                              const struct compared *row) {
    return &comparer->frozen->tensors[comparer->map.rounded[row->last]];
}

/* Whether the layer rounds anything; others only move values or come after the logits. */
static bool rounds(const struct comparer *comparer, const struct compared *row) {
    enum frozen_op code = code_of(comparer, row);
    return !row->is_probabilities && is_int8(rounded_by(comparer, row)) && code != OP_MAX_POOL_2D &&
           code != OP_REDUCE_MAX && code != OP_PAD;
}

static const struct frozen_tensor *weights_of(const struct comparer *comparer,
                                              const struct compared *row) {
    enum frozen_op code = code_of(comparer, row);
    if (code != OP_CONV_2D && code != OP_DEPTHWISE_CONV_2D && code != OP_FULLY_CONNECTED)
        return NULL;
    const struct frozen_operator *op = &comparer->frozen->operators[row->operator_];
    const struct frozen_tensor *tensor = op->input_count > 1 && op->inputs[1] >= 0
                                             ? &comparer->frozen->tensors[op->inputs[1]]
                                             : NULL;
    return tensor && tensor->data && tensor->type == TYPE_INT8 && tensor->scale_count ? tensor
                                                                                      : NULL;
}

/* The factor of channel c in the BatchNormalization folded into the layer. */
static float factor_of(const struct comparer *comparer, const struct compared *row, size_t c) {
    const struct model *model = comparer->model;
    int index = quant_normalization(model, row->layer);
    if (index < 0 || comparer->map.tensor[index] != row->tensor) return 1;
    const struct normalization *by = &model->layers[index].normalization;
    const float *weights = comparer->weights;
    float variance = weights[model->parameters[by->moving_variance].offset + c];
    float gamma = by->gamma < 0 ? 1 : weights[model->parameters[by->gamma].offset + c];
    return gamma * (1.0f / sqrtf(variance + (float)by->epsilon));
}

/* Replace the layer's weights in comparer->weights by the real values of their codes. */
static enum status quantize_weights(struct comparer *comparer, struct compared *row,
                                    const struct frozen_tensor *tensor) {
    const struct layer *layer = &comparer->model->layers[row->layer];
    const struct parameter *kernel = &comparer->model->parameters[layer->kernel];
    size_t channels = (size_t)layer->units, rows = kernel->count / channels;
    bool is_depthwise = layer->kind == LAYER_DEPTHWISE_CONV2D;
    if (frozen_tensor_count(tensor) != kernel->count ||
        (tensor->scale_count > 1 && tensor->scale_count != layer->units))
        return error_set(comparer->error, STATUS_UNSUPPORTED, comparer->where,
                         "its weights for layer '%s' have a different size; was it made from this "
                         "model?",
                         layer->name);
    const int8_t *codes = tensor->data;
    float *w = comparer->weights + kernel->offset;
    double signal = 0, noise = 0;
    for (size_t c = 0; c < channels; c++) {
        float factor = factor_of(comparer, row, c);
        double scale = (double)tensor->scale[tensor->scale_count > 1 ? c : 0];
        for (size_t i = 0; i < rows; i++) {
            float *weight = &w[i * channels + c];
            double folded = (double)*weight * (double)factor;
            double real = scale * codes[is_depthwise ? i * channels + c : c * rows + i];
            signal += folded * folded;
            noise += (folded - real) * (folded - real);
            if (factor != 0) *weight = (float)(real / (double)factor);
        }
    }
    row->weights_sqnr = decibels(signal, noise);
    return STATUS_OK;
}

/* A plan that only quantizes the output of one layer. */
static enum status plan_one(struct quant_plan *plan, const struct model *model, int layer,
                            struct error *error) {
    size_t layers = (size_t)model->layer_count;
    *plan = (struct quant_plan){.tensor_count = 1, .range_count = 1};
    plan->scheme.weight_bits = 8;
    plan->tensors = calloc(1, sizeof *plan->tensors);
    plan->kernel_tensor = malloc(layers * sizeof *plan->kernel_tensor);
    plan->activation_tensor = malloc(layers * sizeof *plan->activation_tensor);
    if (!plan->tensors || !plan->kernel_tensor || !plan->activation_tensor)
        return error_memory(error, model->name, layers * 2 * sizeof(int));
    for (size_t i = 0; i < layers; i++) plan->kernel_tensor[i] = plan->activation_tensor[i] = -1;
    plan->activation_tensor[layer] = 0;
    plan->tensors[0].kind = layer ? TENSOR_ACTIVATION : TENSOR_INPUT;
    plan->tensors[0].layer = layer;
    plan->tensors[0].channels = 1;
    return STATUS_OK;
}

static void measure(struct comparer *comparer, struct network *network, struct range *range,
                    struct compared *row) {
    struct pass pass = {.pool = comparer->pool, .weights = comparer->weights, .ranges = range};
    size_t classes = (size_t)network_classes(network);
    double signal = 0, noise = 0, loss = 0;
    int right = 0;
    network_quantize_kernels(network, &pass);
    for (size_t begin = 0; begin < comparer->samples.count; begin += BATCH) {
        size_t left = comparer->samples.count - begin;
        struct samples part = samples_part(&comparer->samples, begin, left < BATCH ? left : BATCH);
        pass.count = (int)part.count;
        pass.samples = &part;
        const float *logits = network_forward(network, &pass);
        const float *want = comparer->logits + begin * classes;
        for (size_t i = 0; i < (size_t)pass.count * classes; i++) {
            double error = (double)logits[i] - (double)want[i];
            signal += (double)want[i] * (double)want[i];
            noise += error * error;
        }
        int correct;
        network_loss(network, &pass, part.labels, &correct);
        right += correct;
        for (int i = 0; i < pass.count; i++) loss += (double)network_losses(network)[i];
    }
    row->alone_sqnr = decibels(signal, noise);
    row->alone_loss = (loss - comparer->loss) / (double)comparer->samples.count;
    row->alone_lost = comparer->correct - right;
}

static enum status compare_alone(struct comparer *comparer, struct compared *row) {
    const struct frozen_tensor *tensor = rounded_by(comparer, row);
    const struct frozen_tensor *weights = weights_of(comparer, row);
    const struct parameter *kernel = NULL;
    float scale = tensor->scale[0];
    int zero = tensor->zero_point[0];
    struct range range = {scale * (float)(-128 - zero), scale * (float)(127 - zero)};
    struct quant_plan plan = {0};
    struct network *network = NULL;
    float *kept = NULL;
    enum status status = plan_one(&plan, comparer->model, row->last, comparer->error);
    if (status) goto done;
    if (weights) {
        kernel = &comparer->model->parameters[comparer->model->layers[row->layer].kernel];
        kept = array_new(kernel->count, sizeof *kept);
        if (!kept) {
            status = error_memory(comparer->error, comparer->where, kernel->count * sizeof *kept);
            goto done;
        }
        memcpy(kept, comparer->weights + kernel->offset, kernel->count * sizeof *kept);
        status = quantize_weights(comparer, row, weights);
        if (status) goto done;
    }
    struct network_options options = {comparer->model, &plan, BATCH, pool_threads(comparer->pool),
                                      false};
    status = network_create(&network, &options, comparer->error);
    if (!status) measure(comparer, network, &range, row);
done:
    if (kept) memcpy(comparer->weights + kernel->offset, kept, kernel->count * sizeof *kept);
    array_free(kept);
    network_destroy(network);
    free(plan.tensors);
    free(plan.kernel_tensor);
    free(plan.activation_tensor);
    return status;
}

/* ---- all ---- */

/* Power of the error at the logits relative to that of the signal. */
static double power_of(const struct compared *row) {
    return isnan(row->alone_sqnr) ? 0 : pow(10, -row->alone_sqnr / 10);
}

static void share_out(struct comparison *comparison) {
    double sum = 0, most = 0;
    for (int i = 0; i < comparison->row_count; i++) sum += power_of(&comparison->rows[i]);
    comparison->costliest = -1;
    for (int i = 0; i < comparison->row_count && sum > 0; i++) {
        struct compared *row = &comparison->rows[i];
        row->share = power_of(row) / sum;
        if (!(row->share > most)) continue;
        most = row->share;
        comparison->costliest = i;
    }
}

static enum status compare_all(struct comparer *comparer, enum runtime runtime) {
    struct comparison *comparison = comparer->comparison;
    add_rows(comparer);
    comparer->tallies = calloc((size_t)comparison->row_count, sizeof *comparer->tallies);
    if (!comparer->tallies)
        return error_memory(comparer->error, comparer->where,
                            (size_t)comparison->row_count * sizeof *comparer->tallies);
    enum status status = compare_values(comparer, runtime);
    for (int i = 0; i < comparison->row_count && !status; i++) {
        struct compared *row = &comparison->rows[i];
        finish_row(row, &comparer->tallies[i]);
        if (rounds(comparer, row)) status = compare_alone(comparer, row);
    }
    if (!status) share_out(comparison);
    return status;
}

enum status comparison_create(struct comparison **comparison, const struct model *model,
                              const float *weights, const struct frozen *frozen,
                              enum runtime runtime, const struct samples *samples, size_t count,
                              struct pool *pool, const char *where, struct error *error) {
    *comparison = NULL;
    if (!count || !samples->count)
        return error_set(error, STATUS_USAGE, where, "there are no samples to compare on");
    struct comparer comparer = {.model = model,
                                .frozen = frozen,
                                .samples = *samples,
                                .pool = pool,
                                .where = where,
                                .error = error};
    if (count < samples->count) comparer.samples.count = count;
    size_t rows = (size_t)model->layer_count + 1;
    struct comparison *made = calloc(1, sizeof *made + rows * sizeof *made->rows);
    comparer.weights = array_new(model->weight_count, sizeof *comparer.weights);
    enum status status = STATUS_OK;
    if (!made || !comparer.weights)
        status = error_memory(error, where, model->weight_count * sizeof *comparer.weights);
    if (!status) status = layer_map_create(&comparer.map, model, frozen, where, error);
    if (!status) {
        memcpy(comparer.weights, weights ? weights : model->weights,
               model->weight_count * sizeof *comparer.weights);
        made->count = comparer.samples.count;
        made->runtime = runtime;
        comparer.comparison = made;
        status = compare_all(&comparer, runtime);
    }
    if (!status) {
        *comparison = made;
        made = NULL;
    }
    free(made);
    layer_map_free(&comparer.map);
    free(comparer.tallies);
    array_free(comparer.weights);
    array_free(comparer.logits);
    return status;
}

void comparison_free(struct comparison *comparison) {
    free(comparison);
}

const struct compared *comparison_of_layer(const struct comparison *comparison, int layer) {
    for (int i = 0; i < comparison->row_count; i++) {
        const struct compared *row = &comparison->rows[i];
        if (!row->is_probabilities && (row->layer == layer || row->last == layer)) return row;
    }
    return NULL;
}
