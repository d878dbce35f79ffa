#include "evaluate/rescale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Spread over all, since data may be sorted by label. */
static enum status choose(const struct samples *samples, struct samples *chosen,
                          struct error *error) {
    size_t bytes = samples_bytes(samples);
    *chosen = *samples;
    if (chosen->count > RESCALE_SAMPLES) chosen->count = RESCALE_SAMPLES;
    chosen->bytes = malloc(chosen->count * bytes);
    chosen->labels = malloc(chosen->count * sizeof *chosen->labels);
    if (!chosen->bytes || !chosen->labels) return error_memory(error, "", chosen->count * bytes);
    for (size_t i = 0; i < chosen->count; i++) {
        size_t from = (size_t)((uint64_t)i * samples->count / chosen->count);
        memcpy(chosen->bytes + i * bytes, samples_at(samples, from), bytes);
        chosen->labels[i] = samples->labels[from];
    }
    return STATUS_OK;
}

static enum status accuracy_of(const struct samples *samples, rescale_evaluate *evaluate,
                               void *context, double *accuracy, struct error *error) {
    struct predictions predictions = {0};
    enum status status = evaluate(context, samples, &predictions, error);
    *accuracy = status ? 0 : predictions.accuracy;
    predictions_free(&predictions);
    return status;
}

enum status rescale_find(struct rescale_hint *hint, const struct samples *samples,
                         rescale_evaluate *evaluate, void *context, struct error *error) {
    static const char *const names[] = {"unit", "raw", "signed"};
    struct samples chosen = {0};
    struct preprocessing *other = NULL;
    *hint = (struct rescale_hint){0};
    if (samples->element != ELEMENT_UINT8 || !samples->count) return STATUS_OK;
    enum status status = choose(samples, &chosen, error);
    if (!status) status = accuracy_of(&chosen, evaluate, context, &hint->before, error);
    hint->count = chosen.count;
    if (status || hint->before >= RESCALE_DOUBTFUL) goto done;
    other = malloc(sizeof *other);
    if (!other) status = error_memory(error, "", sizeof *other);
    for (size_t i = 0; i < sizeof names / sizeof *names && !status; i++) {
        double accuracy;
        if (!strcmp(names[i], samples->preprocessing->name)) continue;
        status = preprocessing_parse(other, names[i], error);
        chosen.preprocessing = other;
        if (!status) status = accuracy_of(&chosen, evaluate, context, &accuracy, error);
        if (status || accuracy < hint->before + RESCALE_GAIN) continue;
        if (hint->name && accuracy <= hint->accuracy) continue;
        hint->name = names[i];
        hint->accuracy = accuracy;
    }
done:
    free(other);
    free(chosen.bytes);
    free(chosen.labels);
    return status;
}

void rescale_text(const struct rescale_hint *hint, char *text, size_t size) {
    snprintf(text, size, "accuracy %.3f is low; with --rescale %s it is %.3f (%zu images)",
             hint->before, hint->name, hint->accuracy, hint->count);
}
