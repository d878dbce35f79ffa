#include "ui/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW_RANGES         4096 /* raw values kept for the timeline of one tensor */
#define PACE_INTERVAL      1.0
#define ETA_SECONDS        10.0
#define ETA_STEADY_SAMPLES 4   /* this many, and the pace between any two of them ... */
#define ETA_STEADY_SHARE   .02 /* ... within this share of the mean, are enough */

static void plan_steps(struct store *store) {
    const struct training *training = &store->info->config->training;
    store->epochs_planned = training->epochs;
    store->steps_planned =
        (uint64_t)(training->epochs > 0 ? training->epochs : 0) * (uint64_t)store->info->batches;
    if (training->max_steps && training->max_steps < store->steps_planned) {
        store->steps_planned = training->max_steps;
    }
}

bool store_create(struct store *store, const struct run_info *info) {
    memset(store, 0, sizeof *store);
    store->info = info;
    plan_steps(store);
    store->pace = info->config->pace;
    store->loss = history_create(STORE_RAW_LOSSES);
    store->batch_accuracy = history_create(STORE_RAW_LOSSES);
    store->seconds = history_create(STORE_RAW_LOSSES);
    store->lines = calloc(STORE_LOG_LINES, sizeof *store->lines);
    store->evaluations = calloc(STORE_EVALUATIONS, sizeof(struct evaluation *));
    size_t tensors = (size_t)info->plan->tensor_count;
    store->tensors = calloc(tensors ? tensors : 1, sizeof *store->tensors);
    bool is_whole = store->loss && store->batch_accuracy && store->seconds && store->lines &&
                    store->evaluations && store->tensors;
    for (size_t i = 0; is_whole && i < tensors; i++) {
        struct store_tensor *tensor = &store->tensors[i];
        tensor->min = history_create(RAW_RANGES);
        tensor->max = history_create(RAW_RANGES);
        tensor->scale = history_create(RAW_RANGES);
        is_whole = tensor->min && tensor->max && tensor->scale;
    }
    if (!is_whole) store_free(store);
    return is_whole;
}

void store_free(struct store *store) {
    if (!store->info) return;
    history_destroy(store->loss);
    history_destroy(store->batch_accuracy);
    history_destroy(store->seconds);
    for (int i = 0; store->tensors && i < store->info->plan->tensor_count; i++) {
        history_destroy(store->tensors[i].min);
        history_destroy(store->tensors[i].max);
        history_destroy(store->tensors[i].scale);
    }
    for (int i = 0; i < store->evaluation_count; i++) evaluation_release(store->evaluations[i]);
    free(store->tensors);
    free(store->evaluations);
    free(store->epochs);
    free(store->lines);
    memset(store, 0, sizeof *store);
}

static void *copy_of(const void *from, size_t count, size_t size, bool *is_whole) {
    void *copy = malloc(count ? count * size : 1);
    if (copy && count) memcpy(copy, from, count * size);
    if (!copy) *is_whole = false;
    return copy;
}

static struct history *copy_history(const struct history *from, bool *is_whole) {
    struct history *copy = history_copy(from);
    if (!copy) *is_whole = false;
    return copy;
}

bool store_copy(struct store *copy, const struct store *store) {
    bool is_whole = true;
    size_t tensors = (size_t)store->info->plan->tensor_count;
    *copy = *store;
    copy->loss = copy_history(store->loss, &is_whole);
    copy->batch_accuracy = copy_history(store->batch_accuracy, &is_whole);
    copy->seconds = copy_history(store->seconds, &is_whole);
    copy->lines = copy_of(store->lines, STORE_LOG_LINES, sizeof *store->lines, &is_whole);
    /* Room for what feed_epoch and feed_evaluation would add: a copy is a store like any other. */
    size_t epochs = 1;
    while (epochs < (size_t)store->epoch_count) epochs *= 2;
    copy->epochs = calloc(epochs, sizeof *store->epochs);
    if (!copy->epochs)
        is_whole = false;
    else if (store->epoch_count)
        memcpy(copy->epochs, store->epochs, (size_t)store->epoch_count * sizeof *store->epochs);
    copy->evaluations =
        copy_of(store->evaluations, STORE_EVALUATIONS, sizeof *store->evaluations, &is_whole);
    if (!copy->evaluations) copy->evaluation_count = 0;
    for (int i = 0; i < copy->evaluation_count; i++) evaluation_retain(copy->evaluations[i]);
    copy->tensors = copy_of(store->tensors, tensors, sizeof *store->tensors, &is_whole);
    for (size_t i = 0; copy->tensors && i < tensors; i++) {
        copy->tensors[i].min = copy_history(store->tensors[i].min, &is_whole);
        copy->tensors[i].max = copy_history(store->tensors[i].max, &is_whole);
        copy->tensors[i].scale = copy_history(store->tensors[i].scale, &is_whole);
    }
    if (!is_whole) store_free(copy);
    return is_whole;
}

