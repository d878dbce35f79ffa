#include "run/reporter.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "run/alarms.h"

/* Waiting for the run's record is reported once, then again after this many seconds. */
#define TELL_WAITS_SECONDS 5.0
/* Weight of the past in the digits per second shown. */
#define RATE_DECAY 0.9

struct reporter {
    const struct quant_plan *plan;
    struct outlet *screen, *record;
    struct alarms *alarms;
    double start;
    uint64_t step;
    float *spans;        /* per tensor at the end of the last epoch; 0: none has ended */
    int epochs, batches; /* ended so far; in an epoch */
    double tensors_due;
    double rate_sum, rate_weight; /* debiased moving average of seconds a digit */
    struct outlet_waits waits_told;
    double waits_told_at;
};

struct reporter *reporter_create(const struct quant_plan *plan, struct outlet *screen,
                                 struct outlet *record) {
    struct reporter *reporter = calloc(1, sizeof *reporter);
    if (!reporter) return NULL;
    reporter->plan = plan;
    reporter->screen = screen;
    reporter->record = record;
    reporter->start = clock_seconds();
    reporter->alarms = alarms_create(plan->tensor_count);
    reporter->spans = calloc((size_t)plan->tensor_count + 1, sizeof *reporter->spans);
    if (!reporter->alarms || !reporter->spans) {
        reporter_destroy(reporter);
        return NULL;
    }
    return reporter;
}

void reporter_destroy(struct reporter *reporter) {
    if (!reporter) return;
    alarms_destroy(reporter->alarms);
    free(reporter->spans);
    free(reporter);
}

void reporter_set_step(struct reporter *reporter, uint64_t step) {
    reporter->step = step;
}

double reporter_seconds(const struct reporter *reporter) {
    return clock_seconds() - reporter->start;
}

static void tell_waits(struct reporter *reporter) {
    struct outlet_waits waits = outlet_waits(reporter->record);
    if (waits.count == reporter->waits_told.count) return;
    double now = reporter_seconds(reporter);
    if (reporter->waits_told.count && now - reporter->waits_told_at < TELL_WAITS_SECONDS) return;
    uint64_t count = waits.count - reporter->waits_told.count;
    double seconds = waits.seconds - reporter->waits_told.seconds;
    reporter->waits_told = waits;
    reporter->waits_told_at = now;
    reporter_log(reporter, LOG_WARNING,
                 "recording is slower than training: waited %llu times, %.3f s in total",
                 (unsigned long long)count, seconds);
}

void reporter_publish(struct reporter *reporter, struct event *event) {
    event->folded = 1;
    event->step = reporter->step;
    event->time = reporter_seconds(reporter);
    outlet_publish(reporter->screen, event);
    if (!reporter->record) return;
    outlet_publish(reporter->record, event);
    if (event->kind != EVENT_LOG) tell_waits(reporter);
}

void reporter_state(struct reporter *reporter, enum run_state state) {
    struct event event = {.kind = EVENT_STATE, .state = state};
    reporter_publish(reporter, &event);
}

void reporter_log(struct reporter *reporter, enum log_level level, const char *format, ...) {
    struct event event = {.kind = EVENT_LOG, .log.level = level};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(event.log.text, sizeof event.log.text, format, arguments);
    va_end(arguments);
    reporter_publish(reporter, &event);
}

void reporter_error(struct reporter *reporter, const char *what, const struct error *error) {
    char text[sizeof error->where + sizeof error->text + 4];
    error_format(error, text, sizeof text);
    reporter_log(reporter, LOG_ERROR, "%s: %s", what, text);
}

void reporter_acknowledge(struct reporter *reporter, uint32_t command, const struct error *error) {
    struct event event = {.kind = EVENT_ACKNOWLEDGE,
                          .acknowledge = {.command = command, .status = error->status}};
    if (error->status) error_format(error, event.acknowledge.text, sizeof event.acknowledge.text);
    reporter_publish(reporter, &event);
}

void reporter_batch(struct reporter *reporter, const struct step_result *result, double seconds) {
    bool is_finite = isfinite(result->loss);
    reporter->batches = result->batches;
    if (result->count > 0) {
        reporter->rate_sum =
            RATE_DECAY * reporter->rate_sum + (1 - RATE_DECAY) * seconds / result->count;
        reporter->rate_weight = RATE_DECAY * reporter->rate_weight + (1 - RATE_DECAY);
    }
    double digit_seconds =
        reporter->rate_weight > 0 ? reporter->rate_sum / reporter->rate_weight : 0;
    struct event event = {
        .kind = EVENT_BATCH,
        .batch =
            {
                .first_step = result->step,
                .epoch = result->epoch,
                .batch = result->batch,
                .batches = result->batches,
                .loss_min = result->loss,
                .loss_max = result->loss,
                .loss_last = result->loss,
                .loss_sum = is_finite ? (double)result->loss : 0,
                .finite = is_finite,
                .not_finite = !is_finite,
                .count = (uint32_t)result->count,
                .correct = (uint32_t)result->correct,
                .learning_rate = result->learning_rate,
                .samples_per_second = digit_seconds > 0 ? (float)(1 / digit_seconds) : 0,
                .step_seconds = (float)seconds,
            },
    };
    reporter_publish(reporter, &event);
}

