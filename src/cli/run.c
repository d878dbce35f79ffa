#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/sha256.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "config.h"
#include "run/run.h"

#define WAIT_SECONDS 0.2

/* What is known so far about a run without a screen. */
struct watch {
    const struct options *options;
    struct run *run;
    struct progress progress;
    enum run_state state;
    uint64_t step;
    double loss_sum; /* over the epoch that is being trained */
    uint32_t finite, seen, correct;
    struct event_epoch *epochs;
    int epoch_count, epoch_room;
    struct evaluation *evaluation; /* the newest one of all test digits; retained */
    double ptq;                    /* accuracy; NaN until it is known */
    struct export_result exported;
    char checkpoint[160];
    char trouble[228]; /* the newest line of LOG_ERROR or worse */
    uint32_t awaited;  /* number of the last command sent */
    bool is_answered;
    enum status answer;
};

static enum status watch_epoch(struct watch *watch, const struct event_epoch *epoch,
                               struct error *error) {
    if (watch->epoch_count == watch->epoch_room) {
        int room = watch->epoch_room ? 2 * watch->epoch_room : 8;
        void *larger = realloc(watch->epochs, (size_t)room * sizeof *watch->epochs);
        if (!larger) return error_memory(error, "epochs", (size_t)room * sizeof *watch->epochs);
        watch->epochs = larger;
        watch->epoch_room = room;
    }
    watch->epochs[watch->epoch_count++] = *epoch;
    progress_epoch(&watch->progress, epoch->epoch, run_info(watch->run)->batches, epoch->seconds,
                   epoch->loss, epoch->accuracy, epoch->val_loss, epoch->val_accuracy);
    watch->loss_sum = 0;
    watch->finite = watch->seen = watch->correct = 0;
    return STATUS_OK;
}

static void watch_batch(struct watch *watch, const struct event_batch *batch) {
    watch->loss_sum += batch->loss_sum;
    watch->finite += batch->finite;
    watch->seen += batch->count;
    watch->correct += batch->correct;
    progress_batch(&watch->progress, batch->epoch + 1, batch->batch, batch->batches,
                   watch->finite ? watch->loss_sum / watch->finite : 0,
                   watch->seen ? (double)watch->correct / watch->seen : 0);
}

static void watch_log(struct watch *watch, enum log_level level, const char *text) {
    if (level >= LOG_ERROR) snprintf(watch->trouble, sizeof watch->trouble, "%s", text);
    if (level == LOG_WARNING) progress_note(&watch->progress, "warning: %s", text);
}

static enum status watch_event(struct watch *watch, const struct event *event,
                               struct error *error) {
    watch->step = event->step;
    switch (event->kind) {
    case EVENT_STATE:
        watch->state = event->state;
        break;
    case EVENT_BATCH:
        watch_batch(watch, &event->batch);
        break;
    case EVENT_EPOCH:
        return watch_epoch(watch, &event->epoch, error);
    case EVENT_EVALUATION:
        if (!event->evaluation->is_whole) break;
        evaluation_release(watch->evaluation);
        watch->evaluation = evaluation_retain(event->evaluation);
        break;
    case EVENT_PTQ:
        watch->ptq = event->ptq.accuracy;
        break;
    case EVENT_EXPORT:
        watch->exported = event->export_;
        break;
    case EVENT_CHECKPOINT:
        snprintf(watch->checkpoint, sizeof watch->checkpoint, "%s", event->checkpoint.path);
        break;
    case EVENT_LOG:
        watch_log(watch, event->log.level, event->log.text);
        break;
    case EVENT_ACKNOWLEDGE:
        if (event->acknowledge.command != watch->awaited) break;
        watch->is_answered = true;
        watch->answer = event->acknowledge.status;
        snprintf(watch->trouble, sizeof watch->trouble, "%s", event->acknowledge.text);
        break;
    case EVENT_TENSOR:
        break;
    }
    return STATUS_OK;
}

