#include "run/worker.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/thread.h"
#include "evaluate/rescale.h"
#include "run/pacer.h"

/* How often a worker with nothing to train checks whether a slow reader has room. */
#define FLUSH_SECONDS 0.05

struct worker {
    struct worker_options options;
    pthread_t thread;
    atomic_bool is_ending;
    enum run_state state;
    bool stops_at_epoch; /* STOP_EPOCH is pending */
    bool has_told_not_finite;
    bool trace_failed;
    double pace;
    double taken_share; /* of one core's time for rolling evaluations that wait for no pacer */
    struct pacer pacer;
    uint64_t batches_planned; /* of the present stretch, for the pacer */
    /* the current epoch */
    double loss_sum, seconds;
    uint64_t count, correct;
    int epochs; /* ended so far */
    /* at the end of the last epoch, until the last evaluation takes it */
    struct predictions validated;
    /* the best epoch so far */
    struct snapshot *best;
    int best_epoch;
    double best_accuracy, best_loss;
};

static void set_state(struct worker *worker, enum run_state state) {
    if (worker->state == state) return;
    worker->state = state;
    reporter_state(worker->options.reporter, state);
}

static bool is_training(const struct worker *worker) {
    return worker->state == STATE_TRAIN || worker->state == STATE_STOPPING;
}

static bool can_train(const struct worker *worker) {
    return is_training(worker) || worker->state == STATE_PAUSED;
}

static struct snapshot *take_snapshot(struct worker *worker) {
    struct snapshot *snapshot = trainer_snapshot(worker->options.trainer);
    if (!snapshot)
        reporter_log(worker->options.reporter, LOG_ERROR, "not enough memory for a snapshot");
    return snapshot;
}

/* Takes over the reference to `snapshot` and worker->validated, if that is not empty. */
static void submit_evaluation(struct worker *worker, struct snapshot *snapshot, size_t count,
                              bool is_final) {
    struct shadow_job job = {
        .task = SHADOW_EVALUATE,
        .snapshot = snapshot,
        .count = count,
        .validated = worker->validated,
        .epochs = worker->epochs,
        .is_final = is_final,
    };
    worker->validated = (struct predictions){0};
    if (!shadow_submit(worker->options.shadow, &job))
        reporter_log(worker->options.reporter, LOG_ERROR,
                     "evaluation dropped: too many jobs are waiting");
}

static size_t test_count(const struct worker *worker) {
    return worker->options.info->dataset->test.count;
}

static void plan_pace(struct worker *worker) {
    double pace = worker->pace;
    /* Auto is for an audience. */
    if (pace < 0 && worker->options.info->config->is_headless) pace = PACE_MAX;
    pacer_set(&worker->pacer, pace, worker->batches_planned, clock_seconds());
}

/* How long the training that begins now will be. */
static void plan_stretch(struct worker *worker, int epochs, uint64_t most) {
    uint64_t batches = (uint64_t)worker->options.info->batches * (uint64_t)epochs;
    worker->batches_planned = most && most < batches ? most : batches;
    plan_pace(worker);
}

/* ---- training ---------------------------------------------------------------------------- */

/* Training is over: it is complete or was stopped (then `after` is DONE, once the last evaluation
 * is ready), or it FAILED. */
static void end_training(struct worker *worker, enum run_state after) {
    worker->stops_at_epoch = false;
    if (trainer_steps(worker->options.trainer))
        reporter_tensors(worker->options.reporter, worker->options.trainer, true);
    set_state(worker, after == STATE_DONE ? STATE_EVAL : after);
    struct snapshot *snapshot = take_snapshot(worker);
    if (!snapshot) {
        predictions_free(&worker->validated);
        set_state(worker, after);
        return;
    }
    submit_evaluation(worker, snapshot, test_count(worker), after == STATE_DONE);
}

