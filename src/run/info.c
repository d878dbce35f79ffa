#include "run/info.h"

#include <stdio.h>
#include <string.h>

/* The model's file name without folders and extension. */
static void name_of(const char *path, char *name, size_t size) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    int length = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    snprintf(name, size, "%.*s", length, base);
}

/* The tutorial calls a chain of Dense layers fc and one with convolutions and pooling cnn. */
static const char *architecture_name(const struct model *model) {
    bool has_dense = false, has_conv = false;
    for (int i = 0; i < model->layer_count; i++) {
        switch (model->layers[i].kind) {
        case LAYER_DENSE:
            has_dense = true;
            break;
        case LAYER_CONV2D:
            has_conv = true;
            break;
        case LAYER_INPUT:
        case LAYER_MAX_POOLING2D:
        case LAYER_FLATTEN:
        case LAYER_DROPOUT:
        case LAYER_ACTIVATION:
        case LAYER_RELU:
        case LAYER_SOFTMAX:
            break;
        default:
            return NULL;
        }
    }
    return has_conv ? "cnn" : has_dense ? "fc" : NULL;
}

void run_default_folder(const struct model *model, const char *path, const char *method,
                        char *folder, size_t size) {
    char own[256];
    name_of(path, own, sizeof own);
    const char *architecture = architecture_name(model);
    snprintf(folder, size, "saved_model/mnist_%s_int8_%s", architecture ? architecture : own,
             method);
}

enum status run_info_name_outputs(struct run_info *info, const struct model *model,
                                  struct error *error) {
    const struct run_config *config = info->config;
    char own[256], folder[480];
    name_of(config->model_path, own, sizeof own);
    const char *shown = config->resume_path ? model->name : own;
    snprintf(info->name, sizeof info->name, "%.*s", (int)sizeof info->name - 1, shown);
    run_default_folder(model, config->model_path, "qat", folder, sizeof folder);
    int used = (int)strlen(folder);
    if (config->out_folder) used = snprintf(folder, sizeof folder, "%s", config->out_folder);
    if (used < 0 || (size_t)used >= sizeof folder)
        return error_set(error, STATUS_USAGE, "--out", "folder name is too long");
    while (used > 1 && folder[used - 1] == '/') folder[--used] = 0;
    if (!used) return error_set(error, STATUS_USAGE, "--out", "must not be empty");
    snprintf(info->export_path, sizeof info->export_path, "%s/model_int8.tflite", folder);
    snprintf(info->checkpoint_path, sizeof info->checkpoint_path, "%s/checkpoint.h5", folder);
    return STATUS_OK;
}
