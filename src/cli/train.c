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

/* One training, so that helpers need not take eight arguments. */
struct session {
    const struct options *options;
    struct model *model;
    struct dataset dataset;
    struct pool *pool;
    struct trainer *trainer;
    struct progress progress;
    json_t *epochs;     /* with --json: one object an epoch */
    double epoch_start; /* when it began */
    double loss_sum;    /* over the epoch's digits so far */
    size_t seen, correct;
    char path[1024]; /* of the .h5 */
};

static enum status open_session(struct session *session, struct error *error) {
    const struct options *options = session->options;
    const char *name = option_architecture_name(options);
    if (options->output)
        snprintf(session->path, sizeof session->path, "%s", options->output);
    else
        snprintf(session->path, sizeof session->path, "saved_model/mnist_%s/model.h5", name);
    enum status status = settings_check_writable(session->path, error);
    if (!status) status = model_build(name, options->seed, &session->model, error);
    if (!status) status = subject_digits(options, &session->dataset, error);
    if (!status) status = pool_create(&session->pool, (int)options->threads, error);
    struct training training = settings_training(options);
    if (!status)
        status = trainer_create(&session->trainer, session->model, NULL, &session->dataset,
                                &training, session->pool, error);
    return status;
}

static void close_session(struct session *session) {
    json_decref(session->epochs);
    trainer_destroy(session->trainer);
    pool_destroy(session->pool);
    dataset_free(&session->dataset);
    model_free(session->model);
}

/* Validate, tell, and start counting anew. */
static enum status end_epoch(struct session *session, const struct step_result *step,
                             struct error *error) {
    struct predictions predictions = {0};
    double seconds = clock_seconds() - session->epoch_start;
    enum status status = evaluate_float(session->model, trainer_weights(session->trainer),
                                        &session->dataset.test, session->pool, &predictions, error);
    if (status) return status;
    double loss = session->loss_sum / (double)session->seen;
    double accuracy = (double)session->correct / (double)session->seen;
    progress_epoch(&session->progress, step->epoch + 1, step->batch, seconds, loss, accuracy,
                   predictions.loss, predictions.accuracy);
    if (session->epochs &&
        json_array_append_new(session->epochs,
                              json_pack("{s:o, s:f, s:o, s:f, s:f}", "loss", json_number(loss),
                                        "accuracy", accuracy, "val_loss",
                                        json_number(predictions.loss), "val_accuracy",
                                        predictions.accuracy, "seconds", seconds)))
        status = error_memory(error, "JSON", 0);
    predictions_free(&predictions);
    session->loss_sum = 0;
    session->seen = session->correct = 0;
    session->epoch_start = clock_seconds();
    return status;
}

static enum status train_all(struct session *session, struct error *error) {
    struct step_result step = {0};
    session->epoch_start = clock_seconds();
    while (!step.ends_training && !interrupt_signal()) {
        trainer_step(session->trainer, &step);
        if (!step.is_finite)
            return error_set(error, STATUS_DIVERGED, session->path,
                             "not written: the loss of step %llu is not finite; a lower --lr may "
                             "mend that",
                             (unsigned long long)step.step);
        session->loss_sum += (double)step.loss * step.count;
        session->seen += (size_t)step.count;
        session->correct += (size_t)step.correct;
        progress_batch(&session->progress, step.epoch + 1, step.batch, step.batches,
                       session->loss_sum / (double)session->seen,
                       (double)session->correct / (double)session->seen);
        if (!step.ends_epoch && !step.ends_training) continue;
        enum status status = end_epoch(session, &step, error);
        if (status) return status;
    }
    return STATUS_OK;
}

/* What was trained so far, beside the file that was asked for: an older one may stand there. */
static enum status save_interrupted(const struct session *session, struct error *error) {
    char path[1100];
    const char *dot = strrchr(session->path, '.');
    if (!dot || strchr(dot, '/')) dot = session->path + strlen(session->path);
    unsigned long long steps = trainer_steps(session->trainer);
    snprintf(path, sizeof path, "%.*s-s%llu%s", (int)(dot - session->path), session->path, steps,
             dot);
    enum status status = model_save(session->model, trainer_weights(session->trainer), path, error);
    if (status) return status;
    return error_set(error, STATUS_INTERRUPTED, path,
                     "interrupted after step %llu; this file holds the weights", steps);
}

static enum status report(struct session *session, struct error *error) {
    struct predictions predictions = {0};
    enum status status = evaluate_float(session->model, trainer_weights(session->trainer),
                                        &session->dataset.test, session->pool, &predictions, error);
    if (status) return status;
    if (session->options->is_json)
        status = print_json(
            json_pack("{s:s, s:f, s:o, s:I, s:O}", "model", session->path, "accuracy",
                      predictions.accuracy, "loss", json_number(predictions.loss), "steps",
                      (json_int_t)trainer_steps(session->trainer), "epochs", session->epochs),
            error);
    else
        printf("%s: FP32 model accuracy: %.4f\n", session->path, predictions.accuracy);
    predictions_free(&predictions);
    return status;
}

enum status command_train(const struct options *options, int *exit_status, struct error *error) {
    if (options->architecture < 0)
        return error_set(error, STATUS_USAGE, "train", "needs --arch fc or --arch cnn");
    struct session session = {.options = options};
    session.progress = progress_start(options->is_quiet, (int)options->epochs);
    interrupt_catch();
    enum status status = open_session(&session, error);
    if (!status && options->is_json && !(session.epochs = json_array()))
        status = error_memory(error, "JSON", 0);
    if (!status) status = train_all(&session, error);
    progress_end(&session.progress);
    if (!status && interrupt_signal()) {
        status = save_interrupted(&session, error);
        if (status == STATUS_INTERRUPTED) *exit_status = 128 + interrupt_signal();
    } else if (!status) {
        status = model_save(session.model, trainer_weights(session.trainer), session.path, error);
        if (!status) status = report(&session, error);
    }
    close_session(&session);
    return status;
}
