#include "model/variables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/keras_file.h"
#include "model/tfmot.h"

struct loader {
    const char *path;
    struct keras_file *file;
    struct h5_reader *reader; /* of the file */
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
    size_t prefix = strlen(TFMOT_WRAPPER);
    if (length > prefix && !strncmp(text, TFMOT_WRAPPER, prefix)) {
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

/* The second model prepared in a process has a quantize_layer_1: drop the number. */
static void name_input(struct variable *variable) {
    size_t length = strlen(TFMOT_INPUT);
    const char *number = variable->layer + length;
    if (strncmp(variable->layer, TFMOT_INPUT, length) || *number != '_') return;
    if (number[1 + strspn(number + 1, "0123456789")]) return;
    size_t whole = strlen(variable->layer);
    if (strncmp(variable->name, variable->layer, whole)) return;
    memmove(variable->name + length, variable->name + whole, strlen(variable->name + whole) + 1);
    variable->layer[length] = 0;
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
    if (shape->count > MAX_WEIGHTS - loader->total)
        return error_set(loader->error, STATUS_FORMAT, loader->path, "holds more than %zu values",
                         MAX_WEIGHTS);
    loader->total += shape->count;
    variable->values = array_new(shape->count, sizeof *variable->values);
    if (!variable->values)
        return error_memory(loader->error, loader->path, shape->count * sizeof *variable->values);
    enum status status = h5_reader_floats(loader->reader, location, path, variable->values,
                                          shape->count, loader->error);
    return status ? status : check_values(loader, variable);
}

/* Read data set `path` below `location` as the variable `name` of the layer named by layer[length];
 * skip it if it holds integers. */
static enum status add_variable(struct loader *loader, const char *location, const char *path,
                                const char *layer, size_t length, const char *name) {
    struct variables *variables = loader->variables;
    struct variable variable = {0};
    struct h5_shape shape;
    bool is_float;
    enum status status =
        h5_reader_shape(loader->reader, location, path, &shape, &is_float, loader->error);
    if (status || !is_float) return status;
    if (!copy_layer_name(layer, length, variable.layer) || !copy_variable_name(name, variable.name))
        return error_set(loader->error, STATUS_FORMAT, loader->path,
                         "'%.160s' has no usable name (up to %d bytes)", name, MODEL_NAME - 1);
    name_input(&variable);
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
    char group[MAX_H5_PATH];
    bool is_root = !strcmp(root, "/");
    int length =
        snprintf(group, sizeof group, "%s%s%s", is_root ? "" : root, is_root ? "" : "/", layer);
    if (length < 0 || (size_t)length >= sizeof group || !h5_reader_has(loader->reader, group))
        return error_set(loader->error, STATUS_FORMAT, loader->path,
                         "the group of layer '%.96s' is missing", layer);
    enum status status =
        h5_reader_names(loader->reader, group, "weight_names", &weights, loader->error);
    for (size_t i = 0; i < weights.count && !status; i++)
        status =
            add_variable(loader, group, weights.names[i], layer, strlen(layer), weights.names[i]);
    h5_free_names(&weights);
    return status;
}

/* Keras' own lists say which variable belongs to which layer. */
static enum status load_listed(struct loader *loader, const char *root) {
    struct h5_names layers = {0};
    enum status status =
        h5_reader_names(loader->reader, root, "layer_names", &layers, loader->error);
    for (size_t i = 0; i < layers.count && !status; i++)
        status = load_layer(loader, root, layers.names[i]);
    h5_free_names(&layers);
    return status;
}

/* Without lists, the folder of a data set is its layer. */
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
        status = add_variable(loader, root, path, start, (size_t)(end - start), path);
    }
    h5_free_names(&paths);
    return status;
}

