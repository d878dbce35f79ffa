/* settings: options translated for the trainer and the run. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/options.h"
#include "run/config.h"

struct training settings_training(const struct options *options);

/* A run's configuration and the strings it points to; must not move while the run exists. */
struct settings {
    struct run_config config;
    char model_path[1024], data_folder[1024], out_folder[1024];
};
enum status settings_run(struct settings *settings, const struct options *options, bool is_headless,
                         struct error *error);

/* Check before hours of work that a file can be written at `path`; creates its folders. */
enum status settings_check_writable(const char *path, struct error *error);

#endif