static float widest_span(const struct quant_tensor *tensor, const struct range *ranges) {
    float low = ranges[tensor->offset].min, high = ranges[tensor->offset].max;
    for (int c = 1; c < tensor->channels; c++) {
        struct range range = ranges[tensor->offset + c];
        if (range.min < low) low = range.min;
        if (range.max > high) high = range.max;
    }
    return high - low;
}

static float drift_of(const struct reporter *reporter, int index, const struct range *ranges) {
    float before = reporter->spans[index];
    if (!(before > 0)) return 0;
    return fabsf(widest_span(&reporter->plan->tensors[index], ranges) - before) / before;
}

struct qparams reporter_qparams(const struct quant_plan *plan, const struct quant_tensor *tensor,
                                struct range range) {
    if (!isfinite(range.min) || !isfinite(range.max)) return (struct qparams){(double)NAN, 0};
    return quant_plan_qparams(plan, tensor, range);
}

static void describe(const struct reporter *reporter, const struct trainer *trainer, int index,
                     struct event_tensor *out) {
    const struct quant_tensor *tensor = &reporter->plan->tensors[index];
    const struct range *ranges = trainer_ranges(trainer);
    *out = (struct event_tensor){.tensor = index, .drift = drift_of(reporter, index, ranges)};
    for (int c = 0; c < tensor->channels; c++) {
        struct range range = ranges[tensor->offset + c];
        struct qparams qparams = reporter_qparams(reporter->plan, tensor, range);
        float scale = (float)qparams.scale;
        if (c == 0) {
            out->min = range.min;
            out->max = range.max;
            out->scale = scale;
            out->zero_point = qparams.zero_point;
            continue;
        }
        if (!(range.min >= out->min)) out->min = range.min;
        if (!(range.max <= out->max)) out->max = range.max;
        if (!(scale <= out->scale)) out->scale = scale;
    }
    trainer_inspect(trainer, index, &out->stats);
}

void reporter_tensors(struct reporter *reporter, const struct trainer *trainer, bool now) {
    double start = reporter_seconds(reporter);
    if (!now && start < reporter->tensors_due) return;
    for (int i = 0; i < reporter->plan->tensor_count; i++) {
        struct event event = {.kind = EVENT_TENSOR};
        describe(reporter, trainer, i, &event.tensor);
        reporter_publish(reporter, &event);
        char text[200];
        if (alarms_tensor(reporter->alarms, reporter->plan->tensors[i].name, &event.tensor,
                          reporter->step, text, sizeof text))
            reporter_log(reporter, LOG_WARNING, "%s", text);
    }
    double end = reporter_seconds(reporter);
    double rest = (end - start) / REPORTER_TENSOR_SHARE;
    reporter->tensors_due = end + (rest > REPORTER_TENSOR_SECONDS ? rest : REPORTER_TENSOR_SECONDS);
}

/* Ranges of the current weights, and moving averages that forget within an epoch, move because the
 * values do: further training would not settle them. */
static bool may_settle(const struct reporter *reporter, int index) {
    const struct scheme *scheme = &reporter->plan->scheme;
    if (reporter->plan->tensors[index].kind == TENSOR_WEIGHT) return !scheme->fresh_weight_ranges;
    return (1 - scheme->range_decay) * reporter->batches < 1;
}

void reporter_epoch(struct reporter *reporter, const struct event_epoch *epoch,
                    const struct range *ranges) {
    struct event event = {.kind = EVENT_EPOCH, .epoch = *epoch};
    reporter_publish(reporter, &event);
    reporter->epochs++;
    for (int i = 0; i < reporter->plan->tensor_count; i++) {
        char text[200];
        float drift = drift_of(reporter, i, ranges);
        if (may_settle(reporter, i) &&
            alarms_drift(reporter->alarms, reporter->plan->tensors[i].name, i, drift,
                         reporter->epochs, text, sizeof text))
            reporter_log(reporter, LOG_WARNING, "%s", text);
        reporter->spans[i] = widest_span(&reporter->plan->tensors[i], ranges);
    }
}

void reporter_evaluation(struct reporter *reporter, struct event *event) {
    reporter_publish(reporter, event);
    char text[200];
    if (alarms_evaluation(reporter->alarms, event->evaluation, text, sizeof text))
        reporter_log(reporter, LOG_WARNING, "%s", text);
}

bool reporter_flush(struct reporter *reporter) {
    bool is_empty = outlet_flush(reporter->screen);
    if (reporter->record && !outlet_flush(reporter->record)) is_empty = false;
    return is_empty;
}