static void keep_best(struct worker *worker, struct snapshot *snapshot,
                      const struct event_epoch *epoch) {
    bool is_better =
        !worker->best || epoch->val_accuracy > worker->best_accuracy ||
        (epoch->val_accuracy == worker->best_accuracy && epoch->val_loss < worker->best_loss);
    if (!is_better) return;
    snapshot_release(worker->best);
    worker->best = snapshot_retain(snapshot);
    worker->best_epoch = epoch->epoch;
    worker->best_accuracy = epoch->val_accuracy;
    worker->best_loss = epoch->val_loss;
}

/* Whether anybody sees evaluations before the last. */
static bool is_watched(const struct worker *worker) {
    const struct run_config *config = worker->options.info->config;
    return !config->is_headless || config->record_path;
}

/* Validate with the graph being trained, as Keras does at the end of an epoch.  The shadow
 * evaluates in all three precisions; end_training requests the last such evaluation. */
static void end_epoch(struct worker *worker, const struct step_result *result, bool is_last) {
    struct event_epoch epoch = {
        .epoch = result->epoch + 1,
        .loss = worker->count ? worker->loss_sum / (double)worker->count : (double)NAN,
        .accuracy = worker->count ? (double)worker->correct / (double)worker->count : (double)NAN,
        .val_loss = (double)NAN,
        .val_accuracy = (double)NAN,
    };
    double start = clock_seconds();
    struct reporter *reporter = worker->options.reporter;
    struct snapshot *snapshot = take_snapshot(worker);
    struct error error;
    worker->epochs = epoch.epoch;
    if (snapshot) {
        const struct samples *samples = &worker->options.info->dataset->test;
        if (evaluate_fake_quant(snapshot, samples, worker->options.pool, &worker->validated,
                                &error)) {
            reporter_error(reporter, "validation failed", &error);
        } else {
            epoch.val_loss = worker->validated.loss;
            epoch.val_accuracy = worker->validated.accuracy;
        }
        keep_best(worker, snapshot, &epoch);
        if (!is_last && is_watched(worker)) {
            submit_evaluation(worker, snapshot, test_count(worker), false);
        } else {
            snapshot_release(snapshot);
            if (!is_last) predictions_free(&worker->validated);
        }
    }
    epoch.seconds = worker->seconds + clock_seconds() - start;
    reporter_epoch(reporter, &epoch, trainer_ranges(worker->options.trainer));
    worker->loss_sum = worker->seconds = 0;
    worker->count = worker->correct = 0;
}

static void handle_not_finite(struct worker *worker, const struct step_result *result) {
    enum on_nan on_nan = worker->options.info->config->on_nan;
    if (on_nan == ON_NAN_PAUSE && worker->options.info->config->is_headless) on_nan = ON_NAN_STOP;
    if (on_nan == ON_NAN_CONTINUE && worker->has_told_not_finite) return;
    worker->has_told_not_finite = true;
    static const char *const next[] = {
        [ON_NAN_PAUSE] = "paused: continue with a lower learning rate or go back to the best epoch",
        [ON_NAN_STOP] = "stopped: try a lower learning rate",
        [ON_NAN_CONTINUE] = "continuing as requested; reported only once",
    };
    reporter_log(
        worker->options.reporter, LOG_CRITICAL,
        "training diverged: loss, range or gradient of batch %llu is not finite (loss %g), the "
        "weights are those before it; %s",
        (unsigned long long)result->step, (double)result->loss, next[on_nan]);
    if (on_nan == ON_NAN_PAUSE) set_state(worker, STATE_PAUSED);
    if (on_nan == ON_NAN_STOP) end_training(worker, STATE_FAILED);
}

static void write_trace(struct worker *worker, const struct step_result *result) {
    struct error error;
    if (!worker->options.trace || worker->trace_failed) return;
    if (!trace_step(worker->options.trace, result, trainer_ranges(worker->options.trainer), &error))
        return;
    worker->trace_failed = true;
    reporter_error(worker->options.reporter, "the trace ends here", &error);
}

static void plan_evaluations(struct worker *worker) {
    int cores = cpu_count();
    double share = SHADOW_SHARE_OF_TRAINING * cores;
    bool is_spare = worker->options.info->threads < cores || share > SHADOW_SHARE_OF_SPARE;
    worker->taken_share = is_spare ? SHADOW_SHARE_OF_SPARE : share;
}