/* Process events until `is_reached`, or a signal unless `is_patient`. */
typedef bool watch_goal(const struct watch *watch);
static enum status watch_until(struct watch *watch, watch_goal *is_reached, bool is_patient,
                               struct error *error) {
    enum status status = STATUS_OK;
    while (!status && !is_reached(watch) && (is_patient || !interrupt_signal())) {
        struct event event;
        if (!run_wait(watch->run, &event, WAIT_SECONDS)) continue;
        status = watch_event(watch, &event, error);
        event_release(&event);
    }
    return status;
}

static bool is_trained(const struct watch *watch) {
    return watch->state == STATE_DONE || watch->state == STATE_FAILED;
}

static bool is_answered(const struct watch *watch) {
    return watch->is_answered;
}

/* Send a command and wait until it is carried out or refused. */
static enum status ask(struct watch *watch, enum command_kind kind, bool is_patient,
                       struct error *error) {
    watch->is_answered = false;
    watch->answer = STATUS_OK;
    watch->awaited = run_send(watch->run, (struct command){.kind = kind});
    enum status status = watch_until(watch, is_answered, is_patient, error);
    if (!status && watch->answer) return error_set(error, watch->answer, "", "%s", watch->trouble);
    return status;
}

static enum status train_and_export(struct watch *watch, struct error *error) {
    enum status status = run_start(watch->run, error);
    if (!status) status = watch_until(watch, is_trained, false, error);
    if (!status && watch->state == STATE_FAILED)
        return error_set(error, STATUS_DIVERGED, run_info(watch->run)->name, "%s",
                         watch->trouble[0] ? watch->trouble : "training failed");
    if (!status && !interrupt_signal()) status = ask(watch, COMMAND_EXPORT, false, error);
    /* `qatop export` starts from it. */
    if (!status && !interrupt_signal()) status = ask(watch, COMMAND_CHECKPOINT, false, error);
    if (!status && !interrupt_signal() && !watch->evaluation)
        return error_set(error, STATUS_MEMORY, run_info(watch->run)->name,
                         "the trained model could not be evaluated: %s", watch->trouble);
    return status;
}

/* --- closing --- */

/* Digest of all parameters, without the padding between them. */
static enum status weights_digest(const struct snapshot *snapshot, char hex[SHA256_HEX],
                                  struct error *error) {
    const struct model *model = snapshot->model;
    float *packed = array_new(model->weight_count, sizeof *packed);
    if (!packed) return error_memory(error, "weights", model->weight_count * sizeof *packed);
    size_t used = 0;
    for (int i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        memcpy(packed + used, snapshot->weights + parameter->offset,
               parameter->count * sizeof *packed);
        used += parameter->count;
    }
    sha256_hex(packed, used * sizeof *packed, hex);
    array_free(packed);
    return STATUS_OK;
}

