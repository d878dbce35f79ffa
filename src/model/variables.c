#include "model/variables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/h5_reader.h"

#define WRAPPER "quant_" /* TFMOT's wrapper of layer x is named quant_x */

struct loader {
    const char *path;
    struct h5_reader *reader;
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
            return error_set(loader->error, STATUS_FORMAT, loader->path,
                             "'%s/%s' holds %s at index %zu; its training has diverged",
                             variable->layer, variable->name,
                             isnan(variable->values[i]) ? "NaN" : "infinity", i);
    return STATUS_OK;
}

static enum status read_values(struct loader *loader, const char *location, const char *path,
                               const struct h5_shape *shape, struct variable *variable) {
    variable->rank = shape->rank;
    for (int i = 0; i < shape->rank; i++) variable->size[i] = shape->size[i];
    variable->count = shape->count;
    if (shape->count > MODEL_WEIGHTS_MAX - loader->total)
        return error_set(loader->error, STATUS_FORMAT, loader->path, "holds more than %zu values",
                         MODEL_WEIGHTS_MAX);
    loader->total += shape->count;
    variable->values = array_new(shape->count, sizeof *variable->values);
    if (!variable->values)
        return error_memory(loader->error, loader->path, shape->count * sizeof *variable->values);
    enum status status = h5_reader_floats(loader->reader, location, path, variable->values,
                                          shape->count, loader->error);
    return status ? status : check_values(loader, variable);
}

/* Read data set `path` below `location` as a variable of the layer named by layer[length]; one of
 * integers is passed over. */
static enum status add_variable(struct loader *loader, const char *location, const char *path,
                                const char *layer, size_t length) {
    struct variables *variables = loader->variables;
    struct variable variable = {0};
    struct h5_shape shape;
    bool is_float;
    enum status status =
        h5_reader_shape(loader->reader, location, path, &shape, &is_float, loader->error);
    if (status || !is_float) return status;
    if (!copy_layer_name(layer, length, variable.layer) || !copy_variable_name(path, variable.name))
        return error_set(loader->error, STATUS_FORMAT, loader->path,
                         "'%.160s' has no usable name (up to %d bytes)", path, MODEL_NAME - 1);
    if (variables_find(variables, variable.layer, variable.name))
        return error_set(loader->error, STATUS_FORMAT, loader->path, "holds '%s/%s' twice",
                         variable.layer, variable.name);
    struct variable *larger =
        realloc(variables->list, (variables->count + 1) * sizeof *variables->list);
    if (!larger) return error_memory(loader->error, loader->path, sizeof *variables->list);
    variables->list = larger;
    status = read_values(loader, location, path, &shape, &variable);
    variables->list[variables->count++] = variable;
    return status;
}

static enum status load_layer(struct loader *loader, const char *root, const char *layer) {
    struct h5_names weights = {0};
    char group[H5_PATH_MAX];
    bool is_root = !strcmp(root, "/");
    int length =
        snprintf(group, sizeof group, "%s%s%s", is_root ? "" : root, is_root ? "" : "/", layer);
    if (length < 0 || (size_t)length >= sizeof group || !h5_reader_has(loader->reader, group))
        return error_set(loader->error, STATUS_FORMAT, loader->path,
                         "the group of layer '%.96s' is missing", layer);
    enum status status =
        h5_reader_names(loader->reader, group, "weight_names", &weights, loader->error);
    for (size_t i = 0; i < weights.count && !status; i++)
        status = add_variable(loader, group, weights.names[i], layer, strlen(layer));
    h5_free_names(&weights);
    return status;
}

/* Keras' own lists say what belongs to which layer. */
static enum status load_listed(struct loader *loader, const char *root) {
    struct h5_names layers = {0};
    enum status status =
        h5_reader_names(loader->reader, root, "layer_names", &layers, loader->error);
    for (size_t i = 0; i < layers.count && !status; i++)
        status = load_layer(loader, root, layers.names[i]);
    h5_free_names(&layers);
    return status;
}

/* Without lists the folder of a data set is its layer. */
static enum status load_folders(struct loader *loader, const char *root) {
    struct h5_names paths = {0};
    enum status status = h5_reader_datasets(loader->reader, root, &paths, loader->error);
    for (size_t i = 0; i < paths.count && !status; i++) {
        const char *path = paths.names[i], *end = strrchr(path, '/'), *start = end;
        if (!end) {
            status =
                error_set(loader->error, STATUS_FORMAT, loader->path,
                          "data set '%.96s' belongs to no layer; LAYER/VARIABLE is expected", path);
            break;
        }
        while (start > path && start[-1] != '/') start--;
        status = add_variable(loader, root, path, start, (size_t)(end - start));
    }
    h5_free_names(&paths);
    return status;
}

static enum status load_all(struct loader *loader) {
    struct h5_reader *reader = loader->reader;
    const char *root = h5_reader_has(reader, "quantized_weights") ? "quantized_weights"
                       : h5_reader_has(reader, "model_weights")   ? "model_weights"
                                                                  : "/";
    bool is_listed = h5_reader_has_attribute(reader, root, "layer_names") ||
                     h5_reader_has_attribute(reader, root, "layer_names0");
    enum status status = is_listed ? load_listed(loader, root) : load_folders(loader, root);
    if (!status && !loader->variables->count)
        status = error_set(loader->error, STATUS_FORMAT, loader->path, "holds no variables");
    return status;
}

enum status variables_load(const char *path, struct variables **variables, struct error *error) {
    struct loader loader = {.path = path, .error = error};
    *variables = NULL;
    loader.variables = calloc(1, sizeof *loader.variables);
    if (!loader.variables) return error_memory(error, path, sizeof *loader.variables);
    snprintf(loader.variables->path, sizeof loader.variables->path, "%s", path);
    enum status status = h5_reader_open(&loader.reader, path, error);
    if (!status) status = load_all(&loader);
    enum status closed = h5_reader_close(loader.reader, error);
    if (closed) status = closed;
    if (status)
        variables_free(loader.variables);
    else
        *variables = loader.variables;
    return status;
}
