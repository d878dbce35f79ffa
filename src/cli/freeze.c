#include "cli/assets.h"
#include "cli/cli.h"
#include "cli/export.h"
#include "quant/variables_snapshot.h"

/* The weights come from TensorFlow Model Optimization, so its scheme says what is quantized. */
enum status command_freeze(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    if (!options->output || !export_ends_in(options->output, ".tflite"))
        return error_set(error, STATUS_USAGE, "freeze", "needs -o OUT.tflite");
    char path[1024];
    struct model *model = NULL;
    struct quant_plan *plan = NULL;
    struct variables *variables = NULL;
    struct snapshot *snapshot = NULL;
    enum status status = assets_model(options->operands[1], path, sizeof path, error);
    if (!status) status = model_load(path, &model, error);
    if (!status) status = model_check_digits(model, path, error);
    if (!status) status = quant_plan_create(&plan, model, scheme_find("tfmot"), error);
    if (!status) status = variables_load(options->operands[0], &variables, error);
    if (!status) status = variables_snapshot(model, plan, variables, &snapshot, error);
    if (!status) status = export_tflite(options, snapshot, error);
    snapshot_release(snapshot);
    variables_free(variables);
    quant_plan_free(plan);
    model_free(model);
    return status;
}
