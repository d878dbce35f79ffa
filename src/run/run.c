#include "run/run.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "model/variables.h"
#include "quant/variables_snapshot.h"
#include "train/checkpoint.h"
#include "network/network.h"
#include "train/optimizer.h"
#include "run/record.h"
#include "run/worker.h"

#define SCREEN_SLOTS 4096
#define RECORD_SLOTS 4096
/* How long the worker waits for the record before it folds; for a screen it does so at once. */
#define RECORD_PATIENCE 2.0
/* Without a screen, the reader is the main loop of a program that only prints. */
#define HEADLESS_PATIENCE 1.0
/* The longest that run_finish waits for a record on a stalled disk. */
#define RECORD_LAST_SECONDS 10.0

struct run {
    struct run_config config;
    struct run_info info;
    struct model *model;
    struct dataset dataset;
    struct quant_plan *plan;
    struct pool *pool;
    struct trainer *trainer;
    struct mailbox *mailbox;
    struct outlet *screen, *record_outlet;
    struct reporter *reporter;
    struct trace *trace;
    struct record *record;
    struct shadow *shadow;
    struct worker *worker;
    struct checkpoint *resumed;  /* only until the trainer has it */
    struct variables *variables; /* of a saved QAT model; likewise */
};

static bool copy_text(const char **text) {
    if (*text && !(*text = strdup(*text))) return false;
    return true;
}

static enum status copy_config(struct run *run, const struct run_config *config,
                               struct error *error) {
    const char **texts[] = {&run->config.model_path,  &run->config.data_folder,
                            &run->config.out_folder,  &run->config.trace_path,
                            &run->config.record_path, &run->config.resume_path};
    run->config = *config;
    size_t count = sizeof texts / sizeof *texts, done = 0;
    while (done < count && copy_text(texts[done])) done++;
    if (done == count) return STATUS_OK;
    /* Free only what was copied. */
    for (; done < count; done++) *texts[done] = NULL;
    return error_memory(error, "", 0);
}

/* The run takes over the checkpoint's model and creates the plan as for any other. */
static enum status load_checkpoint(struct run *run, struct error *error) {
    struct run_config *config = &run->config;
    enum status status = checkpoint_load(config->resume_path, &run->resumed, error);
    if (status) return status;
    const struct scheme *scheme = &run->resumed->plan->scheme;
    config->training = run->resumed->training;
    config->scheme = scheme_find(scheme->name);
    config->weight_bits = scheme->weight_bits;
    return STATUS_OK;
}

/* The checkpoint's weights are the trained ones; the baseline is what training started from. */
static void take_pretrained(struct run *run) {
    if (!run->resumed)
        run->info.baseline = run->model->has_ranges ? BASELINE_QAT : BASELINE_PRETRAINED;
    else if (!run->resumed->has_pretrained)
        run->info.baseline = BASELINE_CHECKPOINT;
    else
        memcpy(run->model->weights, run->resumed->model->weights,
               run->model->weight_count * sizeof *run->model->weights);
}

static enum status load(struct run *run, struct error *error) {
    struct run_config *config = &run->config;
    enum status status = config->resume_path ? load_checkpoint(run, error) : STATUS_OK;
    if (status) return status;
    status = model_load(config->resume_path ? config->resume_path : config->model_path, &run->model,
                        error);
    if (status) return status;
    status = model_check_classifier(run->model, config->model_path, error);
    if (status) return status;
    take_pretrained(run);
    /* Reading HDF5 forks, so do it before creating threads. */
    if (run->model->has_ranges && !run->resumed)
        status = variables_load(config->model_path, &run->variables, error);
    if (status) return status;
    const struct dataset_request request = {
        .path = config->data_folder,
        .shape = run->model->layers[0].output,
        .classes = model_classes(run->model),
        .rescale = *config->training.rescale ? config->training.rescale : NULL,
        .is_transposed = config->is_transposed,
        .validation_split = config->validation_split,
        .needs_train = true,
        .needs_test = true,
    };
    status = dataset_open(&run->dataset, &request, error);
    if (status) return status;
    memcpy(config->training.rescale, run->dataset.preprocessing->name, PREPROCESSING_NAME);
    struct scheme scheme = *config->scheme;
    if (config->weight_bits) scheme.weight_bits = config->weight_bits;
    return quant_plan_create(&run->plan, run->model, &scheme, error);
}

static uint64_t batches_of(const struct run *run) {
    size_t batch = (size_t)run->config.training.batch;
    return (run->dataset.train.count + batch - 1) / batch;
}