static void evaluate_now_and_then(struct worker *worker) {
    if (!is_watched(worker)) return;
    double now = clock_seconds();
    bool is_held_back = pacer_delay(&worker->pacer, now) > 0;
    double share = is_held_back ? SHADOW_SHARE_OF_SPARE : worker->taken_share;
    if (!shadow_is_due(worker->options.shadow, now, share)) return;
    struct snapshot *snapshot = take_snapshot(worker);
    if (snapshot) submit_evaluation(worker, snapshot, SHADOW_ROLLING_SAMPLES, false);
}

static void train_batch(struct worker *worker) {
    struct step_result result;
    double start = clock_seconds();
    trainer_step(worker->options.trainer, &result);
    double end = clock_seconds();
    pacer_count(&worker->pacer, end);
    write_trace(worker, &result);
    reporter_set_step(worker->options.reporter, result.step);
    reporter_batch(worker->options.reporter, &result, end - start);
    worker->seconds += end - start;
    if (isfinite(result.loss)) {
        worker->loss_sum += (double)result.loss * result.count;
        worker->count += (uint64_t)result.count;
        worker->correct += (uint64_t)result.correct;
    }
    if (!result.is_finite) handle_not_finite(worker, &result);
    if (worker->state == STATE_FAILED) return;
    bool is_last = result.ends_training || (result.ends_epoch && worker->stops_at_epoch);
    if (result.ends_epoch) end_epoch(worker, &result, is_last);
    if (is_last) {
        end_training(worker, STATE_DONE);
        return;
    }
    reporter_tensors(worker->options.reporter, worker->options.trainer,
                     worker->state == STATE_PAUSED);
    evaluate_now_and_then(worker);
}

/* ---- commands ---------------------------------------------------------------------------- */

static enum status refuse(struct error *error, const char *why) {
    return error_set(error, STATUS_USAGE, "", "%s", why);
}

static enum status pause_training(struct worker *worker, struct error *error) {
    if (!can_train(worker)) return refuse(error, "nothing is being trained");
    if (worker->state != STATE_PAUSED && trainer_steps(worker->options.trainer))
        reporter_tensors(worker->options.reporter, worker->options.trainer, true);
    set_state(worker, STATE_PAUSED);
    return STATUS_OK;
}

static enum status resume_training(struct worker *worker, struct error *error) {
    if (!can_train(worker)) return refuse(error, "nothing is being trained");
    if (worker->state == STATE_PAUSED) plan_pace(worker);
    set_state(worker, worker->stops_at_epoch ? STATE_STOPPING : STATE_TRAIN);
    return STATUS_OK;
}

static enum status step_training(struct worker *worker, struct error *error) {
    if (!can_train(worker)) return refuse(error, "nothing is being trained");
    set_state(worker, STATE_PAUSED);
    train_batch(worker);
    return STATUS_OK;
}

static enum status stop_at_epoch(struct worker *worker, struct error *error) {
    if (!can_train(worker)) return refuse(error, "nothing is being trained");
    worker->stops_at_epoch = true;
    set_state(worker, STATE_STOPPING);
    return STATUS_OK;
}

static enum status stop_now(struct worker *worker, struct error *error) {
    if (!can_train(worker)) return refuse(error, "nothing is being trained");
    set_state(worker, STATE_STOPPING);
    end_training(worker, STATE_DONE);
    return STATUS_OK;
}

static enum status stop_and_restore(struct worker *worker, struct error *error) {
    if (worker->state == STATE_EVAL)
        return refuse(error, "the last evaluation is still running; try again when it is done");
    if (!worker->best) return refuse(error, "no epoch is complete yet, so there is no best one");
    set_state(worker, STATE_STOPPING);
    trainer_restore(worker->options.trainer, worker->best);
    reporter_log(worker->options.reporter, LOG_INFO,
                 "went back to the weights of epoch %d (QAT accuracy %.2f %%)", worker->best_epoch,
                 worker->best_accuracy * 100);
    end_training(worker, STATE_DONE);
    return STATUS_OK;
}

