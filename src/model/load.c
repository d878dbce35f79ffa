#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/keras_file.h"
#include "model/layer.h"
#include "model/split.h"
#include "model/variables.h"

struct loader {
    const char *path;
    struct keras_file *file;
    struct h5_reader *reader; /* of the file */
    const char *weights;      /* prefix of the layers' groups */
    struct h5_names layer_names;
    struct model *model;
    struct error *error;
};

static bool same_shape(const struct parameter *parameter, const struct h5_shape *shape) {
    if (parameter->rank != shape->rank) return false;
    for (int i = 0; i < shape->rank; i++)
        if ((size_t)parameter->size[i] != shape->size[i]) return false;
    return true;
}

static const char *sizes_text(const size_t *size, int rank, char text[96]) {
    int used = snprintf(text, 96, "(");
    for (int i = 0; i < rank; i++)
        used += snprintf(text + used, 96 - (size_t)used, "%s%zu", i ? ", " : "", size[i]);
    snprintf(text + used, 96 - (size_t)used, rank == 1 ? ",)" : ")");
    return text;
}

static enum status wrong_shape(struct loader *loader, const struct parameter *parameter,
                               const struct h5_shape *shape, const char *dataset) {
    size_t expected[4];
    char want[96], have[96];
    for (int i = 0; i < parameter->rank; i++) expected[i] = (size_t)parameter->size[i];
    return layer_error(
        loader->error, STATUS_FORMAT, loader->path, &loader->model->layers[parameter->layer],
        "its weights '%.96s' have the shape %s, the model's config asks for %s", dataset,
        sizes_text(shape->size, shape->rank, have), sizes_text(expected, parameter->rank, want));
}

static enum status check_finite(struct loader *loader, const struct parameter *parameter) {
    const float *values = loader->model->weights + parameter->offset;
    for (size_t i = 0; i < parameter->count; i++)
        if (!isfinite(values[i]))
            return layer_error(loader->error, STATUS_FORMAT, loader->path,
                               &loader->model->layers[parameter->layer],
                               "'%s' holds %s at index %zu; its training has diverged",
                               parameter->name, isnan(values[i]) ? "NaN" : "infinity", i);
    return STATUS_OK;
}

static enum status load_parameter(struct loader *loader, const char *group,
                                  const struct parameter *parameter, const char *dataset) {
    struct h5_shape shape;
    bool is_float;
    float *values = loader->model->weights + parameter->offset;
    enum status status =
        h5_reader_shape(loader->reader, group, dataset, &shape, &is_float, loader->error);
    if (status) return status;
    if (!is_float)
        return layer_error(loader->error, STATUS_UNSUPPORTED, loader->path,
                           &loader->model->layers[parameter->layer],
                           "its weights '%.96s' are not float16, bfloat16, float32 or float64",
                           dataset);
    if (!same_shape(parameter, &shape)) return wrong_shape(loader, parameter, &shape, dataset);
    status =
        h5_reader_floats(loader->reader, group, dataset, values, parameter->count, loader->error);
    return status ? status : check_finite(loader, parameter);
}

static enum status missing(const struct loader *loader, const struct layer *layer) {
    return layer_error(loader->error, STATUS_FORMAT, loader->path, layer,
                       "its weights are missing from the file");
}

/* ---- .h5 ------------------------------------------------------------------------------------ */

static bool is_listed(const struct loader *loader, const char *name) {
    for (size_t i = 0; i < loader->layer_names.count; i++)
        if (!strcmp(loader->layer_names.names[i], name)) return true;
    return false;
}

/* A wrapper lists the layer's weights among the ranges: find them by the names of the parameters,
 * the last part of "dense/kernel". */
static enum status load_wrapped(struct loader *loader, const char *group, const struct layer *layer,
                                const struct h5_names *names) {
    enum status status = STATUS_OK;
    for (int i = 0; i < layer->parameter_count && !status; i++) {
        const struct parameter *parameter = &loader->model->parameters[layer->first_parameter + i];
        const char *wanted = strrchr(parameter->name, '/') + 1, *found = NULL;
        for (size_t j = 0; j < names->count && !found; j++) {
            const char *slash = strrchr(names->names[j], '/');
            const char *leaf = slash ? slash + 1 : names->names[j];
            size_t length = strcspn(leaf, ":");
            if (length == strlen(wanted) && !strncmp(leaf, wanted, length)) found = names->names[j];
        }
        status = found ? load_parameter(loader, group, parameter, found)
                       : layer_error(loader->error, STATUS_FORMAT, loader->path, layer,
                                     "its %.64s is missing from the file", wanted);
    }
    return status;
}

static enum status load_plain(struct loader *loader, const char *group, const struct layer *layer,
                              const struct h5_names *names) {
    enum status status = STATUS_OK;
    size_t wanted = (size_t)layer->parameter_count;
    if (names->count != wanted)
        return layer_error(loader->error, STATUS_FORMAT, loader->path, layer,
                           "the file has %zu weights for it, its config asks for %zu", names->count,
                           wanted);
    for (size_t i = 0; i < wanted && !status; i++)
        status = load_parameter(loader, group,
                                &loader->model->parameters[(size_t)layer->first_parameter + i],
                                names->names[i]);
    return status;
}

