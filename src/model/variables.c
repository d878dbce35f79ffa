#include "model/variables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/h5.h"

#define WRAPPER "quant_" /* TFMOT's wrapper of layer x is named quant_x */

struct loader {
    struct h5 h5;
    struct variables *variables;
    size_t total; /* values so far */
    struct error *error;
};

void variables_free(struct variables *variables) {
    if (!variables) return;
    for (size_t i = 0; i < variables->count; i++) array_free(variables->list[i].values);
    free(variables->list);
    free(variables);
}

const struct variable *variables_find(const struct variables *variables, const char *layer,
                                      const char *name) {
    for (size_t i = 0; i < variables->count; i++) {
        const struct variable *variable = &variables->list[i];
        if (!strcmp(variable->name, name) && !strcmp(variable->layer, layer)) return variable;
    }
    return NULL;
}

/* "quant_dense" and length 11 give "dense". */
static bool copy_layer_name(const char *text, size_t length, char name[MODEL_NAME]) {
    size_t prefix = strlen(WRAPPER);
    if (length > prefix && !strncmp(text, WRAPPER, prefix)) {
        text += prefix;
        length -= prefix;
    }
    if (!length || length >= MODEL_NAME) return false;
    memcpy(name, text, length);
    name[length] = 0;
    return true;
}

/* ".../kernel_min:0" gives "kernel_min". */
static bool copy_variable_name(const char *path, char name[MODEL_NAME]) {
    const char *slash = strrchr(path, '/');
    const char *leaf = slash ? slash + 1 : path;
    size_t length = strcspn(leaf, ":");
    if (!length || length >= MODEL_NAME) return false;
    memcpy(name, leaf, length);
    name[length] = 0;
    return true;
}

static enum status check_values(const struct loader *loader, const struct variable *variable) {
    for (size_t i = 0; i < variable->count; i++)
        if (!isfinite(variable->values[i]))
            return error_set(loader->error, STATUS_FORMAT, loader->h5.path,
                             "'%s/%s' holds %s at index %zu; its training has diverged",
                             variable->layer, variable->name,
                             isnan(variable->values[i]) ? "NaN" : "infinity", i);
    return STATUS_OK;
}

static enum status read_values(struct loader *loader, hid_t dataset, const char *path,
                               const struct h5_shape *shape, struct variable *variable) {
    variable->rank = shape->rank;
    for (int i = 0; i < shape->rank; i++) variable->size[i] = shape->size[i];
    variable->count = shape->count;
    if (shape->count > MODEL_WEIGHTS_MAX - loader->total)
        return error_set(loader->error, STATUS_FORMAT, loader->h5.path,
                         "holds more than %zu values", MODEL_WEIGHTS_MAX);
    loader->total += shape->count;
    variable->values = array_new(shape->count, sizeof *variable->values);
    if (!variable->values)
        return error_memory(loader->error, loader->h5.path,
                            shape->count * sizeof *variable->values);
    enum status status = h5_read_floats(&loader->h5, dataset, path, variable->values,
                                        loader->error);
    return status ? status : check_values(loader, variable);
}

/* Read data set `path` below `location` as a variable of the layer named by layer[length]; one of
 * integers is passed over. */
static enum status add_variable(struct loader *loader, hid_t location, const char *path,
                                const char *layer, size_t length) {
    struct variables *variables = loader->variables;
    struct variable variable = {0};
    struct h5_shape shape;
    hid_t dataset;
    bool is_float;
    enum status status = h5_open_numbers(&loader->h5, location, path, &dataset, &shape, &is_float,
                                         loader->error);
    if (status) return status;
    if (!is_float) goto done;
    if (!copy_layer_name(layer, length, variable.layer) ||
        !copy_variable_name(path, variable.name)) {
        status = error_set(loader->error, STATUS_FORMAT, loader->h5.path,
                           "'%.160s' has no usable name (up to %d bytes)", path, MODEL_NAME - 1);
        goto done;
    }
    if (variables_find(variables, variable.layer, variable.name)) {
        status = error_set(loader->error, STATUS_FORMAT, loader->h5.path,
                           "holds '%s/%s' twice", variable.layer, variable.name);
        goto done;
    }
    struct variable *larger =
        realloc(variables->list, (variables->count + 1) * sizeof *variables->list);
    if (!larger) {
        status = error_memory(loader->error, loader->h5.path, sizeof *variables->list);
        goto done;
    }
    variables->list = larger;
    status = read_values(loader, dataset, path, &shape, &variable);
    variables->list[variables->count++] = variable;
done:
    h5_release(dataset);
    return status;
}

