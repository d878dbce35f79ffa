#include "quant/observer.h"

#include <math.h>

static struct range with_zero(struct range seen) {
    /* Written so that NaN stays NaN and the trainer notices it. */
    if (seen.min > 0) seen.min = 0;
    if (seen.max < 0) seen.max = 0;
    return seen;
}

void observer_reset(const struct quant_plan *plan, struct range *ranges) {
    for (int i = 0; i < plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &plan->tensors[i];
        float start = tensor->kind == TENSOR_INPUT ? 0.0f : 6.0f;
        for (int c = 0; c < tensor->channels; c++)
            ranges[tensor->offset + c] = (struct range){start ? -start : 0.0f, start};
    }
}

void observer_widest(struct range *range, struct range seen) {
    seen = with_zero(seen);
    if (!(range->min <= seen.min)) range->min = seen.min;
    if (!(range->max >= seen.max)) range->max = seen.max;
}

void observer_activation(struct range *range, struct range seen, float rate) {
    seen = with_zero(seen);
    range->min = range->min - (range->min - seen.min) * rate;
    range->max = range->max - (range->max - seen.max) * rate;
}

/* Channels at a time: so many running maxima stay in registers. */
#define CHANNEL_BLOCK 32
/* Fewer weights are not worth waking a thread for. */
#define LEAST_WEIGHTS 16384

struct magnitudes {
    const float *kernel;
    size_t count, channels;
    struct range *ranges;
};

static void block_magnitudes(const float *kernel, size_t count, size_t channels, float *largest) {
    for (size_t row = 0; row < count; row += channels) {
        for (size_t c = 0; c < CHANNEL_BLOCK; c++) {
            float magnitude = fabsf(kernel[row + c]);
            largest[c] = magnitude > largest[c] ? magnitude : largest[c];
        }
    }
}

static float channel_magnitude(const float *kernel, size_t count, size_t channels) {
    float largest = 0;
    for (size_t row = 0; row < count; row += channels) {
        float magnitude = fabsf(kernel[row]);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

static void magnitudes_part(void *context, int part, int parts) {
    const struct magnitudes *m = context;
    size_t c, end;
    pool_share(m->channels, CHANNEL_BLOCK, part, parts, &c, &end);
    for (; c + CHANNEL_BLOCK <= end; c += CHANNEL_BLOCK) {
        float largest[CHANNEL_BLOCK] = {0};
        block_magnitudes(m->kernel + c, m->count, m->channels, largest);
        for (size_t i = 0; i < CHANNEL_BLOCK; i++)
            m->ranges[c + i] = (struct range){-largest[i], largest[i]};
    }
    for (; c < end; c++) {
        float largest = channel_magnitude(m->kernel + c, m->count, m->channels);
        m->ranges[c] = (struct range){-largest, largest};
    }
}

void observer_kernel(struct pool *pool, const struct quant_tensor *tensor, const float *kernel,
                     size_t count, struct range *ranges) {
    if (tensor->channels == 1) {
        float min, max;
        min_max(pool, count, kernel, &min, &max);
        float largest = -min > max ? -min : max;
        *ranges = (struct range){-largest, largest};
        return;
    }
    struct magnitudes m = {kernel, count, (size_t)tensor->channels, ranges};
    pool_run(pool, count < LEAST_WEIGHTS ? 1 : pool_threads(pool), magnitudes_part, &m);
}

void observer_kernels(struct pool *pool, const struct quant_plan *plan, const struct model *model,
                      const float *weights, struct range *ranges) {
    for (int i = 0; i < plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &plan->tensors[i];
        if (tensor->kind != TENSOR_WEIGHT) continue;
        const struct parameter *kernel = &model->parameters[model->layers[tensor->layer].kernel];
        observer_kernel(pool, tensor, weights + kernel->offset, kernel->count,
                        ranges + tensor->offset);
    }
}
