#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel/exp_log.h"
#include "kernel/kernel.h"

/* Eight running sums added as a tree, then the remainder, in TensorFlow's order.  It matters: where
 * an image is all but certain, p - 1 is this sum's rounding error, and Adam, which divides by the
 * size of the gradient, turns that into real steps. */
static float row_sum(int count, const float *x) {
    float lanes[8] = {0}, rest = 0;
    int whole = count / 8 * 8;
    for (int i = 0; i < whole; i++) lanes[i % 8] += x[i];
    for (int i = whole; i < count; i++) rest += x[i];
    float even = (lanes[0] + lanes[4]) + (lanes[2] + lanes[6]);
    float odd = (lanes[1] + lanes[5]) + (lanes[3] + lanes[7]);
    return rest + (even + odd);
}

/* Computes one row of probabilities.  Returns the sum of exp(x - max); NaN when the row contains
 * one. */
static float softmax_row(int classes, const float *x, float *probabilities, float *max) {
    *max = x[0];
    for (int c = 1; c < classes; c++)
        if (x[c] > *max) *max = x[c];
    for (int c = 0; c < classes; c++) probabilities[c] = exp_float(x[c] - *max);
    float sum = row_sum(classes, probabilities);
    for (int c = 0; c < classes; c++) probabilities[c] /= sum;
    return sum;
}

static int first_largest(int count, const float *x) {
    int best = 0;
    for (int i = 1; i < count; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

int softmax_cross_entropy(const struct softmax_cross_entropy *s) {
    const float other = s->smoothing / (float)s->classes, own = 1 - s->smoothing + other;
    int correct = 0;
    for (int i = 0; i < s->n; i++) {
        size_t row = (size_t)i * (size_t)s->classes;
        const float *x = s->logits + row;
        float *p = s->probabilities + row;
        int label = s->labels[i];
        float max;
        float sum = softmax_row(s->classes, x, p, &max);
        s->losses[i] = log_float(sum) - (x[label] - max);
        correct += !isnan(sum) && first_largest(s->classes, x) == label;
        if (!s->dlogits) continue;
        for (int c = 0; c < s->classes; c++)
            s->dlogits[row + (size_t)c] = (p[c] - (c == label ? own : other)) / (float)s->n;
    }
    return correct;
}
