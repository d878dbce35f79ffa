#include "cli/assets.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "places.h"

/* The folder this program runs from; "" where /proc does not tell. */
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
        return error_set(error, STATUS_IO, name, "is not in QATOP_ASSETS, which is %s", chosen);
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
                     "is not in %s; set QATOP_ASSETS to the folder of the bundled files",
                     ASSETS_INSTALLED);
}

enum status assets_model(const char *operand, char *path, size_t size, struct error *error) {
    if (!operand || !strcmp(operand, "fc"))
        return assets_find("models/mnist_fc.h5", path, size, error);
    if (!strcmp(operand, "cnn")) return assets_find("models/mnist_cnn.h5", path, size, error);
    if (strlen(operand) >= size)
        return error_set(error, STATUS_USAGE, operand, "is too long for a file name");
    memcpy(path, operand, strlen(operand) + 1);
    return STATUS_OK;
}

enum status assets_data(const char *folder, char *path, size_t size, struct error *error) {
    if (!folder) return assets_find("mnist-5k", path, size, error);
    if (strlen(folder) >= size)
        return error_set(error, STATUS_USAGE, folder, "is too long for a folder name");
    memcpy(path, folder, strlen(folder) + 1);
    return STATUS_OK;
}