void store_log(struct store *store, enum log_level level, bool is_stderr, const char *text) {
    size_t at = (store->line_first + store->line_count) % STORE_LOG_LINES;
    if (store->line_count == STORE_LOG_LINES) {
        store->line_first = (store->line_first + 1) % STORE_LOG_LINES;
    } else {
        store->line_count++;
    }
    struct store_line *line = &store->lines[at];
    line->time = store->now;
    line->level = level;
    line->is_stderr = is_stderr;
    snprintf(line->text, sizeof line->text, "%s", text);
    for (char *c = line->text; *c; c++) {
        if (*c == '\t') *c = ' ';
    }
    store->lines_total++;
    if (level == LOG_INFO) return;
    if (level == LOG_WARNING)
        store->warnings++;
    else
        store->alarms++;
    memcpy(store->alarm, line->text, sizeof store->alarm);
}

const struct store_line *store_line_at(const struct store *store, size_t index) {
    if (index >= store->line_count) return NULL;
    return &store->lines[(store->line_first + index) % STORE_LOG_LINES];
}

void store_acknowledge(struct store *store) {
    store->warnings = store->alarms = 0;
    store->alarm[0] = 0;
}

const struct evaluation *store_evaluation(const struct store *store, int index) {
    if (index >= 0 && index < store->evaluation_count) return store->evaluations[index];
    for (int i = store->evaluation_count - 1; i >= 0; i--) {
        if (store->evaluations[i]->is_whole) return store->evaluations[i];
    }
    return store_newest(store);
}

const struct evaluation *store_newest(const struct store *store) {
    return store->evaluation_count ? store->evaluations[store->evaluation_count - 1] : NULL;
}

static void feed_state(struct store *store, enum run_state state) {
    if (state == store->state) return;
    store->state = state;
    store->is_over = state == STATE_DONE || state == STATE_FAILED;
    store->pace_count = 0; /* a pause or an evaluation says nothing about the pace */
}

static void sample_pace(struct store *store) {
    int last = (store->pace_first + store->pace_count - 1) % STORE_PACE_SAMPLES;
    if (store->pace_count) {
        double elapsed = store->now - store->pace_samples[last].time;
        if (elapsed < PACE_INTERVAL) return;
        store->trained_seconds += elapsed;
    }
    if (store->pace_count == STORE_PACE_SAMPLES) {
        store->pace_first = (store->pace_first + 1) % STORE_PACE_SAMPLES;
        store->pace_count--;
    }
    int at = (store->pace_first + store->pace_count++) % STORE_PACE_SAMPLES;
    store->pace_samples[at].time = store->now;
    store->pace_samples[at].step = store->step;
}

static void feed_batch(struct store *store, const struct event *event) {
    const struct event_batch *batch = &event->batch;
    store->batch = *batch;
    struct bucket bucket = {.count = batch->finite,
                            .not_finite = batch->not_finite,
                            .min = batch->loss_min,
                            .max = batch->loss_max,
                            .last = batch->loss_last,
                            .sum = batch->loss_sum,
                            .first_step = batch->first_step,
                            .last_step = event->step};
    (void)history_add(store->seconds, event->step, (float)event->time);
    /* Where memory is short the history keeps the newest bucket: the screen goes on. */
    if (batch->finite + batch->not_finite <= 1) {
        (void)history_add(store->loss, event->step, batch->loss_last);
    } else {
        (void)history_add_bucket(store->loss, &bucket);
    }
    if (batch->count) {
        (void)history_add(store->batch_accuracy, event->step,
                          (float)batch->correct / (float)batch->count);
    }
    if (batch->not_finite) {
        if (!store->not_finite_steps) store->first_not_finite = event->step;
        store->not_finite_steps += batch->not_finite;
    }
    sample_pace(store);
}

static void feed_tensor(struct store *store, const struct event *event) {
    int index = event->tensor.tensor;
    if (index < 0 || index >= store->info->plan->tensor_count) return;
    struct store_tensor *tensor = &store->tensors[index];
    tensor->is_known = true;
    tensor->latest = event->tensor;
    (void)history_add(tensor->min, event->step, event->tensor.min);
    (void)history_add(tensor->max, event->step, event->tensor.max);
    (void)history_add(tensor->scale, event->step, event->tensor.scale);
}

static void feed_epoch(struct store *store, const struct event *event) {
    const struct event_epoch *epoch = &event->epoch;
    /* Grown by doubling: powers of two are where there is no room left. */
    int count = store->epoch_count;
    if (!(count & (count - 1))) {
        size_t room = count ? 2 * (size_t)count : 1;
        struct event_epoch *more = realloc(store->epochs, room * sizeof *more);
        if (!more) return;
        store->epochs = more;
    }
    store->epochs[store->epoch_count++] = *epoch;
    if (epoch->epoch > store->epochs_planned) store->epochs_planned = epoch->epoch;
    char text[200];
    snprintf(text, sizeof text, "epoch %d  loss %.4f acc %.2f  val %.4f %.2f  %.1f s", epoch->epoch,
             epoch->loss, 100 * epoch->accuracy, epoch->val_loss, 100 * epoch->val_accuracy,
             epoch->seconds);
    store_log(store, LOG_INFO, false, text);
}

