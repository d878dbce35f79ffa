#include "ui/dashboard.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/settings.h"

/* The dashboard, or the same run without a screen where none can be had. */
enum status command_dashboard(const struct options *options, int *exit_status,
                              struct error *error) {
    struct error reason;
    if (options->is_json) return command_run(options, exit_status, error);
    if (dashboard_check(&reason)) {
        char why[800], remark[900];
        error_format(&reason, why, sizeof why);
        snprintf(remark, sizeof remark, "no dashboard here (%s): continuing as 'qatop run'", why);
        return run_without_screen(options, remark, exit_status, error);
    }
    const struct dashboard_options screen = {
        .theme = options->theme,
        .no_color = options->no_color,
        .ascii = options->ascii,
    };
    struct settings settings;
    struct dashboard_result result = {0};
    struct run *run = NULL;
    enum status status = settings_run(&settings, options, false, error);
    if (!status) status = run_create(&run, &settings.config, error);
    if (status) return status;
    status = dashboard_run(run, &screen, &result, error);
    if (result.is_urgent) _exit(result.exit_status);
    struct error ignored;
    enum status finished = run_finish(run, false, status ? &ignored : error);
    *exit_status = result.exit_status;
    return status ? status : finished;
}
