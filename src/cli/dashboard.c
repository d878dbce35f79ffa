#include "cli/cli.h"

enum status command_dashboard(const struct options *options, int *exit_status,
                              struct error *error) {
    (void)options, (void)exit_status;
    return error_set(error, STATUS_UNSUPPORTED, "", "there is no dashboard yet");
}
