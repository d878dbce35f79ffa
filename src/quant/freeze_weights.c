#include "quant/freeze_weights.h"

#include <math.h>
#include <stdlib.h>

#include "base/array.h"

static bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

/* Of every `step`-th channel, from `first` on. */
static struct range symmetric_range(const float *w, size_t rows, size_t channels, size_t first,
                                    size_t step) {
    float most = 0;
    for (size_t row = 0; row < rows; row++)
        for (size_t c = first; c < channels; c += step)
            most = fmaxf(most, fabsf(w[row * channels + c]));
    return (struct range){-most, most};
}

/* The range of channel c: as trained, or of the weights themselves. */
static struct range weight_range(const struct freeze_builder *builder,
                                 const struct quant_tensor *tensor, const float *w, size_t rows,
                                 size_t channels, size_t c) {
    size_t ranges = tensor ? (size_t)tensor->channels : channels;
    if (tensor && !builder->plan->scheme.fresh_weight_ranges)
        return builder->snapshot->ranges[(size_t)tensor->offset + c % ranges];
    return symmetric_range(w, rows, channels, c % ranges, ranges);
}

static float fake_quantize(const struct quant_tensor *tensor, const struct fake_quant *by,
                           float w) {
    float y;
    if (!tensor) return w;
    if (tensor->is_per_channel)
        fake_quant_channels(NULL, 1, 1, &w, by, &y);
    else
        fake_quant_tensor(NULL, 1, &w, by, &y);
    return y;
}

/* ---- folding ---- */

/* What a BatchNormalization after the layer does to it: each channel's weights are multiplied by
 * `factor`, and the bias is replaced. */
struct fold {
    float *factor, *bias; /* [units]; NULL without BatchNormalization */
};

static void fold_free(struct fold *fold) {
    array_free(fold->factor);
    array_free(fold->bias);
}

/* In float32, in the order in which the converter folds constants. */
static bool fold_create(struct freeze_builder *builder, int layer_index, struct fold *fold) {
    const struct layer *layer = &builder->model->layers[layer_index];
    const struct parameter *parameters = builder->model->parameters;
    const float *weights = builder->snapshot->weights;
    int index = quant_normalization(builder->model, layer_index);
    *fold = (struct fold){NULL, NULL};
    if (index < 0) return true;
    const struct normalization *by = &builder->model->layers[index].normalization;
    size_t units = (size_t)layer->units;
    fold->factor = array_new(units, sizeof *fold->factor);
    fold->bias = array_new(units, sizeof *fold->bias);
    if (!fold->factor || !fold->bias) return builder_out_of_memory(builder, units * sizeof(float));
    const float *mean = weights + parameters[by->moving_mean].offset;
    const float *variance = weights + parameters[by->moving_variance].offset;
    for (size_t c = 0; c < units; c++) {
        float gamma = by->gamma < 0 ? 1 : weights[parameters[by->gamma].offset + c];
        float beta = by->beta < 0 ? 0 : weights[parameters[by->beta].offset + c];
        float bias = layer->bias < 0 ? 0 : weights[parameters[layer->bias].offset + c];
        fold->factor[c] = gamma * (1.0f / sqrtf(variance[c] + (float)by->epsilon));
        fold->bias[c] = (bias - mean[c]) * fold->factor[c] + beta;
    }
    if (all_finite(fold->factor, units) && all_finite(fold->bias, units)) return true;
    return builder_not_finite(builder, &builder->model->layers[index], "statistics");
}

/* ---- weights ---- */

/* Weights of one channel: w[rows], `w_step` apart, to q[rows], `q_step` apart. */
struct channel {
    struct range range;
    float factor;
    double scale;
    const float *w;
    int8_t *q;
    size_t rows, w_step, q_step;
};

/* Converts exactly the values that fake quantization gave in training. */
static void quantize_channel(const struct freeze_builder *builder,
                             const struct quant_tensor *tensor, const struct channel *channel) {
    int bits = builder->plan->scheme.weight_bits;
    double most = (double)((1 << (bits - 1)) - 1);
    struct fake_quant by = {0};
    if (tensor) by = quant_plan_fake_quant(builder->plan, tensor, channel->range);
    for (size_t row = 0; row < channel->rows; row++) {
        float w = fake_quantize(tensor, &by, channel->w[row * channel->w_step]) * channel->factor;
        int8_t *q = &channel->q[row * channel->q_step];
        if (builder->plan->scheme.post_training) {
            *q = (int8_t)quantize_float32(w, channel->scale, INT8_MAX);
            continue;
        }
        double value = round((double)w / channel->scale);
        *q = (int8_t)(value > most ? most : value < -most ? -most : value);
    }
}

/* [units][inputs], [filters][h][w][inputs] or, depthwise, [1][h][w][channels]. */
static int add_weight_tensor(struct freeze_builder *builder, const struct layer *layer,
                             const struct parameter *kernel, int scale_count) {
    bool is_depthwise = layer->kind == LAYER_DEPTHWISE_CONV2D;
    int shape[FROZEN_RANK] = {layer->units};
    for (int i = 1; i < kernel->rank; i++) shape[i] = kernel->size[i - 1];
    if (is_depthwise) {
        shape[0] = 1;
        shape[3] = layer->units;
    }
    int index = builder_add_tensor(builder, layer, "/kernel", TYPE_INT8, kernel->rank, shape);
    if (index < 0 || !builder_add_data(builder, index) ||
        !builder_add_quantization(builder, index, scale_count))
        return -1;
    builder->frozen->tensors[index].quantized_dimension = is_depthwise ? 3 : 0;
    return index;
}

