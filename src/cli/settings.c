#include "cli/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/assets.h"
#include "train/optimizer.h"

struct training settings_training(const struct options *options) {
    const struct scheme *scheme = &schemes[options->scheme];
    bool is_plain = options->verb->bit == VERB_TRAIN;
    struct training training = {
        .epochs = (int)options->epochs,
        .batch = (int)options->batch,
        .learning_rate = (float)options->learning_rate,
        .schedule = options->schedule >= 0 ? (enum schedule)options->schedule
                                           : schedule_named(scheme->schedule),
        .label_smoothing = options->label_smoothing >= 0 ? (float)options->label_smoothing
                           : is_plain                    ? 0
                                                         : scheme->label_smoothing,
        .warmup = is_plain && options->warmup == WARMUP_OF_SCHEME ? 0 : (int)options->warmup,
        .seed = options->seed,
        .max_steps = (uint64_t)options->steps,
        .shuffle = !options->no_shuffle,
        .dropout = !options->no_dropout,
        .augment = options->augment >= 0 ? (enum augmentation)options->augment
                   : is_plain            ? AUGMENT_NONE
                                         : AUGMENT_OF_SCHEME,
    };
    if (options->rescale)
        snprintf(training.rescale, sizeof training.rescale, "%s", options->rescale);
    return training;
}

enum status settings_run(struct settings *settings, const struct options *options, bool is_headless,
                         struct error *error) {
    *settings = (struct settings){.config = run_config_default()};
    const char *operand = options->operand_count ? options->operands[0] : options->resume;
    enum status status =
        assets_model(operand, settings->model_path, sizeof settings->model_path, error);
    if (status) return status;
    status = assets_data(options->data, settings->data_folder, sizeof settings->data_folder, error);
    if (status) return status;
    struct run_config *config = &settings->config;
    config->model_path = settings->model_path;
    config->data_folder = settings->data_folder;
    config->is_transposed = options->is_transposed;
    config->validation_split = options->validation_split;
    config->out_folder = options->out;
    config->training = settings_training(options);
    config->scheme = &schemes[options->scheme];
    config->weight_bits = (int)options->bits;
    config->io = option_io(options);
    config->runtime = (enum runtime)options->runtime;
    if (options->on_nan >= 0)
        config->on_nan = (enum on_nan)options->on_nan;
    else
        config->on_nan = is_headless ? ON_NAN_STOP : ON_NAN_PAUSE;
    config->threads = (int)options->threads;
    config->pace = options->pace;
    if (is_headless && options->pace < 0) config->pace = PACE_MAX;
    config->trace_path = options->trace;
    config->record_path = options->record;
    config->resume_path = options->resume;
    if (options->resume && !options->out) {
        /* A resumed run writes to its own folder. */
        snprintf(settings->out_folder, sizeof settings->out_folder, "%s", options->resume);
        char *slash = strrchr(settings->out_folder, '/');
        strcpy(slash ? slash + (slash == settings->out_folder) : settings->out_folder,
               slash ? "" : ".");
        config->out_folder = settings->out_folder;
    }
    config->is_headless = is_headless;
    return STATUS_OK;
}

enum status settings_check_writable(const char *path, struct error *error) {
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    else
        strcpy(folder, ".");
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return error_set(error, STATUS_IO, path, "is a folder, not a file");
    enum status status = file_make_parents(path, error);
    if (status) return status;
    if (access(folder, W_OK | X_OK)) return error_errno(error, path, "cannot write");
    return STATUS_OK;
}
