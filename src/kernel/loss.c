#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel/exp_log.h"
#include "kernel/kernel.h"

/* Eight running sums, added up as a tree, and the rest on top.  The order is TensorFlow's: p - 1 of
 * a digit that is all but certain consists of this sum's rounding, and Adam, which divides by the
 * gradient's size, makes such steps count. */
static float row_sum(int count, const float *x) {
    float lanes[8] = {0}, rest = 0;
    int whole = count / 8 * 8;
    for (int i = 0; i < whole; i++) lanes[i % 8] += x[i];
    for (int i = whole; i < count; i++) rest += x[i];
    float even = (lanes[0] + lanes[4]) + (lanes[2] + lanes[6]);
    float odd = (lanes[1] + lanes[5]) + (lanes[3] + lanes[7]);
    return rest + (even + odd);
}

/* Fill one row of probabilities.  Returns the sum of exp(x - max); NaN when the row holds one. */
static float softmax_row(int classes, const float *x, float *probabilities, float *max) {
    *max = x[0];
    for (int c = 1; c < classes; c++)
        if (x[c] > *max) *max = x[c];
    for (int c = 0; c < classes; c++) probabilities[c] = exp_float(x[c] - *max);
    float sum = row_sum(classes, probabilities);
    for (int c = 0; c < classes; c++) probabilities[c] /= sum;
    return sum;
}

void softmax(int n, int classes, const float *logits, float *probabilities) {
    for (int i = 0; i < n; i++) {
        float max;
        softmax_row(classes, logits + (size_t)i * (size_t)classes,
                    probabilities + (size_t)i * (size_t)classes, &max);
    }
}

static int first_largest(int count, const float *x) {
    int best = 0;
    for (int i = 1; i < count; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

void softmax_cross_entropy(int n, int classes, const float *logits, const unsigned char *labels,
                           float smoothing, float *probabilities, float *losses, float *dlogits,
                           int *correct) {
    const float other = smoothing / (float)classes, own = 1 - smoothing + other;
    *correct = 0;
    for (int i = 0; i < n; i++) {
        const float *x = logits + (size_t)i * (size_t)classes;
        float *p = probabilities + (size_t)i * (size_t)classes;
        int label = labels[i];
        float max;
        float sum = softmax_row(classes, x, p, &max);
        losses[i] = log_float(sum) - (x[label] - max);
        *correct += !isnan(sum) && first_largest(classes, x) == label;
        if (!dlogits) continue;
        float *d = dlogits + (size_t)i * (size_t)classes;
        for (int c = 0; c < classes; c++) d[c] = (p[c] - (c == label ? own : other)) / (float)n;
    }
}
