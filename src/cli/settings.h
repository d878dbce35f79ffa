/* settings: from options to what the trainer and a run want to know. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/options.h"
#include "run/config.h"

struct training settings_training(const struct options *options);

/* A run's configuration and the texts it points to; must stay where it is while the run lives. */
struct settings {
    struct run_config config;
    char model_path[1024], data_folder[1024], out_folder[1024];
};
enum status settings_run(struct settings *settings, const struct options *options, bool is_headless,
                         struct error *error);

/* Whether a file at `path` could be written, told before hours of work; makes its folders. */
enum status settings_check_writable(const char *path, struct error *error);

#endif