static enum status load_h5(struct loader *loader) {
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

/* ---- .keras --------------------------------------------------------------------------------- */

/* The data sets of a wrapper are numbered:
 *   layer/vars/0, ...  the parameters of the layer, in Keras' order, without the kernel if that is
 *                      fake-quantized
 *   vars/0, ...        the trained ones again, with that kernel; then the step counter, the only
 *                      integer; then the ranges, if any: kernel_min and kernel_max, and those of
 * the activation or output
 */
struct wrapper {
    const struct layer *layer;
    const struct parameter *parameters; /* of the layer */
    char group[2 * MODEL_NAME];
    int own, step, count; /* data sets in layer/vars, index of the counter in vars, size of vars */
};

static bool has_number(struct loader *loader, const char *folder, int number) {
    char path[4 * MODEL_NAME];
    snprintf(path, sizeof path, "%s/%d", folder, number);
    return h5_reader_has(loader->reader, path);
}

static int count_numbers(struct loader *loader, const char *group, const char *folder) {
    char path[3 * MODEL_NAME];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", group, folder);
    while (count < MAX_H5_NAMES && has_number(loader, path, count)) count++;
    return count;
}

static enum status add_number(struct loader *loader, const struct wrapper *wrapper,
                              const char *folder, int number, const char *name) {
    char path[4 * MODEL_NAME];
    const char *layer = wrapper->layer->name;
    snprintf(path, sizeof path, "%s/%d", folder, number);
    return add_variable(loader, wrapper->group, path, layer, strlen(layer), name);
}

static enum status odd_wrapper(struct loader *loader, const struct wrapper *wrapper) {
    return error_set(loader->error, STATUS_FORMAT, loader->path,
                     "layer '%s': its wrapper does not hold the layer's weights and ranges; save "
                     "the model with model.save('x.h5')",
                     wrapper->layer->name);
}

static enum status look_into(struct loader *loader, struct wrapper *wrapper) {
    wrapper->own = count_numbers(loader, wrapper->group, "layer/vars");
    wrapper->count = count_numbers(loader, wrapper->group, "vars");
    bool is_float = true;
    for (int i = 0; i < wrapper->count && is_float; i++) {
        char path[4 * MODEL_NAME];
        struct h5_shape shape;
        snprintf(path, sizeof path, "vars/%d", i);
        enum status status =
            h5_reader_shape(loader->reader, wrapper->group, path, &shape, &is_float, loader->error);
        if (status) return status;
        wrapper->step = i;
    }
    return is_float ? odd_wrapper(loader, wrapper) : STATUS_OK;
}

static enum status add_range(struct loader *loader, const struct wrapper *wrapper, int number,
                             const char *what) {
    enum status status = STATUS_OK;
    for (int end = 0; end < 2 && !status; end++) {
        char name[MODEL_NAME + 8];
        snprintf(name, sizeof name, "%s%s", what, end ? TFMOT_MAX : TFMOT_MIN);
        status = add_number(loader, wrapper, "vars", number + end, name);
    }
    return status;
}

/* TFMOT's name of the range that is not the kernel's. */
static const char *activation_range(const struct layer *layer) {
    if (!layer_has_kernel(layer)) return TFMOT_OUTPUT;
    bool is_after = layer->activation == ACTIVATION_LINEAR ||
                    layer->activation == ACTIVATION_RELU || layer->activation == ACTIVATION_RELU6;
    return is_after ? TFMOT_POST_ACTIVATION : TFMOT_PRE_ACTIVATION;
}

static enum status load_wrapper(struct loader *loader, struct wrapper *wrapper) {
    enum status status = look_into(loader, wrapper);
    if (status) return status;
    int all = wrapper->layer->parameter_count, next = wrapper->step + 1;
    bool has_kernel_range = layer_has_kernel(wrapper->layer) && wrapper->own == all - 1;
    int ranges = wrapper->count - next - (has_kernel_range ? 2 : 0);
    if ((wrapper->own != all && !has_kernel_range) || (ranges != 0 && ranges != 2) ||
        (has_kernel_range && !wrapper->step))
        return odd_wrapper(loader, wrapper);
    for (int i = 0; i < all && !status; i++) {
        const char *name = strrchr(wrapper->parameters[i].name, '/') + 1;
        bool is_outside = has_kernel_range && i == 0;
        status = is_outside ? add_number(loader, wrapper, "vars", wrapper->step - 1, name)
                            : add_number(loader, wrapper, "layer/vars", i - has_kernel_range, name);
        if (is_outside && !status) status = add_range(loader, wrapper, next, name);
    }
    if (!status && ranges)
        status = add_range(loader, wrapper, wrapper->count - 2, activation_range(wrapper->layer));
    return status;
}

/* Wrappers are numbered in the order of the layers, as all layers of one class are. */
static void name_wrapper(const char *layers, int layer, char group[2 * MODEL_NAME]) {
    int used = snprintf(group, 2 * MODEL_NAME, "%squantize_wrapper_v2", layers);
    if (layer > 1) snprintf(group + used, 2 * MODEL_NAME - (size_t)used, "_%d", layer - 1);
}

static enum status load_wrappers(struct loader *loader, const struct model *model) {
    static const char *const ends[] = {TFMOT_INPUT TFMOT_MIN, TFMOT_INPUT TFMOT_MAX};
    const char *layers = keras_file_layers(loader->file);
    char group[2 * MODEL_NAME], last[2 * MODEL_NAME];
    enum status status = STATUS_OK;
    snprintf(group, sizeof group, "%s" TFMOT_INPUT "/vars", layers);
    name_wrapper(layers, model->layer_count - 1, last);
    if (!h5_reader_has(loader->reader, group) || !h5_reader_has(loader->reader, last))
        return error_set(loader->error, STATUS_UNSUPPORTED, loader->path,
                         "is a QAT model with only some layers quantized; a .keras does not say "
                         "which: save it with model.save('x.h5')");
    for (int end = 0; end < 2 && !status; end++)
        status = add_variable(loader, group, end ? "1" : "0", TFMOT_INPUT, strlen(TFMOT_INPUT),
                              ends[end]);
    for (int i = 1; i < model->layer_count && !status; i++) {
        struct wrapper wrapper = {
            .layer = &model->layers[i],
            .parameters = &model->parameters[model->layers[i].first_parameter],
        };
        name_wrapper(layers, i, wrapper.group);
        status = load_wrapper(loader, &wrapper);
    }
    return status;
}

static enum status load_keras(struct loader *loader) {
    const struct model *model = loader->file->model;
    if (model->has_ranges) return load_wrappers(loader, model);
    return error_set(loader->error, STATUS_FORMAT, loader->path,
                     "holds a model that was not prepared for quantization");
}

enum status variables_read(struct keras_file *file, struct variables **variables,
                           struct error *error) {
    struct loader loader = {
        .path = file->path, .file = file, .reader = file->reader, .error = error};
    *variables = NULL;
    loader.variables = calloc(1, sizeof *loader.variables);
    if (!loader.variables) return error_memory(error, file->path, sizeof *loader.variables);
    snprintf(loader.variables->path, sizeof loader.variables->path, "%s", file->path);
    enum status status = file->is_archive ? load_keras(&loader) : load_h5(&loader);
    if (status)
        variables_free(loader.variables);
    else
        *variables = loader.variables;
    return status;
}

enum status variables_load(const char *path, struct variables **variables, struct error *error) {
    struct keras_file file;
    *variables = NULL;
    enum status status = keras_file_open(&file, path, error);
    if (!status) status = variables_read(&file, variables, error);
    enum status closed = keras_file_close(&file, error);
    if (closed && *variables) {
        variables_free(*variables);
        *variables = NULL;
    }
    return closed ? closed : status;
}