static enum status take_over_ranges(struct run *run, struct error *error) {
    const struct quant_plan *plan = run->plan;
    size_t bytes = (size_t)plan->range_count * sizeof(struct range);
    struct range *ranges = array_new((size_t)plan->range_count, sizeof *ranges);
    char *remark = run->info.ranges_remark;
    size_t size = sizeof run->info.ranges_remark;
    int taken = 0, activations = 0;
    for (int i = 0; i < plan->tensor_count; i++)
        activations += plan->tensors[i].kind != TENSOR_WEIGHT;
    if (!ranges) return error_memory(error, run->config.model_path, bytes);
    trainer_calibrate(run->trainer);
    memcpy(ranges, trainer_ranges(run->trainer), bytes);
    enum status status =
        variables_take_ranges(run->model, plan, run->variables, ranges, &taken, error);
    if (status) goto done;
    trainer_set_ranges(run->trainer, ranges);
    if (taken)
        snprintf(remark, size, "is a QAT model: %d of %d activations start from its ranges", taken,
                 activations);
    else
        snprintf(remark, size, "is a QAT model that has seen no batch: all ranges start from %s",
                 plan->scheme.calibrate ? "calibration" : "their defaults");
    variables_free(run->variables);
    run->variables = NULL;
done:
    array_free(ranges);
    return status;
}

static bool convolves(const struct model *model) {
    for (int i = 0; i < model->layer_count; i++) {
        enum layer_kind kind = model->layers[i].kind;
        if (kind == LAYER_CONV2D || kind == LAYER_DEPTHWISE_CONV2D) return true;
    }
    return false;
}

static enum status make_parts(struct run *run, struct error *error) {
    enum status status = pool_create(&run->pool, run->config.threads, error);
    if (status) return status;
    struct training *training = &run->config.training;
    if (training->warmup == WARMUP_OF_SCHEME) {
        uint64_t all = (uint64_t)training->epochs * batches_of(run), most = training->max_steps;
        if (most && most < all) all = most;
        training->warmup = (int)((double)run->plan->scheme.warmup_share * (double)all);
    }
    if (training->augment == AUGMENT_OF_SCHEME)
        training->augment = convolves(run->model) ? run->plan->scheme.augment : AUGMENT_NONE;
    status = trainer_create(&run->trainer, run->model, run->plan, &run->dataset, training,
                            run->pool, error);
    if (status) return status;
    if (run->variables) status = take_over_ranges(run, error);
    if (status) return status;
    if (run->resumed) {
        const struct checkpoint *resumed = run->resumed;
        uint64_t batches = batches_of(run), most = run->config.training.max_steps;
        if (resumed->progress.steps >= resumed->progress.end ||
            (most && resumed->progress.steps >= most))
            return error_set(error, STATUS_USAGE, run->config.resume_path,
                             "training was complete after %llu batches; nothing is left to do",
                             (unsigned long long)resumed->progress.steps);
        if (resumed->progress.end % batches)
            return error_set(
                error, STATUS_USAGE, run->config.data_folder,
                "number of digits differs from that of the checkpoint's training data");
        trainer_resume(run->trainer, resumed->snapshot, resumed->m, resumed->v, &resumed->progress);
        checkpoint_free(run->resumed);
        run->resumed = NULL;
    }
    double patience = run->config.is_headless ? HEADLESS_PATIENCE : 0;
    run->mailbox = mailbox_create();
    run->screen = outlet_create(SCREEN_SLOTS, run->plan->tensor_count, patience);
    if (!run->mailbox || !run->screen) return error_memory(error, "", 0);
    if (run->config.record_path) {
        run->record_outlet = outlet_create(RECORD_SLOTS, run->plan->tensor_count, RECORD_PATIENCE);
        if (!run->record_outlet) return error_memory(error, "", 0);
    }
    return STATUS_OK;
}

static void fill_info(struct run *run) {
    struct run_info *info = &run->info;
    info->model = run->model;
    info->plan = run->plan;
    info->dataset = &run->dataset;
    info->batches = (int)batches_of(run);
    info->isa = cpu_isa_name(cpu_isa());
    info->threads = pool_threads(run->pool);
}

