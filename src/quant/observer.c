#include "quant/observer.h"

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

void observer_kernel(struct pool *pool, const struct quant_tensor *tensor, const float *kernel,
                     size_t count, struct range *ranges) {
    size_t channels = (size_t)tensor->channels;
    if (channels == 1) {
        float min, max;
        min_max(pool, count, kernel, &min, &max);
        float largest = -min > max ? -min : max;
        *ranges = (struct range){-largest, largest};
        return;
    }
    for (size_t first = 0, some; first < channels; first += some) {
        float largest[MAX_MAGNITUDES];
        some = channels - first < MAX_MAGNITUDES ? channels - first : MAX_MAGNITUDES;
        channel_magnitudes(pool, count / channels, channels, some, kernel + first, largest);
        for (size_t c = 0; c < some; c++)
            ranges[first + c] = (struct range){-largest[c], largest[c]};
    }
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