static enum status train_on(struct worker *worker, double number, struct error *error) {
    if (worker->state != STATE_DONE && worker->state != STATE_FAILED)
        return refuse(error, "training is not over yet");
    if (!(number >= 1 && number <= MAX_EPOCHS) || number != floor(number))
        return error_set(error, STATUS_USAGE, "", "the number of epochs must be between 1 and %d",
                         MAX_EPOCHS);
    trainer_extend(worker->options.trainer, (int)number);
    worker->has_told_not_finite = false;
    worker->loss_sum = worker->seconds = 0;
    worker->count = worker->correct = 0;
    plan_stretch(worker, (int)number, 0);
    set_state(worker, STATE_TRAIN);
    return STATUS_OK;
}

static enum status set_learning_rate(struct worker *worker, double number, struct error *error) {
    if (!(number > 0 && number <= (double)FLT_MAX))
        return refuse(error, "the learning rate must be a number above 0");
    trainer_set_learning_rate(worker->options.trainer, (float)number);
    return STATUS_OK;
}

static enum status set_pace(struct worker *worker, double number, struct error *error) {
    if (!(number >= 0 && number <= 1e9) && number != PACE_AUTO)
        return refuse(error, "the pace must be max, auto or batches per second");
    worker->pace = number;
    plan_pace(worker);
    return STATUS_OK;
}

/* Submit to the shadow; if *is_submitted, it acknowledges when it is done. */
static enum status submit(struct worker *worker, enum command_kind kind, uint32_t number,
                          bool *is_submitted, struct error *error) {
    struct shadow_job job = {.command = number, .epochs = worker->epochs};
    if (kind == COMMAND_CHECKPOINT) {
        const struct run_info *info = worker->options.info;
        job.task = SHADOW_CHECKPOINT;
        job.checkpoint = checkpoint_take(worker->options.trainer, &info->config->training,
                                         info->model, info->baseline != BASELINE_CHECKPOINT);
        if (!job.checkpoint) return error_memory(error, "checkpoint", 0);
    } else {
        job.task = kind == COMMAND_EXPORT ? SHADOW_EXPORT : SHADOW_EVALUATE;
        job.snapshot = trainer_snapshot(worker->options.trainer);
        job.count = test_count(worker);
        if (!job.snapshot) return error_memory(error, "snapshot", 0);
    }
    if (!shadow_submit(worker->options.shadow, &job))
        return refuse(error, "too many jobs are waiting");
    *is_submitted = true;
    return STATUS_OK;
}

static void carry_out(struct worker *worker, struct command command, uint32_t number) {
    struct error error = {.status = STATUS_OK};
    bool is_submitted = false;
    enum status status = STATUS_OK;
    switch (command.kind) {
    case COMMAND_PAUSE:
        status = pause_training(worker, &error);
        break;
    case COMMAND_RESUME:
        status = resume_training(worker, &error);
        break;
    case COMMAND_STEP:
        status = step_training(worker, &error);
        break;
    case COMMAND_STOP_EPOCH:
        status = stop_at_epoch(worker, &error);
        break;
    case COMMAND_STOP_NOW:
        status = stop_now(worker, &error);
        break;
    case COMMAND_STOP_RESTORE:
        status = stop_and_restore(worker, &error);
        break;
    case COMMAND_TRAIN_ON:
        status = train_on(worker, command.number, &error);
        break;
    case COMMAND_LEARNING_RATE:
        status = set_learning_rate(worker, command.number, &error);
        break;
    case COMMAND_PACE:
        status = set_pace(worker, command.number, &error);
        break;
    case COMMAND_EXPORT:
    case COMMAND_EVALUATE:
    case COMMAND_CHECKPOINT:
        status = submit(worker, command.kind, number, &is_submitted, &error);
        break;
    default:
        status = refuse(&error, "unknown command");
    }
    error.status = status;
    if (!is_submitted) reporter_acknowledge(worker->options.reporter, number, &error);
}

/* ---- the shadow's results ------------------------------------------------------------------ */