/* Signals are left to the caller: only its thread receives them. */
static void block_signals(sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

static void destroy(struct run *run) {
    reporter_destroy(run->reporter);
    outlet_destroy(run->screen);
    outlet_destroy(run->record_outlet);
    mailbox_destroy(run->mailbox);
    checkpoint_free(run->resumed);
    variables_free(run->variables);
    trainer_destroy(run->trainer);
    pool_destroy(run->pool);
    quant_plan_free(run->plan);
    dataset_free(&run->dataset);
    model_free(run->model);
    free((void *)(uintptr_t)run->config.model_path);
    free((void *)(uintptr_t)run->config.data_folder);
    free((void *)(uintptr_t)run->config.out_folder);
    free((void *)(uintptr_t)run->config.trace_path);
    free((void *)(uintptr_t)run->config.record_path);
    free((void *)(uintptr_t)run->config.resume_path);
    free(run);
}

enum status run_create(struct run **made, const struct run_config *config, struct error *error) {
    enum status status = run_config_check(config, error);
    if (status) return status;
    struct run *run = calloc(1, sizeof *run);
    if (!run) return error_memory(error, "", sizeof *run);
    sigset_t signals;
    block_signals(&signals);
    status = copy_config(run, config, error);
    run->info.config = &run->config;
    if (!status) status = load(run, error);
    if (!status) status = run_info_name_outputs(&run->info, run->model, error);
    if (!status) status = make_parts(run, error);
    if (!status) fill_info(run);
    if (!status && config->trace_path)
        status = trace_create(&run->trace, config->trace_path, run->plan, error);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    if (status) {
        destroy(run);
        return status;
    }
    *made = run;
    return STATUS_OK;
}

const struct run_info *run_info(const struct run *run) {
    return &run->info;
}

bool run_memory(const struct run *run, int line, char *text, size_t size) {
    const struct trainer_memory memory = trainer_memory(run->trainer);
    const struct {
        const char *name;
        size_t bytes;
    } sums[] = {
        {"values, gradients, quantized kernels, scratch", memory.network},
        {"weights, their gradient, Adam's moments", memory.optimizer},
        {"the batch, and the order of digits", memory.samples},
    };
    int layers = run->model->layer_count, count = (int)(sizeof sums / sizeof *sums);
    if (line < layers) {
        struct layer_memory layer = network_layer_memory(trainer_network(run->trainer), line);
        snprintf(text, size, "memory: %-40.40s %9.1f KB values %9.1f KB gradient",
                 run->model->layers[line].name, (double)layer.values / 1024,
                 (double)layer.gradient / 1024);
    } else if (line < layers + count) {
        snprintf(text, size, "memory: %-47s %9.1f KB", sums[line - layers].name,
                 (double)sums[line - layers].bytes / 1024);
    }
    return line < layers + count;
}

enum status run_start(struct run *run, struct error *error) {
    qt_assert(!run->worker);
    sigset_t signals;
    block_signals(&signals);
    enum status status = STATUS_OK;
    run->reporter = reporter_create(run->plan, run->screen, run->record_outlet);
    if (!run->reporter) status = error_memory(error, "", 0);
    if (!status && run->record_outlet)
        status = record_create(&run->record, run->config.record_path, run->record_outlet,
                               &run->info, error);
    struct shadow_options shadow = {
        .samples = &run->dataset.test,
        .runtime = run->config.runtime,
        .io = run->config.io,
        .export_path = run->info.export_path,
        .keeps_steps = !run->config.is_headless,
        .mailbox = run->mailbox,
    };
    if (!status) status = shadow_create(&run->shadow, &shadow, error);
    struct worker_options worker = {
        .info = &run->info,
        .trainer = run->trainer,
        .pool = run->pool,
        .mailbox = run->mailbox,
        .shadow = run->shadow,
        .reporter = run->reporter,
        .trace = run->trace,
    };
    if (!status) status = worker_start(&run->worker, &worker, error);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return status;
}

bool run_poll(struct run *run, struct event *event) {
    return outlet_take(run->screen, event);
}

bool run_wait(struct run *run, struct event *event, double seconds) {
    return outlet_wait(run->screen, event, seconds);
}

uint32_t run_send(struct run *run, struct command command) {
    return mailbox_send(run->mailbox, command);
}

struct outlet_pressure run_pressure(const struct run *run) {
    return outlet_pressure(run->screen);
}

/* The worker has ended, so this thread may write to the outlet. */
static void finish_record(struct run *run) {
    double deadline = clock_seconds() + RECORD_LAST_SECONDS;
    while (!outlet_flush(run->record_outlet) && clock_seconds() < deadline) clock_sleep(0.001);
}

static enum status last_checkpoint(struct run *run, struct error *error) {
    char path[512];
    struct checkpoint *checkpoint = checkpoint_take(run->trainer, &run->config.training, run->model,
                                                    run->info.baseline != BASELINE_CHECKPOINT);
    if (!checkpoint) return error_memory(error, run->info.checkpoint_path, 0);
    char folder[sizeof run->info.checkpoint_path];
    snprintf(folder, sizeof folder, "%s", run->info.checkpoint_path);
    *strrchr(folder, '/') = 0;
    enum status status = checkpoint_save(checkpoint, folder, path, sizeof path, error);
    checkpoint_free(checkpoint);
    return status;
}

enum status run_finish(struct run *run, bool checkpoint, struct error *error) {
    if (!run) return STATUS_OK;
    struct error later;
    enum status status = STATUS_OK, next;
    worker_finish(run->worker);
    shadow_destroy(run->shadow);
    if (checkpoint) status = last_checkpoint(run, error);
    if (run->record) finish_record(run);
    next = record_close(run->record, status ? &later : error);
    if (!status) status = next;
    next = trace_close(run->trace, status ? &later : error);
    if (!status) status = next;
    destroy(run);
    return status;
}
