#include "train/inspect.h"

#include <math.h>
#include <string.h>

struct tally {
    double signal, noise; /* sums of squares */
    uint64_t outside;
    uint64_t bins[TENSOR_BINS];
};

/* `weight`: number of values of the tensor that this one represents. */
static void tally_add(struct tally *tally, const struct fake_quant *by, bool is_weight, int bits,
                      float x, float y, uint64_t weight) {
    double error = (double)x - (double)y;
    tally->signal += (double)x * (double)x * (double)weight;
    tally->noise += error * error * (double)weight;
    /* Up to half a step beyond an end is rounding, as inside; written so that NaN counts. */
    bool is_outside = !by->is_zero && !(x >= by->nudged_min && x <= by->nudged_max);
    if (is_outside && !(fabs(error) * (double)by->inv_scale <= 0.5)) tally->outside += weight;
    int code = 0;
    if (!by->is_zero && isfinite(y)) /* narrow codes start at 1 */
        code = (int)(y * by->inv_scale + by->quant_zero + 0.5f) + is_weight;
    int bin = code * TENSOR_BINS >> bits;
    bin = bin < 0 ? 0 : bin >= TENSOR_BINS ? TENSOR_BINS - 1 : bin;
    tally->bins[bin] += weight;
}

static void tally_finish(const struct tally *tally, uint64_t count, struct tensor_stats *stats) {
    memset(stats, 0, sizeof *stats);
    stats->sqnr = NAN;
    if (count == 0) return;
    stats->saturation = (float)((double)tally->outside / (double)count);
    stats->sqnr = tally->noise > 0    ? (float)(10 * log10(tally->signal / tally->noise))
                  : tally->noise == 0 ? INFINITY
                                      : NAN;
    uint64_t largest = 0;
    for (int i = 0; i < TENSOR_BINS; i++)
        largest = tally->bins[i] > largest ? tally->bins[i] : largest;
    for (int i = 0; i < TENSOR_BINS; i++)
        stats->histogram[i] = (uint8_t)((tally->bins[i] * 255 + largest - 1) / largest);
}

static int bits_of(const struct quant_plan *plan, const struct quant_tensor *tensor) {
    return tensor->kind == TENSOR_WEIGHT ? plan->scheme.weight_bits : ACTIVATION_BITS;
}

#define BLOCK 1024

static void tally_tensor(const struct quant_plan *plan, const struct quant_tensor *tensor,
                         struct range range, size_t count, const float *x, struct tally *tally) {
    struct fake_quant by = quant_plan_fake_quant(plan, tensor, range);
    bool is_weight = tensor->kind == TENSOR_WEIGHT;
    int bits = bits_of(plan, tensor);
    _Alignas(64) float y[BLOCK + 16];
    for (size_t begin = 0; begin < count; begin += BLOCK) {
        size_t n = count - begin < BLOCK ? count - begin : BLOCK;
        fake_quant_tensor(NULL, n, x + begin, &by, y);
        for (size_t i = 0; i < n; i++)
            tally_add(tally, &by, is_weight, bits, x[begin + i], y[i], 1);
    }
}

/* Only for kernels, so a plain loop is fast enough. */
static void tally_channels(const struct quant_plan *plan, const struct quant_tensor *tensor,
                           const struct range *ranges, size_t count, const float *x,
                           struct tally *tally) {
    size_t channels = (size_t)tensor->channels;
    for (size_t c = 0; c < channels; c++) {
        struct fake_quant by = quant_plan_fake_quant(plan, tensor, ranges[c]);
        for (size_t i = c; i < count; i += channels) {
            float y;
            fake_quant_channels(NULL, 1, 1, &x[i], &by, &y);
            tally_add(tally, &by, tensor->kind == TENSOR_WEIGHT, bits_of(plan, tensor), x[i], y, 1);
        }
    }
}

void inspect_values(const struct quant_plan *plan, const struct quant_tensor *tensor,
                    const struct range *ranges, size_t count, const float *x,
                    struct tensor_stats *stats) {
    struct tally tally = {0};
    if (tensor->is_per_channel)
        tally_channels(plan, tensor, ranges, count, x, &tally);
    else
        tally_tensor(plan, tensor, *ranges, count, x, &tally);
    tally_finish(&tally, count, stats);
}

/* A byte has 256 values, so each is quantized once. */
static void tally_bytes(const struct samples *samples, const struct fake_quant *by, int channel,
                        struct tally *tally) {
    uint64_t counts[256] = {0};
    size_t count = samples->count * shape_count(&samples->shape);
    size_t step = (size_t)samples->preprocessing->channels;
    for (size_t i = (size_t)channel; i < count; i += step) counts[samples->bytes[i]]++;
    _Alignas(64) float x[256 + 16], y[256 + 16];
    memcpy(x, samples->preprocessing->table[channel], 256 * sizeof *x);
    fake_quant_tensor(NULL, 256, x, by, y);
    for (int i = 0; i < 256; i++)
        if (counts[i]) tally_add(tally, by, false, ACTIVATION_BITS, x[i], y[i], counts[i]);
}

void inspect_samples(const struct quant_plan *plan, const struct quant_tensor *tensor,
                     const struct range *ranges, const struct samples *samples,
                     struct tensor_stats *stats) {
    struct fake_quant by = quant_plan_fake_quant(plan, tensor, *ranges);
    struct tally tally = {0};
    size_t each = shape_count(&samples->shape);
    if (samples->element == ELEMENT_UINT8) {
        for (int c = 0; c < samples->preprocessing->channels; c++)
            tally_bytes(samples, &by, c, &tally);
    } else {
        _Alignas(64) float x[BLOCK + 16];
        int channels = shape_channels(&samples->shape);
        size_t count = samples->count * each, block = BLOCK / (size_t)channels * (size_t)channels;
        for (size_t at = 0; at < count; at += block) {
            size_t n = count - at < block ? count - at : block;
            preprocessing_floats(samples->preprocessing, channels, n,
                                 (const float *)(const void *)samples->bytes + at, x);
            tally_tensor(plan, tensor, *ranges, n, x, &tally);
        }
    }
    tally_finish(&tally, samples->count * each, stats);
}