static void tell_result(struct worker *worker, struct shadow_result *result) {
    struct reporter *reporter = worker->options.reporter;
    if (result->has_event && result->event.kind == EVENT_EVALUATION) {
        reporter_evaluation(reporter, &result->event);
    } else if (result->has_event) {
        reporter_publish(reporter, &result->event);
    }
    if (result->error.status) {
        static const char *const failed[] = {
            [SHADOW_EVALUATE] = "evaluation failed",
            [SHADOW_PTQ] = "PTQ failed",
            [SHADOW_EXPORT] = "export failed",
            [SHADOW_CHECKPOINT] = "checkpoint failed",
        };
        reporter_error(reporter, failed[result->task], &result->error);
    } else if (result->event.kind == EVENT_PTQ) {
        reporter_log(reporter, LOG_INFO, "PTQ, without training: %.2f %% of %u digits",
                     result->event.ptq.accuracy * 100, result->event.ptq.count);
    } else if (result->event.kind == EVENT_EXPORT) {
        const struct export_result *export_ = &result->event.export_;
        reporter_log(reporter, LOG_INFO, "exported, verified: %.2f %% of %u digits, 0 differ: %s",
                     export_->accuracy * 100, export_->count, export_->path);
    } else if (result->event.kind == EVENT_CHECKPOINT) {
        reporter_log(reporter, LOG_INFO, "checkpoint %s", result->event.checkpoint.path);
    }
    if (result->command) reporter_acknowledge(reporter, result->command, &result->error);
    if (result->is_final && worker->state == STATE_EVAL) set_state(worker, STATE_DONE);
    if (result->has_event) event_release(&result->event);
}

/* The baseline.  The weights in an old checkpoint have already been trained with quantization. */
static void submit_ptq(struct worker *worker) {
    const struct run_info *info = worker->options.info;
    if (info->baseline == BASELINE_CHECKPOINT) return;
    const struct shadow_job job = {
        .task = SHADOW_PTQ, .model = info->model, .train = &info->dataset->train};
    if (!shadow_submit(worker->options.shadow, &job))
        reporter_log(worker->options.reporter, LOG_ERROR, "PTQ dropped: too many jobs are waiting");
}

/* ---- the thread ---------------------------------------------------------------------------- */

static void tell_kept_weights(struct worker *worker) {
    const struct model *model = worker->options.info->model;
    const struct quant_plan *plan = worker->options.info->plan;
    int layers = 0, kept = 0, kernels = 0;
    for (int i = 0; i < model->layer_count; i++) {
        if (!model->layers[i].parameter_count) continue;
        layers++;
        if (model->layers[i].trainable) continue;
        kept++;
        kernels += plan->scheme.trains_kept_kernels && plan->kernel_tensor[i] >= 0;
    }
    if (!kept) return;
    if (kernels)
        reporter_log(worker->options.reporter, LOG_WARNING,
                     "%d of %d layers with weights are not trainable, but %d of their kernels are "
                     "trained regardless, as TFMOT does",
                     kept, layers, kernels);
    else
        reporter_log(worker->options.reporter, kept == layers ? LOG_WARNING : LOG_INFO,
                     "%d of %d layers with weights are not trainable: %s", kept, layers,
                     kept == layers ? "only ranges change" : "their weights stay fixed");
}

static enum status evaluate_start(void *context, const struct samples *samples,
                                  struct predictions *predictions, struct error *error) {
    const struct worker *worker = context;
    const struct run_info *info = worker->options.info;
    return evaluate_float(info->model, info->model->weights, samples, worker->options.pool,
                          predictions, error);
}

/* The commonest mistake: images that are not scaled as those that the model was trained on. */
static void doubt_rescale(struct worker *worker) {
    struct rescale_hint hint;
    struct error error;
    char text[200];
    if (rescale_find(&hint, &worker->options.info->dataset->test, evaluate_start, worker, &error) ||
        !hint.name)
        return;
    rescale_text(&hint, text, sizeof text);
    reporter_log(worker->options.reporter, LOG_WARNING, "%s", text);
}

