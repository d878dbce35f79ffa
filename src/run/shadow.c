#include "run/shadow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "export/exporter.h"
#include "evaluate/ptq.h"

#define JOBS    32
#define UNASKED 4 /* evaluations without a command that may wait */

struct shadow {
    struct shadow_options options;
    char folder[512];
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows; never held while computing */
    pthread_cond_t changed;
    struct shadow_job jobs[JOBS]; /* oldest first */
    int job_count;
    struct shadow_result results[JOBS + 1]; /* oldest first */
    int result_count;
    bool is_busy, is_ending;
    double evaluated_at;                 /* end of the newest evaluation */
    double rolling_end, rolling_seconds; /* of the newest rolling one, and what it took */
};

static void drop_job(struct shadow_job *job) {
    snapshot_release(job->snapshot);
    checkpoint_free(job->checkpoint);
    predictions_free(&job->validated);
}

static void remove_job(struct shadow *shadow, int index) {
    shadow->job_count--;
    memmove(shadow->jobs + index, shadow->jobs + index + 1,
            (size_t)(shadow->job_count - index) * sizeof *shadow->jobs);
}

static void evaluate(struct shadow *shadow, struct shadow_job *job, struct shadow_result *result) {
    const struct samples *samples = shadow->options.samples;
    struct evaluation *evaluation = NULL;
    size_t count = job->count < samples->count ? job->count : samples->count;
    result->step = job->snapshot->step;
    if (evaluation_create(&evaluation, job->snapshot, samples, count, &job->validated,
                          shadow->options.runtime, NULL, &result->error))
        return;
    evaluation->epoch = job->epochs;
    result->event.kind = EVENT_EVALUATION;
    result->event.evaluation = evaluation;
    result->has_event = true;
}

static void quantize_untrained(struct shadow *shadow, struct shadow_job *job,
                               struct shadow_result *result) {
    const struct samples *samples = shadow->options.samples;
    struct event_ptq *ptq = &result->event.ptq;
    struct predictions predictions;
    if (ptq_evaluate(job->model, job->train, samples, shadow->options.runtime, NULL, &predictions,
                     &result->error))
        return;
    result->event.kind = EVENT_PTQ;
    result->has_event = true;
    ptq->accuracy = predictions.accuracy;
    ptq->count = (uint32_t)samples->count;
    ptq->part = ptq->count < SHADOW_ROLLING_SAMPLES ? ptq->count : SHADOW_ROLLING_SAMPLES;
    uint32_t correct = 0;
    for (size_t i = 0; i < ptq->part; i++) correct += predictions.labels[i] == samples->labels[i];
    ptq->part_accuracy = (double)correct / ptq->part;
    predictions_free(&predictions);
}

static void export_file(struct shadow *shadow, struct shadow_job *job,
                        struct shadow_result *result) {
    struct export_request request = {
        .snapshot = job->snapshot,
        .io = shadow->options.io,
        .runtime = shadow->options.runtime,
        .samples = shadow->options.samples,
        .path = shadow->options.export_path,
        .keeps_steps = shadow->options.keeps_steps,
    };
    result->step = job->snapshot->step;
    result->event.kind = EVENT_EXPORT;
    result->has_event = true;
    (void)exporter_write(&request, &result->event.export_, &result->error);
}

static void save_checkpoint(struct shadow *shadow, struct shadow_job *job,
                            struct shadow_result *result) {
    result->step = job->checkpoint->snapshot->step;
    result->event.kind = EVENT_CHECKPOINT;
    result->has_event = true;
    result->event.checkpoint.is_ok =
        !checkpoint_save(job->checkpoint, shadow->folder, result->event.checkpoint.path,
                         sizeof result->event.checkpoint.path, &result->error);
}

static void work(struct shadow *shadow, struct shadow_job *job, struct shadow_result *result) {
    *result = (struct shadow_result){
        .task = job->task, .command = job->command, .is_final = job->is_final};
    switch (job->task) {
    case SHADOW_EVALUATE:
        evaluate(shadow, job, result);
        break;
    case SHADOW_PTQ:
        quantize_untrained(shadow, job, result);
        break;
    case SHADOW_EXPORT:
        export_file(shadow, job, result);
        break;
    case SHADOW_CHECKPOINT:
        save_checkpoint(shadow, job, result);
        break;
    }
    drop_job(job);
}

/* Only rolling evaluations count towards the share: one on all digits, on request or at the end of
 * an epoch, would delay the next rolling one for long. */
static void plan_rolling(struct shadow *shadow, size_t count, double start, double end) {
    shadow->evaluated_at = end;
    if (count > SHADOW_ROLLING_SAMPLES) return;
    shadow->rolling_end = end;
    shadow->rolling_seconds = end - start;
}