static json_t *json_epochs(const struct watch *watch) {
    json_t *list = json_array();
    for (int i = 0; list && i < watch->epoch_count; i++) {
        const struct event_epoch *epoch = &watch->epochs[i];
        json_t *entry = json_pack(
            "{s:o, s:o, s:o, s:o, s:o}", "loss", json_number(epoch->loss), "accuracy",
            json_number(epoch->accuracy), "val_loss", json_number(epoch->val_loss), "val_accuracy",
            json_number(epoch->val_accuracy), "seconds", json_number(epoch->seconds));
        if (json_array_append_new(list, entry)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *json_path(const struct predictions *predictions) {
    return json_pack("{s:f, s:o}", "accuracy", predictions->accuracy, "loss",
                     json_number(predictions->loss));
}

static const struct {
    const char *text, *name;
} baselines[] = {
    [BASELINE_PRETRAINED] = {"FP32 pretrained model accuracy", "pretrained"},
    [BASELINE_QAT] = {"FP32 accuracy of the QAT model's weights", "qat"},
    [BASELINE_CHECKPOINT] = {"FP32 accuracy of the checkpoint's weights", "checkpoint"},
};

static json_t *json_baseline(const struct predictions *fp32, enum run_baseline baseline) {
    json_t *json = json_path(fp32);
    if (json && json_object_set_new(json, "of", json_string(baselines[baseline].name))) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static enum status report(const struct watch *watch, const struct predictions *fp32,
                          struct error *error) {
    const struct evaluation *last = watch->evaluation;
    const struct predictions *int8 = &last->results[PRECISION_INT8];
    const char *path = run_info(watch->run)->export_path;
    if (!watch->options->is_json) {
        printf("Quantized model accuracy: %.4f\n", int8->accuracy);
        printf("%s: %.4f\n", baselines[run_info(watch->run)->baseline].text, fp32->accuracy);
        return STATUS_OK;
    }
    char digest[SHA256_HEX];
    enum status status = weights_digest(last->snapshot, digest, error);
    if (status) return status;
    return print_json(json_pack("{s:o, s:{s:o}, s:o, s:{s:f}, s:o, s:{s:s, s:I, s:s}, s:s}", "fp32",
                                json_baseline(fp32, run_info(watch->run)->baseline), "ptq",
                                "accuracy", json_number(watch->ptq), "qat",
                                json_path(&last->results[PRECISION_QAT]), "int8", "accuracy",
                                int8->accuracy, "epochs", json_epochs(watch), "export", "path",
                                path, "bytes", (json_int_t)watch->exported.bytes, "sha256",
                                watch->exported.sha256, "weights_sha256", digest),
                      error);
}

/* The original model, before any training. */
static enum status evaluate_pretrained(const struct run_info *info, struct predictions *fp32,
                                       struct error *error) {
    struct pool *pool = NULL;
    enum status status = pool_create(&pool, info->config->threads, error);
    if (!status)
        status = evaluate_float(info->model, info->model->weights, &info->dataset->test, pool, fp32,
                                error);
    pool_destroy(pool);
    return status;
}

/* After a signal. */
static enum status save_checkpoint(struct watch *watch, struct error *error) {
    enum status status = ask(watch, COMMAND_CHECKPOINT, true, error);
    if (status) return status;
    return error_set(error, STATUS_INTERRUPTED, watch->checkpoint,
                     "interrupted; this checkpoint contains the weights");
}

enum status run_without_screen(const struct options *options, const char *remark, int *exit_status,
                               struct error *error) {
    struct settings settings;
    struct predictions fp32 = {0};
    struct watch watch = {.options = options, .ptq = (double)NAN};
    enum status status = settings_run(&settings, options, true, error);
    if (status) return status;
    interrupt_catch();
    watch.progress = progress_start(options->is_quiet, (int)options->epochs);
    status = run_create(&watch.run, &settings.config, error);
    if (status) return status;
    if (remark) progress_note(&watch.progress, PACKAGE_NAME ": %s", remark);
    const struct run_info *info = run_info(watch.run);
    if (info->ranges_remark[0])
        progress_note(&watch.progress, "%s %s", info->name, info->ranges_remark);
    if (*info->dataset->remark) progress_note(&watch.progress, "%s", info->dataset->remark);
    char line[160];
    for (int i = 0; options->is_verbose && run_memory(watch.run, i, line, sizeof line); i++)
        fprintf(stderr, "%s\n", line);
    status = settings_check_writable(info->export_path, error);
    if (!status) status = evaluate_pretrained(info, &fp32, error);
    if (!status) status = train_and_export(&watch, error);
    if (!status && interrupt_signal()) status = save_checkpoint(&watch, error);
    progress_end(&watch.progress);
    if (status == STATUS_INTERRUPTED) *exit_status = 128 + interrupt_signal();
    if (!status) {
        if (!isnan(watch.ptq))
            progress_note(&watch.progress, "%s (PTQ): %.4f",
                          info->baseline == BASELINE_QAT ? "Without its ranges"
                                                         : "Without training",
                          watch.ptq);
        progress_note(&watch.progress, "%s: %u bytes", run_info(watch.run)->export_path,
                      watch.exported.bytes);
        status = report(&watch, &fp32, error);
    }
    struct error ignored;
    enum status finished = run_finish(watch.run, false, status ? &ignored : error);
    evaluation_release(watch.evaluation);
    predictions_free(&fp32);
    free(watch.epochs);
    return status ? status : finished;
}

enum status command_run(const struct options *options, int *exit_status, struct error *error) {
    return run_without_screen(options, NULL, exit_status, error);
}
