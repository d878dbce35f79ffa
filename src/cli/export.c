#include "cli/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/sha256.h"
#include "cli/assets.h"
#include "cli/cli.h"
#include "cli/qat.h"
#include "cli/settings.h"
#include "cli/subject.h"
#include "export/csource.h"
#include "tflite/tflite.h"
#include "train/checkpoint.h"
#include "export/exporter.h"

bool export_ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && !strcasecmp(path + length - tail, ending);
}

static enum status report(const struct options *options, const struct export_result *result,
                          struct error *error) {
    if (options->is_json)
        return print_json(json_pack("{s:s, s:I, s:s, s:o, s:I}", "path", options->output, "bytes",
                                    (json_int_t)result->bytes, "sha256", result->sha256, "accuracy",
                                    json_number(result->accuracy), "count",
                                    (json_int_t)result->count),
                          error);
    printf("%s: %u bytes, verified: accuracy %.4f on %u digits\n", options->output, result->bytes,
           result->accuracy, result->count);
    return STATUS_OK;
}

enum status export_tflite(const struct options *options, const struct snapshot *snapshot,
                          struct error *error) {
    struct dataset dataset = {0};
    struct pool *pool = NULL;
    struct export_result result;
    enum status status = settings_check_writable(options->output, error);
    if (!status) status = subject_digits(options, &dataset, error);
    if (!status) status = pool_create(&pool, (int)options->threads, error);
    if (!status) {
        const struct export_request request = {
            .snapshot = snapshot,
            .io = option_io(options),
            .runtime = RUNTIME_REF,
            .digits = &dataset.test,
            .path = options->output,
            .pool = pool,
        };
        status = exporter_write(&request, &result, error);
    }
    if (!status) status = report(options, &result, error);
    pool_destroy(pool);
    dataset_free(&dataset);
    return status;
}

/* ---- C source ---- */

static enum status report_source(const struct options *options, const unsigned char *bytes,
                                 size_t length, const struct predictions *predictions,
                                 struct error *error) {
    if (options->is_json) {
        char digest[SHA256_HEX];
        sha256_hex(bytes, length, digest);
        return print_json(json_pack("{s:s, s:I, s:s, s:o, s:I}", "path", options->output, "bytes",
                                    (json_int_t)length, "sha256", digest, "accuracy",
                                    json_number(predictions->accuracy), "count",
                                    (json_int_t)predictions->count),
                          error);
    }
    printf("%s: a model of %zu bytes, accuracy %.4f on %zu digits\n", options->output, length,
           predictions->accuracy, predictions->count);
    return STATUS_OK;
}

/* The bytes are parsed and run once more, so what is written is known to be a program that works.
 */
static enum status export_bytes(const struct options *options, const char *where,
                                const unsigned char *bytes, size_t length, struct error *error) {
    struct frozen *frozen = NULL;
    struct dataset dataset = {0};
    struct predictions predictions = {0};
    struct pool *pool = NULL;
    enum status status = tflite_parse(bytes, length, where, &frozen, error);
    if (!status) status = subject_digits(options, &dataset, error);
    if (!status) status = pool_create(&pool, (int)options->threads, error);
    if (!status)
        status =
            evaluate_frozen(frozen, RUNTIME_REF, &dataset.test, pool, where, &predictions, error);
    if (!status) status = csource_write(options->output, frozen, bytes, length, error);
    if (!status) status = report_source(options, bytes, length, &predictions, error);
    predictions_free(&predictions);
    pool_destroy(pool);
    dataset_free(&dataset);
    frozen_free(frozen);
    return status;
}

static enum status export_snapshot_source(const struct options *options,
                                          const struct snapshot *snapshot, struct error *error) {
    struct frozen *frozen = NULL;
    unsigned char *bytes = NULL;
    size_t length;
    enum status status = freeze(snapshot, option_io(options), &frozen, error);
    if (!status) status = tflite_serialize(frozen, &bytes, &length, error);
    if (!status) status = export_bytes(options, snapshot->model->name, bytes, length, error);
    free(bytes);
    frozen_free(frozen);
    return status;
}

static enum status export_file_source(const struct options *options, const char *path,
                                      struct error *error) {
    unsigned char *bytes = NULL;
    size_t length;
    if (!csource_is_name(options->output))
        return error_set(error, STATUS_USAGE, options->output,
                         "the name must end in .c or .h: that is what a .tflite is exported to");
    if (options->io >= 0)
        return error_set(error, STATUS_USAGE, "--io",
                         "a .tflite keeps the input and output it has; export the checkpoint");
    enum status status = file_read(path, TFLITE_BYTES_MAX, &bytes, &length, error);
    if (!status) status = export_bytes(options, path, bytes, length, error);
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

static enum status export_model(const struct options *options, const struct snapshot *snapshot,
                                struct error *error) {
    enum status status = model_save(snapshot->model, snapshot->weights, options->output, error);
    if (status) return status;
    if (options->is_json)
        return print_json(
            json_pack("{s:s, s:I}", "path", options->output, "step", (json_int_t)snapshot->step),
            error);
    if (!snapshot->step)
        printf("%s: the float weights\n", options->output);
    else
        printf("%s: the weights after step %llu\n", options->output,
               (unsigned long long)snapshot->step);
    return STATUS_OK;
}

/* By the ending of the name that was asked for. */
static enum status export_snapshot(const struct options *options, const struct snapshot *snapshot,
                                   struct error *error) {
    if (export_ends_in(options->output, ".h5")) return export_model(options, snapshot, error);
    if (csource_is_name(options->output)) return export_snapshot_source(options, snapshot, error);
    return export_tflite(options, snapshot, error);
}

static enum status export_checkpoint(const struct options *options, const char *path,
                                     struct error *error) {
    struct checkpoint *checkpoint = NULL;
    enum status status = checkpoint_load(path, &checkpoint, error);
    if (status) return status;
    status = export_snapshot(options, checkpoint->snapshot, error);
    checkpoint_free(checkpoint);
    return status;
}

/* ---- QAT models that Keras saved ---- */

static enum status export_qat_model(const struct options *options, const struct model *model,
                                    const char *path, struct error *error) {
    struct qat qat;
    enum status status = model_check_digits(model, path, error);
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

enum status command_export(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    if (!options->output)
        return error_set(error, STATUS_USAGE, "export",
                         "needs -o OUT.tflite, -o OUT.h5, -o OUT.c or -o OUT.h");
    if (!export_ends_in(options->output, ".h5") && !export_ends_in(options->output, ".tflite") &&
        !csource_is_name(options->output))
        return error_set(error, STATUS_USAGE, options->output,
                         "the name must end in .tflite, .h5, .c or .h: that says what to write");
    if (export_ends_in(options->operands[0], ".tflite"))
        return export_file_source(options, options->operands[0], error);
    if (export_ends_in(options->output, ".h5") && options->io >= 0)
        return error_set(error, STATUS_USAGE, "--io",
                         "a Keras model takes and gives floats; it goes with .tflite, .c and .h");
    char path[1024];
    enum status status = find_checkpoint(options->operands[0], path, sizeof path, error);
    if (status) return status;
    return export_file(options, path, error);
}
