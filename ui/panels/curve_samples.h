/* curve_samples: what the charts of the curves panel are drawn from, one value a sample. */
#ifndef UI_PANELS_CURVE_SAMPLES_H
#define UI_PANELS_CURVE_SAMPLES_H

#include "ui/store.h"

enum x_axis { X_STEP, X_EPOCH, X_TIME, X_AXES };

/* First and last step shown. */
struct steps {
    uint64_t first, last;
};

/* Grown to the widest canvas seen; zeroed at first. */
struct curve_samples {
    int capacity;
    uint64_t *first, *last; /* steps of each sample */
    float *low, *high, *line[PRECISIONS], *points[PRECISIONS];
    unsigned char *alarms, *verticals, *is_minor;
};

/* Room for `count` samples; false when memory is short. */
bool samples_reserve(struct curve_samples *samples, int count) MUST_USE;
void samples_free(struct curve_samples *samples);

/* Which steps each sample stands for.  Where there are fewer steps than samples, several samples
 * share one. */
void samples_spread(struct curve_samples *samples, int count, const struct store *store,
                    struct steps window, enum x_axis x_axis);

/* The middle of the samples that stand for `step`, -1 when there is none. */
int samples_of_step(const struct curve_samples *samples, int count, uint64_t step);

/* verticals: where epochs end. */
void samples_epochs(struct curve_samples *samples, int count, const struct store *store);

/* low, high, alarms, and the smoothed loss in line[0]. */
void samples_loss(struct curve_samples *samples, int count, const struct store *store,
                  double weight);

/* line, points, is_minor: accuracy in percent.  Lines run between evaluations on all test digits
 * (or, while there is none yet, between the partial ones); a point shows what was measured. */
void samples_accuracy(struct curve_samples *samples, int count, const struct store *store);

/* The evaluation before training, or NULL. */
const struct evaluation *samples_baseline(const struct store *store);
float samples_percent(const struct evaluation *evaluation, int precision);

/* Seconds from the start of the run to the event of `step`. */
double samples_seconds(const struct store *store, uint64_t step);

#endif