static void start(struct worker *worker) {
    const struct run_info *info = worker->options.info;
    struct reporter *reporter = worker->options.reporter;
    worker->state = STATE_STARTING;
    reporter_state(reporter, STATE_STARTING);
    reporter_log(reporter, LOG_INFO, "model %s: %zu weights, %d tensors, scheme %s", info->name,
                 info->model->weight_count, info->plan->tensor_count, info->plan->scheme.name);
    tell_kept_weights(worker);
    if (info->ranges_remark[0])
        reporter_log(reporter, LOG_INFO, "%s %s", info->name, info->ranges_remark);
    reporter_log(reporter, LOG_INFO, "data %s: %zu training and %zu test images",
                 info->dataset->path, info->dataset->train.count, info->dataset->test.count);
    if (*info->dataset->remark) reporter_log(reporter, LOG_INFO, "%s", info->dataset->remark);
    reporter_log(reporter, LOG_INFO, "kernels %s, %d %s", info->isa, info->threads,
                 info->threads == 1 ? "thread" : "threads");
    /* Not when the run is created, so that the screen need not wait for it. */
    trainer_calibrate(worker->options.trainer);
    struct snapshot *snapshot = take_snapshot(worker);
    doubt_rescale(worker);
    /* A small evaluation first, so that accuracies and mistakes show at once. */
    if (snapshot && is_watched(worker) && test_count(worker) > SHADOW_ROLLING_SAMPLES)
        submit_evaluation(worker, snapshot_retain(snapshot), SHADOW_ROLLING_SAMPLES, false);
    if (snapshot) submit_evaluation(worker, snapshot, test_count(worker), false);
    submit_ptq(worker);
    uint64_t done = trainer_steps(worker->options.trainer);
    worker->epochs = (int)(done / (uint64_t)info->batches);
    reporter_set_step(reporter, done);
    plan_stretch(worker, info->config->training.epochs, info->config->training.max_steps);
    set_state(worker, STATE_TRAIN);
}

/* Seconds until there may be something to do; 0: now; negative: not before an event. */
static double idle_seconds(struct worker *worker) {
    bool is_flushed = reporter_flush(worker->options.reporter);
    double delay = is_training(worker) ? pacer_delay(&worker->pacer, clock_seconds()) : -1;
    if (!is_flushed && (delay < 0 || delay > FLUSH_SECONDS)) delay = FLUSH_SECONDS;
    return delay;
}

static void *worker_main(void *context) {
    struct worker *worker = context;
    struct mailbox *mailbox = worker->options.mailbox;
    thread_set_name("qatop-worker");
    start(worker);
    /* Acquire: pairs with worker_finish; nothing else is passed with it. */
    while (!atomic_load_explicit(&worker->is_ending, memory_order_acquire)) {
        struct shadow_result result;
        struct command command;
        uint32_t number;
        while (shadow_take(worker->options.shadow, &result)) tell_result(worker, &result);
        if (mailbox_take(mailbox, &command, &number)) {
            carry_out(worker, command, number);
            continue;
        }
        double idle = idle_seconds(worker);
        if (idle != 0) {
            mailbox_wait(mailbox, idle);
        } else {
            train_batch(worker);
        }
    }
    return NULL;
}

enum status worker_start(struct worker **made, const struct worker_options *options,
                         struct error *error) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) return error_memory(error, "", sizeof *worker);
    worker->options = *options;
    worker->pace = options->info->config->pace;
    plan_evaluations(worker);
    atomic_init(&worker->is_ending, false);
    int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    if (failed) {
        free(worker);
        return error_set(error, STATUS_IO, "", "cannot start a thread: %s", strerror(failed));
    }
    *made = worker;
    return STATUS_OK;
}

void worker_finish(struct worker *worker) {
    if (!worker) return;
    atomic_store_explicit(&worker->is_ending, true, memory_order_release);
    mailbox_wake(worker->options.mailbox);
    pthread_join(worker->thread, NULL);
    snapshot_release(worker->best);
    predictions_free(&worker->validated);
    free(worker);
}
