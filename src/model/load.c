#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/h5.h"
#include "model/internal.h"

struct loader {
    struct h5 h5;
    hid_t weights; /* the group that holds the layers' groups */
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
    return layer_error(loader->error, STATUS_FORMAT, loader->h5.path,
                       &loader->model->layers[parameter->layer],
                       "its weights '%.96s' have the shape %s, the model's config asks for %s",
                       dataset, sizes_text(shape->size, shape->rank, have),
                       sizes_text(expected, parameter->rank, want));
}

static enum status check_finite(struct loader *loader, const struct parameter *parameter) {
    const float *values = loader->model->weights + parameter->offset;
    for (size_t i = 0; i < parameter->count; i++)
        if (!isfinite(values[i]))
            return layer_error(loader->error, STATUS_FORMAT, loader->h5.path,
                               &loader->model->layers[parameter->layer],
                               "'%s' holds %s at index %zu; its training has diverged",
                               parameter->name, isnan(values[i]) ? "NaN" : "infinity", i);
    return STATUS_OK;
}

static enum status load_parameter(struct loader *loader, hid_t group,
                                  const struct parameter *parameter, const char *dataset_name) {
    struct h5_shape shape;
    hid_t dataset;
    bool is_float;
    enum status status = h5_open_numbers(&loader->h5, group, dataset_name, &dataset, &shape,
                                         &is_float, loader->error);
    if (status) return status;
    if (!is_float)
        status = layer_error(loader->error, STATUS_UNSUPPORTED, loader->h5.path,
                             &loader->model->layers[parameter->layer],
                             "its weights '%.96s' are not float16, float32 or float64",
                             dataset_name);
    else if (!same_shape(parameter, &shape))
        status = wrong_shape(loader, parameter, &shape, dataset_name);
    if (!status)
        status = h5_read_floats(&loader->h5, dataset, dataset_name,
                                loader->model->weights + parameter->offset, loader->error);
    if (!status) status = check_finite(loader, parameter);
    h5_release(dataset);
    return status;
}

static enum status load_layer(struct loader *loader, const struct layer *layer) {
    const char *path = loader->h5.path;
    struct h5_names names = {0};
    int parameters[2] = {layer->kernel, layer->bias};
    size_t wanted = layer->bias < 0 ? 1 : 2;
    bool is_listed = false;
    for (size_t i = 0; i < loader->layer_names.count; i++)
        if (!strcmp(loader->layer_names.names[i], layer->name)) is_listed = true;
    if (!is_listed || !h5_has(loader->weights, layer->name))
        return layer_error(loader->error, STATUS_FORMAT, path, layer,
                           "its weights are missing from the file");
    hid_t group = H5Gopen2(loader->weights, layer->name, H5P_DEFAULT);
    if (group < 0)
        return layer_error(loader->error, STATUS_FORMAT, path, layer,
                           "its group of weights cannot be read; the file is damaged");
    enum status status =
        h5_read_names(&loader->h5, group, layer->name, "weight_names", &names, loader->error);
    if (!status && names.count != wanted)
        status = layer_error(loader->error, STATUS_FORMAT, path, layer,
                             "the file has %zu weights for it, its config asks for %zu",
                             names.count, wanted);
    for (size_t i = 0; i < wanted && !status; i++)
        status = load_parameter(loader, group, &loader->model->parameters[parameters[i]],
                                names.names[i]);
    h5_free_names(&names);
    h5_release(group);
    return status;
}

static enum status load_config(struct loader *loader) {
    const struct h5 *h5 = &loader->h5;
    char *json = NULL;
    size_t length = 0;
    if (H5Aexists(h5->file, "model_config") <= 0)
        return error_set(loader->error, STATUS_FORMAT, h5->path,
                         "is no Keras model: it has no model_config; "
                         "save it with model.save('x.h5')");
    enum status status =
        h5_read_text(h5, h5->file, "/", "model_config", &json, &length, loader->error);
    if (!status) status = config_read(json, length, h5->path, &loader->model, loader->error);
    if (!status) status = model_plan_weights(loader->model, h5->path, loader->error);
    free(json);
    return status;
}

static enum status load_weights(struct loader *loader) {
    const struct h5 *h5 = &loader->h5;
    const char *group = h5_has(h5->file, "model_weights") ? "model_weights" : "/";
    loader->weights = H5Gopen2(h5->file, group, H5P_DEFAULT);
    if (loader->weights < 0)
        return error_set(loader->error, STATUS_FORMAT, h5->path,
                         "group '%s' cannot be read; the file is damaged", group);
    enum status status = h5_read_names(h5, loader->weights, group, "layer_names",
                                       &loader->layer_names, loader->error);
    for (int i = 0; i < loader->model->layer_count && !status; i++)
        if (loader->model->layers[i].kernel >= 0)
            status = load_layer(loader, &loader->model->layers[i]);
    return status;
}

enum status model_load(const char *path, struct model **model, struct error *error) {
    struct loader loader = {.weights = -1, .error = error};
    *model = NULL;
    enum status status = h5_open(&loader.h5, path, error);
    if (status) return status;
    status = load_config(&loader);
    if (!status) status = load_weights(&loader);
    h5_free_names(&loader.layer_names);
    h5_release(loader.weights);
    h5_close(&loader.h5, NULL);
    if (status)
        model_free(loader.model);
    else
        *model = loader.model;
    return status;
}
