#include "cli/settings.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/assets.h"

static enum schedule schedule_by_name(const char *name) {
    if (!strcmp(name, "constant")) return SCHEDULE_CONSTANT;
    return strcmp(name, "linear") ? SCHEDULE_COSINE : SCHEDULE_LINEAR;
}

struct training settings_training(const struct options *options) {
    const struct scheme *scheme = scheme_find(option_scheme_name(options));
    return (struct training){
        .epochs = (int)options->epochs,
        .batch = (int)options->batch,
        .learning_rate = (float)options->learning_rate,
        .schedule = options->schedule >= 0 ? (enum schedule)options->schedule
                                           : schedule_by_name(scheme->schedule),
        .warmup = (int)options->warmup,
        .seed = options->seed,
        .max_steps = (uint64_t)options->steps,
        .shuffle = !options->no_shuffle,
        .dropout = !options->no_dropout,
    };
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
        return error_set(error, STATUS_IO, path, "is a folder; the name of a file is wanted");
    enum status status = file_make_parents(path, error);
    if (status) return status;
    if (access(folder, W_OK | X_OK)) return error_errno(error, path, "cannot write there");
    return STATUS_OK;
}
