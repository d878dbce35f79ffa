#include "cli/assets.h"
#include "cli/cli.h"
#include "cli/export.h"
#include "cli/qat.h"
#include "export/format.h"

/* The weights come from TensorFlow Model Optimization, so its scheme says what is quantized. */
enum status command_freeze(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    if (!options->output || !export_ends_in(options->output, ".tflite"))
        return error_set(error, STATUS_USAGE, "freeze", "needs -o OUT.tflite");
    char path[1024];
    struct qat qat = {0};
    enum status status = assets_model(options->operands[1], path, sizeof path, error);
    if (!status) status = qat_load(&qat, options->operands[0], path, error);
    if (!status) status = export_snapshot(options, qat.snapshot, error);
    qat_free(&qat);
    return status;
}
