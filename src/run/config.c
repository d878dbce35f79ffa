#include "run/config.h"

#include <math.h>

#include "quant/scheme.h"
#include "train/optimizer.h"

struct run_config run_config_default(void) {
    const struct scheme *scheme = &schemes[0];
    return (struct run_config){
        .training =
            {
                .epochs = 3,
                .batch = 32,
                .learning_rate = 0.001f,
                .schedule = schedule_named(scheme->schedule),
                .label_smoothing = scheme->label_smoothing,
                .augment = AUGMENT_OF_SCHEME,
                .warmup = WARMUP_OF_SCHEME,
                .seed = 1,
                .shuffle = true,
                .dropout = true,
            },
        .scheme = scheme,
        .io = IO_FLOAT,
        .runtime = RUNTIME_REF,
        .on_nan = ON_NAN_PAUSE,
        .pace = PACE_AUTO,
    };
}

enum status run_config_check(const struct run_config *config, struct error *error) {
    const struct training *training = &config->training;
    if (!config->model_path || !config->data_folder || !config->scheme)
        return error_set(error, STATUS_USAGE, "", "a run needs a model, digits and a scheme");
    if (training->epochs < 1 || training->epochs > MAX_EPOCHS)
        return error_set(error, STATUS_USAGE, "--epochs", "must be between 1 and %d, not %d",
                         MAX_EPOCHS, training->epochs);
    if (training->batch < 1 || training->batch > MAX_BATCH)
        return error_set(error, STATUS_USAGE, "--batch", "must be between 1 and %d, not %d",
                         MAX_BATCH, training->batch);
    if (!(training->learning_rate > 0) || isinf(training->learning_rate))
        return error_set(error, STATUS_USAGE, "--lr", "must be a number above 0, not %g",
                         (double)training->learning_rate);
    if (!(training->label_smoothing >= 0 && training->label_smoothing < 1))
        return error_set(error, STATUS_USAGE, "--label-smoothing",
                         "must be at least 0 and less than 1, not %g",
                         (double)training->label_smoothing);
    if (training->warmup < 0 && training->warmup != WARMUP_OF_SCHEME)
        return error_set(error, STATUS_USAGE, "--warmup", "must be 0 or more, not %d",
                         training->warmup);
    if (config->weight_bits && (config->weight_bits < 2 || config->weight_bits > 8))
        return error_set(error, STATUS_USAGE, "--bits", "must be between 2 and 8, not %d",
                         config->weight_bits);
    if (config->threads < 0 || config->threads > 64)
        return error_set(error, STATUS_USAGE, "--threads", "must be between 0 and 64, not %d",
                         config->threads);
    if (!(config->pace >= 0 && config->pace <= 1e9) && config->pace != PACE_AUTO)
        return error_set(error, STATUS_USAGE, "--pace",
                         "must be max, auto or batches per second, not %g", config->pace);
    return STATUS_OK;
}
