#include "ui/panels/curve_samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool samples_reserve(struct curve_samples *samples, int count) {
    if (count <= samples->capacity) return true;
    size_t n = (size_t)count;
    size_t floats = 2 + 2 * PRECISIONS;
    char *block = malloc(n * (2 * sizeof(uint64_t) + floats * sizeof(float) + 3));
    if (!block) return false;
    free(samples->first);
    samples->capacity = count;
    samples->first = (uint64_t *)(void *)block;
    samples->last = samples->first + n;
    float *next = (float *)(void *)(samples->last + n);
    samples->low = next;
    samples->high = next + n;
    for (int precision = 0; precision < PRECISIONS; precision++) {
        samples->line[precision] = next + (2 + (size_t)precision) * n;
        samples->points[precision] = next + (2 + PRECISIONS + (size_t)precision) * n;
    }
    samples->alarms = (unsigned char *)(next + floats * n);
    samples->verticals = samples->alarms + n;
    samples->is_minor = samples->verticals + n;
    return true;
}

void samples_free(struct curve_samples *samples) {
    free(samples->first);
    memset(samples, 0, sizeof *samples);
}

double samples_seconds(const struct store *store, uint64_t step) {
    float seconds = NAN;
    history_smooth(store->seconds, 0, 1, &step, &seconds);
    return isnan(seconds) ? 0 : (double)seconds;
}

/* Samples of equal times: the clock is read at as many steps as there are samples, evenly spread,
 * and taken to run evenly between two of them. */
static void spread_seconds(struct curve_samples *samples, int count, const struct store *store,
                           struct steps window) {
    uint64_t *steps = samples->last;
    float *seconds = samples->low;
    double width = (double)(window.last - window.first);
    for (int i = 0; i < count; i++)
        steps[i] = window.first + (uint64_t)(width * i / (count > 1 ? count - 1 : 1));
    history_smooth(store->seconds, 0, (size_t)count, steps, seconds);
    for (int i = 0; i < count; i++)
        if (isnan(seconds[i])) seconds[i] = 0;
    double begin = (double)seconds[0], end = (double)seconds[count - 1];
    int knot = 0;
    for (int i = 0; i < count; i++) {
        double wanted = begin + (end - begin) * i / count;
        while (knot + 2 < count && (double)seconds[knot + 1] <= wanted) knot++;
        double apart = count > 1 ? (double)seconds[knot + 1] - (double)seconds[knot] : 0;
        double share = apart > 0 ? (wanted - (double)seconds[knot]) / apart : 0;
        uint64_t between = count > 1 ? steps[knot + 1] - steps[knot] : 0;
        samples->first[i] = steps[knot] + (uint64_t)(share * (double)between);
    }
}

void samples_spread(struct curve_samples *samples, int count, const struct store *store,
                    struct steps window, enum x_axis x_axis) {
    if (count < 1) return;
    double steps = (double)(window.last - window.first) + 1;
    if (x_axis == X_TIME)
        spread_seconds(samples, count, store, window);
    else
        for (int i = 0; i < count; i++)
            samples->first[i] = window.first + (uint64_t)floor(steps * i / count);
    for (int i = 0; i < count; i++) {
        uint64_t next = i + 1 < count ? samples->first[i + 1] : window.last + 1;
        samples->last[i] = next > samples->first[i] ? next - 1 : samples->first[i];
    }
}

int samples_of_step(const struct curve_samples *samples, int count, uint64_t step) {
    if (count < 1 || step < samples->first[0] || step > samples->last[count - 1]) return -1;
    int low = 0, high = count;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (samples->first[middle] > step)
            high = middle;
        else
            low = middle;
    }
    int first = low;
    while (first > 0 && samples->first[first - 1] == samples->first[low]) first--;
    return first + (low - first) / 2;
}

void samples_epochs(struct curve_samples *samples, int count, const struct store *store) {
    for (int i = 0; i < count; i++) samples->verticals[i] = 0;
    uint64_t batches = store->info->batches > 0 ? (uint64_t)store->info->batches : 0;
    if (batches == 0 || count < 1) return;
    uint64_t first = samples->first[0] / batches + 1, last = samples->last[count - 1] / batches;
    /* Boundaries closer than every eighth sample say nothing. */
    if (last < first || (last - first + 1) * 8 > (uint64_t)count) return;
    for (uint64_t epoch = first; epoch <= last; epoch++) {
        int sample = samples_of_step(samples, count, epoch * batches);
        if (sample > 0) samples->verticals[sample] = 1;
    }
}

void samples_loss(struct curve_samples *samples, int count, const struct store *store,
                  double weight) {
    struct bucket bucket = {0};
    for (int i = 0; i < count; i++) {
        bool is_shared = i > 0 && samples->first[i] == samples->first[i - 1] &&
                         samples->last[i] == samples->last[i - 1];
        if (!is_shared) bucket = history_range(store->loss, samples->first[i], samples->last[i]);
        samples->low[i] = bucket.count ? bucket.min : NAN;
        samples->high[i] = bucket.count ? bucket.max : NAN;
        samples->alarms[i] = bucket.not_finite == 0                 ? 0
                             : bucket.infinite == bucket.not_finite ? 'I'
                                                                    : 'N';
    }
    history_smooth(store->loss, weight, (size_t)count, samples->last, samples->line[0]);
}

const struct evaluation *samples_baseline(const struct store *store) {
    const struct evaluation *baseline = NULL;
    for (int i = 0; i < store->evaluation_count; i++) {
        const struct evaluation *here = store->evaluations[i];
        if (here->step == 0 && (!baseline || !baseline->is_whole)) baseline = here;
    }
    return baseline;
}

float samples_percent(const struct evaluation *evaluation, int precision) {
    return (float)(100 * evaluation->results[precision].accuracy);
}

void samples_accuracy(struct curve_samples *samples, int count, const struct store *store) {
    bool has_whole = false;
    for (int i = 0; i < store->evaluation_count; i++)
        has_whole = has_whole || store->evaluations[i]->is_whole;
    for (int i = 0; i < count; i++) {
        samples->is_minor[i] = 0;
        for (int precision = 0; precision < PRECISIONS; precision++)
            samples->line[precision][i] = samples->points[precision][i] = NAN;
    }
    const struct evaluation *before = NULL;
    int at = 0;
    for (int i = 0; i < store->evaluation_count; i++) {
        const struct evaluation *here = store->evaluations[i];
        bool is_minor = has_whole && !here->is_whole;
        int sample = samples_of_step(samples, count, here->step);
        if (sample >= 0 && (!is_minor || isnan(samples->points[0][sample]))) {
            samples->is_minor[sample] = is_minor;
            for (int precision = 0; precision < PRECISIONS; precision++)
                samples->points[precision][sample] = samples_percent(here, precision);
        }
        if (is_minor) continue;
        for (; before && at < count && samples->first[at] <= here->step; at++) {
            if (samples->first[at] < before->step) continue;
            double span = (double)(here->step - before->step);
            double share = span > 0 ? (double)(samples->first[at] - before->step) / span : 1;
            for (int precision = 0; precision < PRECISIONS; precision++)
                samples->line[precision][at] =
                    (float)((1 - share) * (double)samples_percent(before, precision) +
                            share * (double)samples_percent(here, precision));
        }
        before = here;
    }
}