/* Keras' own lists say what belongs to which layer. */
static enum status load_listed(struct loader *loader, hid_t root) {
    struct h5_names layers = {0};
    enum status status =
        h5_read_names(&loader->h5, root, "/", "layer_names", &layers, loader->error);
    for (size_t i = 0; i < layers.count && !status; i++) {
        const char *layer = layers.names[i];
        struct h5_names weights = {0};
        hid_t group = h5_has(root, layer) ? H5Gopen2(root, layer, H5P_DEFAULT) : -1;
        if (group < 0)
            status = error_set(loader->error, STATUS_FORMAT, loader->h5.path,
                               "the group of layer '%.96s' is missing", layer);
        if (!status)
            status = h5_read_names(&loader->h5, group, layer, "weight_names", &weights,
                                   loader->error);
        for (size_t j = 0; j < weights.count && !status; j++)
            status = add_variable(loader, group, weights.names[j], layer, strlen(layer));
        h5_free_names(&weights);
        h5_release(group);
    }
    h5_free_names(&layers);
    return status;
}

/* Without lists the folder of a data set is its layer. */
static enum status load_folders(struct loader *loader, hid_t root) {
    struct h5_names paths = {0};
    enum status status = h5_list_datasets(&loader->h5, root, &paths, loader->error);
    for (size_t i = 0; i < paths.count && !status; i++) {
        const char *path = paths.names[i], *end = strrchr(path, '/'), *start = end;
        if (!end) {
            status = error_set(loader->error, STATUS_FORMAT, loader->h5.path,
                               "data set '%.96s' belongs to no layer; LAYER/VARIABLE is expected",
                               path);
            break;
        }
        while (start > path && start[-1] != '/') start--;
        status = add_variable(loader, root, path, start, (size_t)(end - start));
    }
    h5_free_names(&paths);
    return status;
}

enum status variables_load(const char *path, struct variables **variables, struct error *error) {
    struct loader loader = {.error = error};
    hid_t root = -1;
    *variables = NULL;
    loader.variables = calloc(1, sizeof *loader.variables);
    if (!loader.variables) return error_memory(error, path, sizeof *loader.variables);
    snprintf(loader.variables->path, sizeof loader.variables->path, "%s", path);
    enum status status = h5_open(&loader.h5, path, error);
    if (status) goto done;
    const char *group = h5_has(loader.h5.file, "quantized_weights") ? "quantized_weights"
                        : h5_has(loader.h5.file, "model_weights")   ? "model_weights"
                                                                    : "/";
    root = H5Gopen2(loader.h5.file, group, H5P_DEFAULT);
    if (root < 0)
        status = error_set(error, STATUS_FORMAT, path, "group '%s' cannot be read; "
                           "the file is damaged", group);
    else if (H5Aexists(root, "layer_names") > 0 || H5Aexists(root, "layer_names0") > 0)
        status = load_listed(&loader, root);
    else
        status = load_folders(&loader, root);
    if (!status && !loader.variables->count)
        status = error_set(error, STATUS_FORMAT, path, "holds no variables");
    h5_release(root);
    h5_close(&loader.h5, NULL);
done:
    if (status)
        variables_free(loader.variables);
    else
        *variables = loader.variables;
    return status;
}