/* Range and scale of channel c; a factor of 0 leaves a channel of zeros. */
static bool set_channel(struct freeze_builder *builder, const struct layer *layer,
                        struct range range, float factor, struct channel *channel) {
    if (!isfinite(range.min) || !isfinite(range.max))
        return builder_not_finite(builder, layer, "weight ranges");
    const struct scheme *scheme = &builder->plan->scheme;
    float size = fabsf(factor);
    channel->range = range;
    channel->factor = factor;
    /* Post-training quantization sees only the folded weights. */
    channel->scale =
        scheme->post_training
            ? qparams_weight_float32((struct range){range.min * size, range.max * size}).scale
            : qparams_weight(range, scheme->weight_bits).scale * (double)size;
    if ((float)channel->scale == 0)
        channel->scale = qparams_weight((struct range){0, 0}, scheme->weight_bits).scale;
    return true;
}

/* *scales holds one scale per channel in double; the caller frees it. */
static int add_weights(struct freeze_builder *builder, int layer_index, const struct fold *fold,
                       double **scales) {
    const struct layer *layer = &builder->model->layers[layer_index];
    const struct parameter *kernel = &builder->model->parameters[layer->kernel];
    const float *w = builder->snapshot->weights + kernel->offset;
    size_t channels = (size_t)layer->units, rows = kernel->count / channels;
    bool is_depthwise = layer->kind == LAYER_DEPTHWISE_CONV2D;
    int in_plan = builder->plan->kernel_tensor[layer_index];
    const struct quant_tensor *tensor = in_plan < 0 ? NULL : &builder->plan->tensors[in_plan];
    bool has_one = tensor && tensor->channels == 1 && !fold->factor && !is_depthwise;
    *scales = calloc(channels, sizeof **scales);
    int index = add_weight_tensor(builder, layer, kernel, has_one ? 1 : layer->units);
    if (!*scales) builder_out_of_memory(builder, channels * sizeof **scales);
    if (!builder->status && !all_finite(w, kernel->count))
        builder_not_finite(builder, layer, "weights");
    if (builder->status) return -1;
    struct frozen_tensor *frozen = &builder->frozen->tensors[index];
    struct range range = {0, 0};
    for (size_t c = 0; c < channels; c++) {
        struct channel channel = {
            .w = w + c,
            .q = (int8_t *)frozen->data + (is_depthwise ? c : c * rows),
            .rows = rows,
            .w_step = channels,
            .q_step = is_depthwise ? channels : 1,
        };
        if (c == 0 || !tensor || tensor->channels > 1)
            range = weight_range(builder, tensor, w, rows, channels, c);
        if (!set_channel(builder, layer, range, fold->factor ? fold->factor[c] : 1, &channel))
            return -1;
        (*scales)[c] = channel.scale;
        if (c == 0 || !has_one) frozen->scale[c] = (float)channel.scale;
        quantize_channel(builder, tensor, &channel);
    }
    return index;
}

/* ---- biases ---- */

static bool is_zero(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (values[i] != 0) return false;
    return true;
}

/* -1 when the operator has no bias. */
static int add_bias(struct freeze_builder *builder, const struct layer *layer,
                    const struct fold *fold, double input_scale, int weights,
                    const double *weight_scales) {
    const float *b = fold->bias;
    if (!b && layer->bias >= 0)
        b = builder->snapshot->weights + builder->model->parameters[layer->bias].offset;
    if (b && !all_finite(b, (size_t)layer->units)) {
        builder_not_finite(builder, layer, "biases");
        return -1;
    }
    if (layer->kind == LAYER_DENSE && (!b || is_zero(b, (size_t)layer->units))) return -1;
    int scale_count = builder->frozen->tensors[weights].scale_count;
    int index = builder_add_tensor(builder, layer, "/bias", TYPE_INT32, 1, &layer->units);
    if (index < 0) return -1;
    int32_t *q = builder_add_data(builder, index);
    if (!q || !builder_add_quantization(builder, index, scale_count)) return -1;
    for (int c = 0; c < layer->units; c++) {
        double scale = input_scale * weight_scales[c];
        if (c < scale_count) builder->frozen->tensors[index].scale[c] = (float)scale;
        if (builder->plan->scheme.post_training) {
            q[c] = b ? quantize_float32(b[c], scale, INT32_MAX) : 0;
            continue;
        }
        double value = b ? round((double)b[c] / scale) : 0;
        q[c] = value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
    }
    return index;
}

bool freeze_weights(struct freeze_builder *builder, int layer, double input_scale, int *weights,
                    int *bias) {
    struct fold fold;
    double *scales = NULL;
    *weights = *bias = -1;
    if (fold_create(builder, layer, &fold)) *weights = add_weights(builder, layer, &fold, &scales);
    if (!builder->status)
        *bias =
            add_bias(builder, &builder->model->layers[layer], &fold, input_scale, *weights, scales);
    free(scales);
    fold_free(&fold);
    return !builder->status;
}
