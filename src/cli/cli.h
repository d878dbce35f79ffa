/* cli: what the subcommands share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>

#include "base/error.h"
#include "cli/options.h"

/* Each is defined in the file of its name. */
enum status command_dashboard(const struct options *options, int *exit_status, struct error *error);
enum status command_eval(const struct options *options, int *exit_status, struct error *error);
enum status command_export(const struct options *options, int *exit_status, struct error *error);
enum status command_freeze(const struct options *options, int *exit_status, struct error *error);
enum status command_predict(const struct options *options, int *exit_status, struct error *error);
enum status command_ptq(const struct options *options, int *exit_status, struct error *error);
enum status command_run(const struct options *options, int *exit_status, struct error *error);
enum status command_summary(const struct options *options, int *exit_status, struct error *error);
enum status command_train(const struct options *options, int *exit_status, struct error *error);

/* command_run; `remark`, unless NULL, goes to standard error once model and digits are loaded. */
enum status run_without_screen(const struct options *options, const char *remark, int *exit_status,
                               struct error *error);

/* Print one JSON object and a newline on standard output and drop the reference.  NULL means that
 * memory was short when it was built: STATUS_MEMORY. */
enum status print_json(json_t *object, struct error *error);

/* JSON has neither NaN nor infinity: they become null. */
json_t *json_number(double value);

/* One line on standard error: "qatop: WHERE: TEXT". */
void print_error(const struct error *error);

#endif
