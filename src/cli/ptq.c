#include "cli/assets.h"

#include <stdio.h>
#include "cli/cli.h"
#include "cli/export.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "cli/subject.h"
#include "export/exporter.h"
#include "evaluate/ptq.h"
#include "run/info.h"

/* One quantization, so that helpers need not take eight arguments. */
struct session {
    const struct options *options;
    char model_path[1024], path[1024]; /* what is read and what is written */
    struct model *model;
    struct dataset dataset;
    struct pool *pool;
    struct ptq ptq;
    struct predictions fp32;
    struct export_result exported;
};

static enum status name_output(struct session *session, struct error *error) {
    const char *output = session->options->output;
    if (output && !export_ends_in(output, ".tflite"))
        return error_set(error, STATUS_USAGE, output, "the name must end in .tflite");
    char folder[512];
    run_default_folder(session->model, session->model_path, "ptq", folder, sizeof folder);
    int length =
        output ? snprintf(session->path, sizeof session->path, "%s", output)
               : snprintf(session->path, sizeof session->path, "%s/model_int8.tflite", folder);
    if (length < 0 || (size_t)length >= sizeof session->path)
        return error_set(error, STATUS_USAGE, output, "is too long for a file name");
    return settings_check_writable(session->path, error);
}

static enum status open_session(struct session *session, struct error *error) {
    const struct options *options = session->options;
    const char *operand = options->operand_count ? options->operands[0] : NULL;
    enum status status =
        assets_model(operand, session->model_path, sizeof session->model_path, error);
    if (!status) status = model_load(session->model_path, &session->model, error);
    if (!status) status = model_check_digits(session->model, session->model_path, error);
    if (!status) status = name_output(session, error);
    if (!status) status = subject_digits(options, &session->dataset, error);
    if (!status) status = pool_create(&session->pool, (int)options->threads, error);
    return status;
}

static enum status quantize(struct session *session, struct error *error) {
    const struct options *options = session->options;
    enum status status = ptq_create(&session->ptq, session->model, &session->dataset.train,
                                    (size_t)options->calibrate, session->pool, error);
    if (status) return status;
    const struct export_request request = {
        .snapshot = session->ptq.snapshot,
        .io = option_io(options),
        .runtime = (enum runtime)options->runtime,
        .digits = &session->dataset.test,
        .path = session->path,
        .pool = session->pool,
    };
    status = exporter_write(&request, &session->exported, error);
    if (status) return status;
    return evaluate_float(session->model, session->model->weights, &session->dataset.test,
                          session->pool, &session->fp32, error);
}

static enum status report(const struct session *session, struct error *error) {
    const struct export_result *exported = &session->exported;
    size_t all = session->dataset.train.count, asked = (size_t)session->options->calibrate;
    if (session->options->is_json)
        return print_json(
            json_pack("{s:{s:f, s:o}, s:{s:f}, s:I, s:{s:s, s:I, s:s}}", "fp32", "accuracy",
                      session->fp32.accuracy, "loss", json_number(session->fp32.loss), "ptq",
                      "accuracy", exported->accuracy, "calibrated",
                      (json_int_t)(asked < all ? asked : all), "export", "path", session->path,
                      "bytes", (json_int_t)exported->bytes, "sha256", exported->sha256),
            error);
    struct progress progress = progress_start(session->options->is_quiet, 0);
    progress_note(&progress, "%s: %u bytes", session->path, exported->bytes);
    printf("Quantized model accuracy: %.4f\n", exported->accuracy);
    printf("FP32 pretrained model accuracy: %.4f\n", session->fp32.accuracy);
    return STATUS_OK;
}

enum status command_ptq(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    struct session session = {.options = options};
    enum status status = open_session(&session, error);
    if (!status) status = quantize(&session, error);
    if (!status) status = report(&session, error);
    predictions_free(&session.fp32);
    ptq_free(&session.ptq);
    pool_destroy(session.pool);
    dataset_free(&session.dataset);
    model_free(session.model);
    return status;
}
