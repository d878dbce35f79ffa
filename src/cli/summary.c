#include <stdlib.h>

#include "cli/cli.h"
#include "cli/subject.h"
#include "model/summary.h"
#include "tflite/summary.h"

enum status command_summary(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    struct subject subject;
    char *text = NULL;
    enum status status = subject_load(&subject, options->operands[0], error);
    if (status) return status;
    status = subject.model ? model_summary(subject.model, &text, error)
                           : tflite_summary(subject.frozen, &text, error);
    if (!status) fputs(text, stdout);
    free(text);
    subject_free(&subject);
    return status;
}
