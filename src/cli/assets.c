#include "cli/assets.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "places.h"

/* The folder of the running program; "" if /proc does not tell. */
static void own_folder(char *folder, size_t size) {
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    folder[length > 0 ? length : 0] = 0;
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
}

static bool is_there(const char *folder, const char *name, char *path, size_t size) {
    int length = snprintf(path, size, "%s/%s", folder, name);
    return length > 0 && (size_t)length < size && access(path, R_OK) == 0;
}

enum status assets_find(const char *name, char *path, size_t size, struct error *error) {
    const char *chosen = getenv("QATOP_ASSETS");
    if (chosen && *chosen) {
        if (is_there(chosen, name, path, size)) return STATUS_OK;
        return error_set(error, STATUS_IO, name, "not found in QATOP_ASSETS, %s", chosen);
    }
    char own[PATH_MAX], folder[PATH_MAX + 32];
    own_folder(own, sizeof own);
    if (!strcmp(own, BUILD_FOLDER) && is_there(ASSETS_SOURCE, name, path, size)) return STATUS_OK;
    snprintf(folder, sizeof folder, "%s/assets", own);
    if (*own && is_there(folder, name, path, size)) return STATUS_OK;
    snprintf(folder, sizeof folder, "%s/../share/qatop", own);
    if (*own && is_there(folder, name, path, size)) return STATUS_OK;
    if (is_there(ASSETS_INSTALLED, name, path, size)) return STATUS_OK;
    return error_set(error, STATUS_IO, name,
                     "not found in %s; set QATOP_ASSETS to the folder with the bundled files",
                     ASSETS_INSTALLED);
}

/* The file of a bundled model; NULL for any other word. */
static const char *model_file(const char *word) {
    if (!strcmp(word, "fc")) return "models/mnist_fc.h5";
    return strcmp(word, "cnn") ? NULL : "models/mnist_cnn.h5";
}

bool assets_is_model(const char *operand) {
    return model_file(operand) != NULL;
}

enum status assets_model(const char *operand, char *path, size_t size, struct error *error) {
    if (!operand) operand = "fc";
    if (assets_is_model(operand)) return assets_find(model_file(operand), path, size, error);
    if (strlen(operand) >= size)
        return error_set(error, STATUS_USAGE, operand, "file name is too long");
    memcpy(path, operand, strlen(operand) + 1);
    return STATUS_OK;
}

enum status assets_data(const char *folder, char *path, size_t size, struct error *error) {
    if (!folder) return assets_find("mnist-5k", path, size, error);
    if (strlen(folder) >= size)
        return error_set(error, STATUS_USAGE, folder, "folder name is too long");
    memcpy(path, folder, strlen(folder) + 1);
    return STATUS_OK;
}
