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

void observer_input(struct range *range, struct range seen) {
    seen = with_zero(seen);
    if (!(range->min <= seen.min)) range->min = seen.min;
    if (!(range->max >= seen.max)) range->max = seen.max;
}

void observer_activation(struct range *range, struct range seen, float rate) {
    seen = with_zero(seen);
    range->min = range->min - (range->min - seen.min) * rate;
    range->max = range->max - (range->max - seen.max) * rate;
}

/* Rows of `channels` values; up to this many channels at a time, so that the running maxima stay
 * on the stack. */
#define CHANNEL_BLOCK 64

void observer_kernel(const struct quant_tensor *tensor, const float *kernel, size_t count,
                     struct range *ranges) {
    size_t channels = (size_t)tensor->channels;
    if (channels == 1) { /* any grouping gives the same maximum: columns let it run in parallel */
        channels = count % CHANNEL_BLOCK ? 1 : CHANNEL_BLOCK;
    }
    float overall = 0;
    for (size_t first = 0; first < channels; first += CHANNEL_BLOCK) {
        size_t width = channels - first < CHANNEL_BLOCK ? channels - first : CHANNEL_BLOCK;
        float largest[CHANNEL_BLOCK] = {0};
        for (size_t row = 0; row < count; row += channels) {
            for (size_t c = 0; c < width; c++) {
                float magnitude = fabsf(kernel[row + first + c]);
                largest[c] = magnitude > largest[c] ? magnitude : largest[c];
            }
        }
        for (size_t c = 0; c < width; c++) {
            if (tensor->channels > 1)
                ranges[first + c] = (struct range){-largest[c], largest[c]};
            else
                overall = largest[c] > overall ? largest[c] : overall;
        }
    }
    if (tensor->channels == 1) *ranges = (struct range){-overall, overall};
}

void observer_kernels(const struct quant_plan *plan, const struct model *model,
                      const float *weights, struct range *ranges) {
    for (int i = 0; i < plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &plan->tensors[i];
        if (tensor->kind != TENSOR_WEIGHT) continue;
        const struct parameter *kernel =
            &model->parameters[model->layers[tensor->layer].kernel];
        observer_kernel(tensor, weights + kernel->offset, kernel->count, ranges + tensor->offset);
    }
}