static enum status load_h5_layer(struct loader *loader, const struct layer *layer) {
    struct h5_names names = {0};
    char name[MODEL_NAME + 8], group[2 * MODEL_NAME];
    snprintf(name, sizeof name, "quant_%s", layer->name);
    bool is_wrapped = loader->model->has_ranges && is_listed(loader, name);
    if (!is_wrapped) snprintf(name, sizeof name, "%s", layer->name);
    snprintf(group, sizeof group, "%s%s", loader->weights, name);
    if (!is_listed(loader, name) || !h5_reader_has(loader->reader, group))
        return missing(loader, layer);
    enum status status =
        h5_reader_names(loader->reader, group, "weight_names", &names, loader->error);
    if (!status)
        status = is_wrapped ? load_wrapped(loader, group, layer, &names)
                            : load_plain(loader, group, layer, &names);
    h5_free_names(&names);
    return status;
}

static enum status load_h5(struct loader *loader) {
    bool has_group = h5_reader_has(loader->reader, "model_weights");
    loader->weights = has_group ? "model_weights/" : "";
    enum status status = h5_reader_names(loader->reader, has_group ? "model_weights" : "/",
                                         "layer_names", &loader->layer_names, loader->error);
    for (int i = 0; i < loader->model->layer_count && !status; i++)
        if (loader->model->layers[i].parameter_count)
            status = load_h5_layer(loader, &loader->model->layers[i]);
    h5_free_names(&loader->layer_names);
    return status;
}

/* ---- .keras --------------------------------------------------------------------------------- */

/* Keras names the folder of a layer after its class, not its name, with a number from the second
 * on: the second MaxPooling2D is in max_pooling2d_1. */
static void name_folder(enum layer_kind kind, int number, char folder[MODEL_NAME]) {
    const char *class_name = layer_class(kind);
    size_t length = 0;
    for (size_t i = 0; class_name[i] && length + 16 < MODEL_NAME; i++) {
        bool starts_word = i && isupper((unsigned char)class_name[i]) &&
                           (islower((unsigned char)class_name[i - 1]) ||
                            islower((unsigned char)class_name[i + 1]));
        if (starts_word) folder[length++] = '_';
        folder[length++] = (char)tolower((unsigned char)class_name[i]);
    }
    folder[length] = 0;
    if (number) snprintf(folder + length, MODEL_NAME - length, "_%d", number);
}

static enum status load_keras_layer(struct loader *loader, const struct layer *layer, int number) {
    int wanted = layer->parameter_count;
    enum status status = STATUS_OK;
    char folder[MODEL_NAME], group[2 * MODEL_NAME], name[3 * MODEL_NAME];
    name_folder(layer->kind, number, folder);
    snprintf(group, sizeof group, "%s%s/vars", loader->weights, folder);
    snprintf(name, sizeof name, "%s/%d", group, wanted);
    if (!h5_reader_has(loader->reader, group)) return missing(loader, layer);
    if (h5_reader_has(loader->reader, name))
        return layer_error(loader->error, STATUS_FORMAT, loader->path, layer,
                           "the file has more weights for it than its config asks for, %d", wanted);
    for (int i = 0; i < wanted && !status; i++) {
        snprintf(name, sizeof name, "%s/%d", group, i);
        status = load_parameter(loader, "/", &loader->model->parameters[layer->first_parameter + i],
                                name);
    }
    return status;
}

static enum status load_keras_weights(struct loader *loader) {
    int counts[LAYER_KINDS] = {0};
    enum status status = STATUS_OK;
    loader->weights = keras_file_layers(loader->file);
    for (int i = 0; i < loader->model->layer_count && !status; i++) {
        const struct layer *layer = &loader->model->layers[i];
        int number = counts[layer->kind]++;
        if (layer->parameter_count) status = load_keras_layer(loader, layer, number);
    }
    return status;
}

/* The weights in the wrappers of a QAT model; variables.c finds them among the ranges. */
static enum status take_variables(struct loader *loader, const struct variables *variables) {
    struct model *model = loader->model;
    enum status status = STATUS_OK;
    for (int i = 0; i < model->parameter_count && !status; i++) {
        const struct parameter *parameter = &model->parameters[i];
        const struct layer *layer = &model->layers[parameter->layer];
        const char *name = strrchr(parameter->name, '/') + 1;
        const struct variable *variable = variables_find(variables, layer->name, name);
        if (!variable) return missing(loader, layer);
        struct h5_shape shape = {.rank = variable->rank, .count = variable->count};
        memcpy(shape.size, variable->size, sizeof shape.size);
        if (!same_shape(parameter, &shape))
            status = wrong_shape(loader, parameter, &shape, name);
        else
            memcpy(model->weights + parameter->offset, variable->values,
                   parameter->count * sizeof(float));
    }
    return status;
}

static enum status load_wrapped_keras(struct loader *loader) {
    struct variables *variables;
    enum status status = variables_read(loader->file, &variables, loader->error);
    if (status) return status;
    status = take_variables(loader, variables);
    variables_free(variables);
    return status;
}

static enum status load_keras(struct loader *loader) {
    return loader->model->has_ranges ? load_wrapped_keras(loader) : load_keras_weights(loader);
}

enum status model_load(const char *path, struct model **model, struct error *error) {
    struct keras_file file;
    *model = NULL;
    enum status status = keras_file_open(&file, path, error);
    if (!status) status = keras_file_describe(&file, error);
    struct loader loader = {
        .path = path, .file = &file, .reader = file.reader, .model = file.model, .error = error};
    if (!status) status = file.is_archive ? load_keras(&loader) : load_h5(&loader);
    file.model = NULL;
    enum status closed = keras_file_close(&file, error);
    if (closed) status = closed;
    if (!status) status = model_split_separable(loader.model, path, error);
    if (status)
        model_free(loader.model);
    else
        *model = loader.model;
    return status;
}
