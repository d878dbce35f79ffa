#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "cli/subject.h"
#include "train/trainer.h"

/* One training. */
struct job {
    const struct options *options;
    struct model *model;
    struct dataset dataset;
    struct pool *pool;
    struct trainer *trainer;
    struct progress progress;
    json_t *epochs;     /* with --json: one object per epoch */
    double epoch_start; /* when it began */
    double loss_sum;    /* over the epoch's digits so far */
    size_t seen, correct;
    char path[1024]; /* of the .h5 */
};

static enum status open_job(struct job *job, struct error *error) {
    const struct options *options = job->options;
    const char *name = model_architecture(options->architecture);
    if (options->output)
        snprintf(job->path, sizeof job->path, "%s", options->output);
    else
        snprintf(job->path, sizeof job->path, "saved_model/mnist_%s/model.h5", name);
    enum status status = settings_check_writable(job->path, error);
    if (!status) status = model_build(name, options->seed, &job->model, error);
    if (!status) status = data_open(options, job->model, NULL, PARTS_BOTH, &job->dataset, error);
    if (!status) status = pool_create(&job->pool, (int)options->threads, error);
    struct training training = settings_training(options);
    if (!status)
        status = trainer_create(&job->trainer, job->model, NULL, &job->dataset, &training,
                                job->pool, error);
    return status;
}

static void close_job(struct job *job) {
    json_decref(job->epochs);
    trainer_destroy(job->trainer);
    pool_destroy(job->pool);
    dataset_free(&job->dataset);
    model_free(job->model);
}

/* Validate, report, and reset the counters. */
static enum status end_epoch(struct job *job, const struct step_result *step, struct error *error) {
    struct predictions predictions = {0};
    double seconds = clock_seconds() - job->epoch_start;
    enum status status = evaluate_float(job->model, trainer_weights(job->trainer),
                                        &job->dataset.test, job->pool, &predictions, error);
    if (status) return status;
    double loss = job->loss_sum / (double)job->seen;
    double accuracy = (double)job->correct / (double)job->seen;
    progress_epoch(&job->progress, step->epoch + 1, step->batch, seconds, loss, accuracy,
                   predictions.loss, predictions.accuracy);
    if (job->epochs &&
        json_array_append_new(
            job->epochs, json_pack("{s:o, s:f, s:o, s:f, s:f}", "loss", json_number(loss),
                                   "accuracy", accuracy, "val_loss", json_number(predictions.loss),
                                   "val_accuracy", predictions.accuracy, "seconds", seconds)))
        status = error_memory(error, "JSON", 0);
    predictions_free(&predictions);
    job->loss_sum = 0;
    job->seen = job->correct = 0;
    job->epoch_start = clock_seconds();
    return status;
}

static enum status train_all(struct job *job, struct error *error) {
    struct step_result step = {0};
    job->epoch_start = clock_seconds();
    while (!step.ends_training && !interrupt_signal()) {
        trainer_step(job->trainer, &step);
        if (!step.is_finite)
            return error_set(error, STATUS_DIVERGED, job->path,
                             "not written: the loss of step %llu is not finite; try a lower --lr",
                             (unsigned long long)step.step);
        job->loss_sum += (double)step.loss * step.count;
        job->seen += (size_t)step.count;
        job->correct += (size_t)step.correct;
        progress_batch(&job->progress, step.epoch + 1, step.batch, step.batches,
                       job->loss_sum / (double)job->seen, (double)job->correct / (double)job->seen);
        if (!step.ends_epoch && !step.ends_training) continue;
        enum status status = end_epoch(job, &step, error);
        if (status) return status;
    }
    return STATUS_OK;
}

/* To a name of its own: an older model may exist under the one that was asked for. */
static enum status save_interrupted(const struct job *job, struct error *error) {
    char path[1100];
    const char *dot = strrchr(job->path, '.');
    if (!dot || strchr(dot, '/')) dot = job->path + strlen(job->path);
    unsigned long long steps = trainer_steps(job->trainer);
    snprintf(path, sizeof path, "%.*s-s%llu%s", (int)(dot - job->path), job->path, steps, dot);
    enum status status = model_save(job->model, trainer_weights(job->trainer), path, error);
    if (status) return status;
    return error_set(error, STATUS_INTERRUPTED, path,
                     "interrupted after step %llu; this file contains the weights", steps);
}

static enum status report(struct job *job, struct error *error) {
    struct predictions predictions = {0};
    enum status status = evaluate_float(job->model, trainer_weights(job->trainer),
                                        &job->dataset.test, job->pool, &predictions, error);
    if (status) return status;
    if (job->options->is_json)
        status = print_json(json_pack("{s:s, s:f, s:o, s:I, s:O}", "model", job->path, "accuracy",
                                      predictions.accuracy, "loss", json_number(predictions.loss),
                                      "steps", (json_int_t)trainer_steps(job->trainer), "epochs",
                                      job->epochs),
                            error);
    else
        printf("%s: FP32 model accuracy: %.4f\n", job->path, predictions.accuracy);
    predictions_free(&predictions);
    return status;
}

enum status command_train(const struct options *options, int *exit_status, struct error *error) {
    if (options->architecture < 0)
        return error_set(error, STATUS_USAGE, "train", "needs --arch fc or --arch cnn");
    struct job job = {.options = options};
    job.progress = progress_start(options->is_quiet, (int)options->epochs);
    interrupt_catch();
    enum status status = open_job(&job, error);
    if (!status && options->is_json && !(job.epochs = json_array()))
        status = error_memory(error, "JSON", 0);
    if (!status) status = train_all(&job, error);
    progress_end(&job.progress);
    if (!status && interrupt_signal()) {
        status = save_interrupted(&job, error);
        if (status == STATUS_INTERRUPTED) *exit_status = 128 + interrupt_signal();
    } else if (!status) {
        status = model_save(job.model, trainer_weights(job.trainer), job.path, error);
        if (!status) status = report(&job, error);
    }
    close_job(&job);
    return status;
}
