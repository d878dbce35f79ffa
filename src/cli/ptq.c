#include "cli/assets.h"

#include <stdio.h>
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "cli/subject.h"
#include "export/exporter.h"
#include "export/format.h"
#include "evaluate/ptq.h"
#include "run/info.h"

/* One quantization, so that helpers need not take eight arguments. */
struct job {
    const struct options *options;
    char model_path[1024], path[1024]; /* what is read and what is written */
    struct model *model;
    struct dataset dataset;
    struct pool *pool;
    struct ptq ptq;
    struct predictions fp32;
    struct export_result exported;
};

static enum status name_output(struct job *job, struct error *error) {
    const char *output = job->options->output;
    if (output && !export_ends_in(output, ".tflite"))
        return error_set(error, STATUS_USAGE, output, "the name must end in .tflite");
    char folder[512];
    run_default_folder(job->model, job->model_path, "ptq", folder, sizeof folder);
    int length = output ? snprintf(job->path, sizeof job->path, "%s", output)
                        : snprintf(job->path, sizeof job->path, "%s/model_int8.tflite", folder);
    if (length < 0 || (size_t)length >= sizeof job->path)
        return error_set(error, STATUS_USAGE, output, "is too long for a file name");
    return settings_check_writable(job->path, error);
}

static enum status open_job(struct job *job, struct error *error) {
    const struct options *options = job->options;
    const char *operand = options->operand_count ? options->operands[0] : NULL;
    enum status status = assets_model(operand, job->model_path, sizeof job->model_path, error);
    if (!status) status = model_load(job->model_path, &job->model, error);
    if (!status) status = model_check_classifier(job->model, job->model_path, error);
    if (!status) status = name_output(job, error);
    if (!status) status = data_open(options, job->model, NULL, PARTS_BOTH, &job->dataset, error);
    if (!status) status = pool_create(&job->pool, (int)options->threads, error);
    return status;
}

static enum status quantize(struct job *job, struct error *error) {
    const struct options *options = job->options;
    enum status status = ptq_create(&job->ptq, job->model, &job->dataset.train,
                                    (size_t)options->calibrate, job->pool, error);
    if (status) return status;
    const struct export_request request = {
        .snapshot = job->ptq.snapshot,
        .io = option_io(options),
        .runtime = (enum runtime)options->runtime,
        .samples = &job->dataset.test,
        .path = job->path,
        .pool = job->pool,
    };
    status = exporter_write(&request, &job->exported, error);
    if (status) return status;
    return evaluate_float(job->model, job->model->weights, &job->dataset.test, job->pool,
                          &job->fp32, error);
}

static enum status report(const struct job *job, struct error *error) {
    const struct export_result *exported = &job->exported;
    size_t all = job->dataset.train.count, asked = (size_t)job->options->calibrate;
    if (job->options->is_json)
        return print_json(
            json_pack("{s:{s:f, s:o}, s:{s:f}, s:I, s:{s:s, s:I, s:s}}", "fp32", "accuracy",
                      job->fp32.accuracy, "loss", json_number(job->fp32.loss), "ptq", "accuracy",
                      exported->accuracy, "calibrated", (json_int_t)(asked < all ? asked : all),
                      "export", "path", job->path, "bytes", (json_int_t)exported->bytes, "sha256",
                      exported->sha256),
            error);
    struct progress progress = progress_start(job->options->is_quiet, 0);
    progress_note(&progress, "%s: %u bytes", job->path, exported->bytes);
    printf("Quantized model accuracy: %.4f\n", exported->accuracy);
    printf("FP32 pretrained model accuracy: %.4f\n", job->fp32.accuracy);
    return STATUS_OK;
}

enum status command_ptq(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    struct job job = {.options = options};
    enum status status = open_job(&job, error);
    if (!status) status = quantize(&job, error);
    if (!status) status = report(&job, error);
    predictions_free(&job.fp32);
    ptq_free(&job.ptq);
    pool_destroy(job.pool);
    dataset_free(&job.dataset);
    model_free(job.model);
    return status;
}
