#include "cli/export.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/assets.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "cli/subject.h"
#include "train/checkpoint.h"
#include "train/exporter.h"

bool export_ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && !strcasecmp(path + length - tail, ending);
}

static enum status report(const struct options *options, const struct event_export *result,
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
    struct event_export result;
    enum status status = settings_check_writable(options->output, error);
    if (!status) status = subject_digits(options, &dataset, error);
    if (!status) status = pool_create(&pool, (int)options->threads, error);
    if (!status) {
        const struct export_request request = {
            .snapshot = snapshot,
            .io = (enum frozen_io)options->io,
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

static enum status export_model(const struct options *options, const struct checkpoint *checkpoint,
                                struct error *error) {
    const struct snapshot *snapshot = checkpoint->snapshot;
    enum status status = model_save(snapshot->model, snapshot->weights, options->output, error);
    if (status) return status;
    if (options->is_json)
        return print_json(
            json_pack("{s:s, s:I}", "path", options->output, "step", (json_int_t)snapshot->step),
            error);
    printf("%s: the weights after step %llu\n", options->output,
           (unsigned long long)snapshot->step);
    return STATUS_OK;
}

enum status command_export(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    if (!options->output)
        return error_set(error, STATUS_USAGE, "export", "needs -o OUT.tflite or -o OUT.h5");
    bool is_model = export_ends_in(options->output, ".h5");
    if (!is_model && !export_ends_in(options->output, ".tflite"))
        return error_set(error, STATUS_USAGE, options->output,
                         "the name must end in .tflite or .h5: that says what to write");
    char path[1024];
    struct checkpoint *checkpoint = NULL;
    enum status status = find_checkpoint(options->operands[0], path, sizeof path, error);
    if (!status) status = checkpoint_load(path, &checkpoint, error);
    if (status) return status;
    status = is_model ? export_model(options, checkpoint, error)
                      : export_tflite(options, checkpoint->snapshot, error);
    checkpoint_free(checkpoint);
    return status;
}
