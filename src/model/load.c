#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/h5_reader.h"
#include "model/internal.h"

struct loader {
    const char *path;
    struct h5_reader *reader;
    const char *weights; /* prefix of the layers' groups */
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
    return layer_error(loader->error, STATUS_FORMAT, loader->path,
                       &loader->model->layers[parameter->layer],
                       "its weights '%.96s' have the shape %s, the model's config asks for %s",
                       dataset, sizes_text(shape->size, shape->rank, have),
                       sizes_text(expected, parameter->rank, want));
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
                           "its weights '%.96s' are not float16, float32 or float64", dataset);
    if (!same_shape(parameter, &shape)) return wrong_shape(loader, parameter, &shape, dataset);
    status = h5_reader_floats(loader->reader, group, dataset, values, parameter->count,
                              loader->error);
    return status ? status : check_finite(loader, parameter);
}

static enum status load_layer(struct loader *loader, const struct layer *layer) {
    struct h5_names names = {0};
    int parameters[2] = {layer->kernel, layer->bias};
    size_t wanted = layer->bias < 0 ? 1 : 2;
    bool is_listed = false;
    char group[2 * MODEL_NAME];
    snprintf(group, sizeof group, "%s%s", loader->weights, layer->name);
    for (size_t i = 0; i < loader->layer_names.count; i++)
        if (!strcmp(loader->layer_names.names[i], layer->name)) is_listed = true;
    if (!is_listed || !h5_reader_has(loader->reader, group))
        return layer_error(loader->error, STATUS_FORMAT, loader->path, layer,
                           "its weights are missing from the file");
    enum status status =
        h5_reader_names(loader->reader, group, "weight_names", &names, loader->error);
    if (!status && names.count != wanted)
        status = layer_error(loader->error, STATUS_FORMAT, loader->path, layer,
                             "the file has %zu weights for it, its config asks for %zu",
                             names.count, wanted);
    for (size_t i = 0; i < wanted && !status; i++)
        status = load_parameter(loader, group, &loader->model->parameters[parameters[i]],
                                names.names[i]);
    h5_free_names(&names);
    return status;
}

static enum status load_config(struct loader *loader) {
    char *json = NULL;
    size_t length = 0;
    if (!h5_reader_has_attribute(loader->reader, "/", "model_config"))
        return error_set(loader->error, STATUS_FORMAT, loader->path,
                         "is no Keras model: it has no model_config; "
                         "save it with model.save('x.h5')");
    enum status status =
        h5_reader_text(loader->reader, "/", "model_config", &json, &length, loader->error);
    if (!status) status = config_read(json, length, loader->path, &loader->model, loader->error);
    if (!status) status = model_plan_weights(loader->model, loader->path, loader->error);
    free(json);
    return status;
}

static enum status load_weights(struct loader *loader) {
    bool has_group = h5_reader_has(loader->reader, "model_weights");
    loader->weights = has_group ? "model_weights/" : "";
    enum status status = h5_reader_names(loader->reader, has_group ? "model_weights" : "/",
                                         "layer_names", &loader->layer_names, loader->error);
    for (int i = 0; i < loader->model->layer_count && !status; i++)
        if (loader->model->layers[i].kernel >= 0)
            status = load_layer(loader, &loader->model->layers[i]);
    return status;
}

enum status model_load(const char *path, struct model **model, struct error *error) {
    struct loader loader = {.path = path, .error = error};
    *model = NULL;
    enum status status = h5_reader_open(&loader.reader, path, error);
    if (status) return status;
    status = load_config(&loader);
    if (!status) status = load_weights(&loader);
    h5_free_names(&loader.layer_names);
    enum status closed = h5_reader_close(loader.reader, error);
    if (closed) status = closed;
    if (status)
        model_free(loader.model);
    else
        *model = loader.model;
    return status;
}