static void *shadow_main(void *context) {
    struct shadow *shadow = context;
    thread_set_name("qatop-shadow");
    pthread_mutex_lock(&shadow->mutex);
    for (;;) {
        while (!shadow->is_ending && (!shadow->job_count || shadow->result_count == JOBS))
            pthread_cond_wait(&shadow->changed, &shadow->mutex);
        if (!shadow->job_count) break;
        struct shadow_job job = shadow->jobs[0];
        remove_job(shadow, 0);
        if (shadow->is_ending && (job.task == SHADOW_EVALUATE || job.task == SHADOW_PTQ)) {
            drop_job(&job);
            continue;
        }
        shadow->is_busy = true;
        pthread_mutex_unlock(&shadow->mutex);
        struct shadow_result result;
        double start = clock_seconds();
        work(shadow, &job, &result);
        double end = clock_seconds();
        pthread_mutex_lock(&shadow->mutex);
        shadow->is_busy = false;
        if (job.task == SHADOW_EVALUATE) plan_rolling(shadow, job.count, start, end);
        if (shadow->result_count < JOBS) {
            shadow->results[shadow->result_count++] = result;
        } else { /* only while ending, when nobody takes results any more */
            event_release(&result.event);
        }
        mailbox_wake(shadow->options.mailbox);
    }
    pthread_mutex_unlock(&shadow->mutex);
    return NULL;
}

enum status shadow_create(struct shadow **made, const struct shadow_options *options,
                          struct error *error) {
    struct shadow *shadow = calloc(1, sizeof *shadow);
    if (!shadow) return error_memory(error, "", sizeof *shadow);
    shadow->options = *options;
    const char *slash = strrchr(options->export_path, '/');
    size_t length = slash ? (size_t)(slash - options->export_path) : 1;
    if (length >= sizeof shadow->folder) length = sizeof shadow->folder - 1;
    memcpy(shadow->folder, slash ? options->export_path : ".", length);
    shadow->evaluated_at = clock_seconds();
    pthread_mutex_init(&shadow->mutex, NULL);
    pthread_cond_init(&shadow->changed, NULL);
    int failed = pthread_create(&shadow->thread, NULL, shadow_main, shadow);
    if (failed) {
        pthread_cond_destroy(&shadow->changed);
        pthread_mutex_destroy(&shadow->mutex);
        free(shadow);
        return error_set(error, STATUS_IO, "", "cannot start a thread: %s", strerror(failed));
    }
    *made = shadow;
    return STATUS_OK;
}

/* Evaluations that nobody waits for lose value with age. */
static void drop_unasked(struct shadow *shadow) {
    int unasked = 0, oldest = -1;
    for (int i = shadow->job_count - 1; i >= 0; i--) {
        const struct shadow_job *job = &shadow->jobs[i];
        if (job->task != SHADOW_EVALUATE || job->command || job->is_final) continue;
        unasked++;
        oldest = i;
    }
    if (unasked < UNASKED) return;
    drop_job(&shadow->jobs[oldest]);
    remove_job(shadow, oldest);
}

bool shadow_submit(struct shadow *shadow, const struct shadow_job *job) {
    struct shadow_job own = *job;
    bool is_unasked = job->task == SHADOW_EVALUATE && !job->command;
    /* Keep room for evaluations that the run itself needs. */
    int limit = is_unasked ? JOBS : JOBS - UNASKED - 2;
    pthread_mutex_lock(&shadow->mutex);
    if (is_unasked) drop_unasked(shadow);
    bool fits = shadow->job_count < limit;
    if (fits) {
        shadow->jobs[shadow->job_count++] = own;
        pthread_cond_signal(&shadow->changed);
    }
    pthread_mutex_unlock(&shadow->mutex);
    if (!fits) drop_job(&own);
    return fits;
}

bool shadow_is_due(struct shadow *shadow, double now, double share) {
    pthread_mutex_lock(&shadow->mutex);
    bool is_due = !shadow->is_busy && !shadow->job_count &&
                  now >= shadow->evaluated_at + SHADOW_ROLLING_SECONDS &&
                  now >= shadow->rolling_end + shadow->rolling_seconds * (1 / share - 1);
    pthread_mutex_unlock(&shadow->mutex);
    return is_due;
}

bool shadow_take(struct shadow *shadow, struct shadow_result *result) {
    pthread_mutex_lock(&shadow->mutex);
    bool is_ready = shadow->result_count > 0;
    if (is_ready) {
        *result = shadow->results[0];
        shadow->result_count--;
        memmove(shadow->results, shadow->results + 1,
                (size_t)shadow->result_count * sizeof *shadow->results);
        pthread_cond_signal(&shadow->changed);
    }
    pthread_mutex_unlock(&shadow->mutex);
    return is_ready;
}

void shadow_destroy(struct shadow *shadow) {
    if (!shadow) return;
    pthread_mutex_lock(&shadow->mutex);
    shadow->is_ending = true;
    pthread_cond_signal(&shadow->changed);
    pthread_mutex_unlock(&shadow->mutex);
    pthread_join(shadow->thread, NULL);
    for (int i = 0; i < shadow->result_count; i++)
        if (shadow->results[i].has_event) event_release(&shadow->results[i].event);
    pthread_cond_destroy(&shadow->changed);
    pthread_mutex_destroy(&shadow->mutex);
    free(shadow);
}
