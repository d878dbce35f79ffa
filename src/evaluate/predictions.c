#include "evaluate/predictions.h"

#include <math.h>
#include <string.h>

#include "base/array.h"

void predictions_free(struct predictions *predictions) {
    array_free(predictions->probabilities);
    array_free(predictions->labels);
    memset(predictions, 0, sizeof *predictions);
}

enum status predictions_create(struct predictions *predictions, size_t count, int classes,
                               struct error *error) {
    memset(predictions, 0, sizeof *predictions);
    size_t values;
    bool fits = size_multiply(count, (size_t)classes, &values);
    predictions->probabilities = fits ? array_new(values, sizeof(float)) : NULL;
    predictions->labels = array_new(count, sizeof *predictions->labels);
    predictions->classes = classes;
    predictions->count = count;
    predictions->loss = (double)NAN;
    if (predictions->probabilities && predictions->labels) return STATUS_OK;
    predictions_free(predictions);
    return error_memory(error, "", (unsigned long long)count * (unsigned)classes * sizeof(float));
}

void predictions_judge(struct predictions *predictions, const uint16_t *truth) {
    predictions->correct = 0;
    for (size_t i = 0; i < predictions->count; i++) {
        const float *row = predictions->probabilities + i * (size_t)predictions->classes;
        int best = 0;
        for (int c = 1; c < predictions->classes; c++)
            if (row[c] > row[best]) best = c;
        predictions->labels[i] = (uint16_t)best;
        predictions->correct += best == truth[i];
    }
    predictions->accuracy = (double)predictions->correct / (double)predictions->count;
}