static void drop_evaluation(struct store *store) {
    int victim = 1;
    for (int i = 0; i < store->evaluation_count; i++) {
        if (!store->evaluations[i]->is_whole) {
            victim = i;
            break;
        }
    }
    evaluation_release(store->evaluations[victim]);
    store->evaluation_count--;
    memmove(store->evaluations + victim, store->evaluations + victim + 1,
            (size_t)(store->evaluation_count - victim) * sizeof(struct evaluation *));
}

static void feed_evaluation(struct store *store, const struct event *event) {
    if (!event->evaluation) return;
    if (store->evaluation_count == STORE_EVALUATIONS) drop_evaluation(store);
    struct evaluation *evaluation = evaluation_retain(event->evaluation);
    store->evaluations[store->evaluation_count++] = evaluation;
    /* Those between epochs are many; the curves show them. */
    uint64_t batches = (uint64_t)store->info->batches;
    if (!evaluation->is_whole || (batches && evaluation->step % batches)) return;
    char text[200];
    snprintf(text, sizeof text, "step %llu  FP32 %.2f  QAT %.2f  INT8 %.2f %%",
             (unsigned long long)evaluation->step,
             100 * evaluation->results[PRECISION_FP32].accuracy,
             100 * evaluation->results[PRECISION_QAT].accuracy,
             100 * evaluation->results[PRECISION_INT8].accuracy);
    store_log(store, LOG_INFO, false, text);
}

static void feed_saved(struct store *store, const struct event *event) {
    if (event->kind == EVENT_EXPORT) {
        store->has_export = true;
        store->last_export = event->export_;
        if (event->export_.is_ok) store->saved_step = event->step;
    } else if (event->checkpoint.is_ok) {
        store->saved_step = event->step;
        memcpy(store->checkpoint, event->checkpoint.path, sizeof store->checkpoint);
    }
}

void store_feed(struct store *store, const struct event *event) {
    if (event->time > store->now) store->now = event->time;
    if (event->step > store->step) store->step = event->step;
    switch (event->kind) {
    case EVENT_STATE:
        feed_state(store, event->state);
        break;
    case EVENT_BATCH:
        feed_batch(store, event);
        break;
    case EVENT_TENSOR:
        feed_tensor(store, event);
        break;
    case EVENT_EPOCH:
        feed_epoch(store, event);
        break;
    case EVENT_EVALUATION:
        feed_evaluation(store, event);
        break;
    case EVENT_PTQ:
        store->has_ptq = true;
        store->ptq = event->ptq;
        break;
    /* The run logs both; what it refused is reported by control. */
    case EVENT_EXPORT:
    case EVENT_CHECKPOINT:
        feed_saved(store, event);
        break;
    case EVENT_ACKNOWLEDGE:
        break;
    case EVENT_LOG:
        store_log(store, event->log.level, false, event->log.text);
        break;
    }
}

void store_extend(struct store *store, int epochs) {
    uint64_t batches = (uint64_t)store->info->batches;
    if (!batches || epochs <= 0) return;
    /* A limit on the batches may have ended it within an epoch, which is then finished first. */
    if (store->step >= store->steps_planned) {
        store->steps_planned = (store->step + batches - 1) / batches * batches;
    }
    store->steps_planned += (uint64_t)epochs * batches;
    store->epochs_planned = (int)((store->steps_planned + batches - 1) / batches);
}

uint64_t store_batches_left(const struct store *store) {
    if (store->is_over || store->steps_planned <= store->step) return 0;
    return store->steps_planned - store->step;
}

double store_rate(const struct store *store) {
    if (store->pace_count < 2) return 0;
    int last = (store->pace_first + store->pace_count - 1) % STORE_PACE_SAMPLES;
    double seconds = store->pace_samples[last].time - store->pace_samples[store->pace_first].time;
    uint64_t steps = store->pace_samples[last].step - store->pace_samples[store->pace_first].step;
    return seconds > 0 ? (double)steps / seconds : 0;
}

/* Whether the pace was the same from sample to sample, as where a pacer sets it. */
static bool is_steady(const struct store *store) {
    double mean = store_rate(store);
    if (store->pace_count < ETA_STEADY_SAMPLES || !(mean > 0)) return false;
    for (int i = 1; i < store->pace_count; i++) {
        int before = (store->pace_first + i - 1) % STORE_PACE_SAMPLES;
        int here = (store->pace_first + i) % STORE_PACE_SAMPLES;
        double seconds = store->pace_samples[here].time - store->pace_samples[before].time;
        uint64_t steps = store->pace_samples[here].step - store->pace_samples[before].step;
        if (!(fabs((double)steps / seconds - mean) <= ETA_STEADY_SHARE * mean)) return false;
    }
    return true;
}

double store_eta(const struct store *store) {
    if (store->is_over || store->state != STATE_TRAIN) return -1;
    double rate = store_rate(store);
    if (!(rate > 0)) return -1;
    if (!(store->trained_seconds >= ETA_SECONDS) && !is_steady(store)) return -1;
    return (double)store_batches_left(store) / rate;
}
