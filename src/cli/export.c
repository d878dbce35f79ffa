#include "cli/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/qat.h"
#include "cli/settings.h"
#include "cli/subject.h"
#include "export/exporter.h"
#include "export/format.h"
#include "tflite/tflite.h"
#include "train/checkpoint.h"

/* ---- reports ---- */

static enum status report_weights(const struct options *options, uint64_t step,
                                  struct error *error) {
    if (options->is_json)
        return print_json(
            json_pack("{s:s, s:I}", "path", options->output, "step", (json_int_t)step), error);
    if (!step)
        printf("%s: the float weights\n", options->output);
    else
        printf("%s: the weights after step %llu\n", options->output, (unsigned long long)step);
    return STATUS_OK;
}

static enum status report_program(const struct options *options, const struct export_result *result,
                                  struct error *error) {
    if (options->is_json)
        return print_json(json_pack("{s:s, s:I, s:s, s:o, s:I}", "path", options->output, "bytes",
                                    (json_int_t)result->bytes, "sha256", result->sha256, "accuracy",
                                    json_number(result->accuracy), "count",
                                    (json_int_t)result->count),
                          error);
    bool is_program = export_ends_in(options->output, ".tflite");
    printf(is_program ? "%s: %u bytes, verified: accuracy %.4f on %u digits\n"
                      : "%s: a model of %u bytes, accuracy %.4f on %u digits\n",
           options->output, result->bytes, result->accuracy, result->count);
    return STATUS_OK;
}

/* ---- writing ---- */

/* Snapshot or program, verified on the test digits. */
static enum status write_verified(const struct options *options, struct export_request *request,
                                  struct error *error) {
    struct dataset dataset = {0};
    struct pool *pool = NULL;
    struct export_result result;
    enum status status = settings_check_writable(options->output, error);
    if (!status)
        status = data_open(options, request->snapshot ? request->snapshot->model : NULL,
                           request->program ? request->program->frozen : NULL, PARTS_TEST, &dataset,
                           error);
    if (!status) status = pool_create(&pool, (int)options->threads, error);
    if (!status) {
        request->io = option_io(options);
        request->runtime = RUNTIME_REF;
        request->samples = &dataset.test;
        request->pool = pool;
        status = exporter_write(request, &result, error);
    }
    if (!status) status = report_program(options, &result, error);
    pool_destroy(pool);
    dataset_free(&dataset);
    return status;
}

enum status export_snapshot(const struct options *options, const struct snapshot *snapshot,
                            struct error *error) {
    struct export_request request = {.snapshot = snapshot, .path = options->output};
    struct export_result result;
    if (export_format_find(options->output)->read) return write_verified(options, &request, error);
    enum status status = exporter_write(&request, &result, error);
    return status ? status : report_weights(options, snapshot->step, error);
}

static enum status export_tflite(const struct options *options, const char *path,
                                 struct error *error) {
    unsigned char *bytes = NULL;
    struct frozen *frozen = NULL;
    size_t length;
    if (!export_format_find(options->output)->takes_tflite) {
        char endings[EXPORT_ENDINGS];
        export_format_endings(true, endings);
        return error_set(error, STATUS_USAGE, options->output,
                         "the name must end in %s: that is what a .tflite is exported to", endings);
    }
    if (options->io >= 0)
        return error_set(error, STATUS_USAGE, "--io",
                         "a .tflite keeps the input and output it has; export the checkpoint");
    enum status status = file_read(path, MAX_TFLITE_BYTES, &bytes, &length, error);
    if (!status) status = tflite_parse(bytes, length, path, &frozen, error);
    if (!status) {
        const struct export_program program = {path, frozen, bytes, length};
        struct export_request request = {.program = &program, .path = options->output};
        status = write_verified(options, &request, error);
    }
    frozen_free(frozen);
    free(bytes);
    return status;
}

/* ---- checkpoints ---- */

/* A run is a folder; its newest checkpoint has a fixed name. */
static enum status find_checkpoint(const char *operand, char *path, size_t size,
                                   struct error *error) {
    struct stat info;
    bool is_folder = stat(operand, &info) == 0 && S_ISDIR(info.st_mode);
    int length = snprintf(path, size, is_folder ? "%s/checkpoint.h5" : "%s", operand);
    if (length < 0 || (size_t)length >= size)
        return error_set(error, STATUS_USAGE, operand, "is too long for a file name");
    if (is_folder && stat(path, &info))
        return error_set(error, STATUS_IO, operand,
                         "holds no checkpoint.h5; is it a run's folder?");
    return STATUS_OK;
}

static enum status export_checkpoint(const struct options *options, const char *path,
                                     struct error *error) {
    struct checkpoint *checkpoint = NULL;
    enum status status = checkpoint_load(path, &checkpoint, error);
    if (status) return status;
    struct options as_trained = *options;
    if (!as_trained.rescale) as_trained.rescale = checkpoint->training.rescale;
    status = export_snapshot(&as_trained, checkpoint->snapshot, error);
    checkpoint_free(checkpoint);
    return status;
}

/* ---- QAT models that Keras saved ---- */

static enum status export_qat_model(const struct options *options, const struct model *model,
                                    const char *path, struct error *error) {
    struct qat qat;
    enum status status = model_check_classifier(model, path, error);
    if (!status) status = qat_from_model(&qat, path, model, error);
    if (status) return status;
    status = export_snapshot(options, qat.snapshot, error);
    qat_free(&qat);
    return status;
}

/* A QAT model, or what is or should be a checkpoint. */
static enum status export_file(const struct options *options, const char *path,
                               struct error *error) {
    struct model *model = NULL;
    struct error ignored;
    bool is_qat =
        !checkpoint_probe(path) && !model_load(path, &model, &ignored) && model->has_ranges;
    enum status status = is_qat ? export_qat_model(options, model, path, error)
                                : export_checkpoint(options, path, error);
    model_free(model);
    return status;
}

static enum status check_output_name(const struct options *options, struct error *error) {
    char endings[EXPORT_ENDINGS];
    export_format_endings(false, endings);
    if (!options->output)
        return error_set(error, STATUS_USAGE, "export", "needs -o OUT, a name that ends in %s",
                         endings);
    if (!export_format_find(options->output))
        return error_set(error, STATUS_USAGE, options->output,
                         "the name must end in %s: that says what to write", endings);
    return STATUS_OK;
}

enum status command_export(const struct options *options, int *exit_status, struct error *error) {
    char path[1024];
    (void)exit_status;
    enum status status = check_output_name(options, error);
    if (status) return status;
    if (export_ends_in(options->operands[0], ".tflite"))
        return export_tflite(options, options->operands[0], error);
    if (!export_format_find(options->output)->read && options->io >= 0)
        return error_set(error, STATUS_USAGE, "--io",
                         "a Keras model takes and gives floats; it goes with .tflite, .c and .h");
    status = find_checkpoint(options->operands[0], path, sizeof path, error);
    if (status) return status;
    return export_file(options, path, error);
}
