#include "model/save.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/config.h"
#include "model/layer.h"

/* The layout is that of tf_keras 2.21, which every Keras since 2.0 reads. */
#define KERAS_VERSION "2.21.0"
#define BACKEND       "tensorflow"

struct saver {
    const struct model *model;
    const float *weights;
    const char *path;
};

static enum status write_versions(const struct h5 *h5, hid_t object, struct error *error) {
    enum status status = h5_write_text(h5, object, "keras_version", KERAS_VERSION, error);
    if (!status) status = h5_write_text(h5, object, "backend", BACKEND, error);
    return status;
}

/* The group of one layer: weight_names "dense/kernel:0", and a data set for each. */
static enum status write_layer(const struct saver *saver, const struct h5 *h5, hid_t parent,
                               const struct layer *layer, struct error *error) {
    char names[MAX_LAYER_PARAMETERS][2 * MODEL_NAME + 2];
    const char *list[MAX_LAYER_PARAMETERS];
    size_t count = (size_t)layer->parameter_count;
    hid_t group = -1;
    enum status status = h5_make_group(h5, parent, layer->name, &group, error);
    for (size_t i = 0; i < count && !status; i++) {
        const struct parameter *parameter =
            &saver->model->parameters[(size_t)layer->first_parameter + i];
        struct h5_shape shape = {.rank = parameter->rank, .count = parameter->count};
        for (int j = 0; j < parameter->rank; j++) shape.size[j] = (size_t)parameter->size[j];
        strcpy(names[i], parameter->name);
        strcat(names[i], ":0");
        list[i] = names[i];
        status =
            h5_write_floats(h5, group, names[i], &shape, saver->weights + parameter->offset, error);
    }
    if (!status) status = h5_write_names(h5, group, "weight_names", list, count, error);
    h5_release(group);
    return status;
}

static enum status write_weights(const struct saver *saver, const struct h5 *h5,
                                 struct error *error) {
    const struct model *model = saver->model;
    const char *names[MAX_LAYERS];
    size_t count = 0;
    bool is_chain = model_is_chain(model); /* a Sequential model does not list its input */
    hid_t weights = -1, top = -1;
    enum status status = h5_make_group(h5, h5->file, "model_weights", &weights, error);
    for (int i = 0; i < model->layer_count && !status; i++) {
        if (model->layers[i].kind == LAYER_INPUT && is_chain) continue;
        names[count++] = model->layers[i].name;
        status = write_layer(saver, h5, weights, &model->layers[i], error);
    }
    if (!status) status = h5_write_names(h5, weights, "layer_names", names, count, error);
    if (!status) status = write_versions(h5, weights, error);
    if (!status) status = h5_make_group(h5, weights, "top_level_model_weights", &top, error);
    if (!status) status = h5_write_names(h5, top, "weight_names", NULL, 0, error);
    h5_release(top);
    h5_release(weights);
    return status;
}

enum status model_write(const struct model *model, const float *weights, const struct h5 *h5,
                        struct error *error) {
    struct saver saver = {model, weights, h5->path};
    char *config = config_write(model);
    if (!config) return error_memory(error, h5->path, MAX_LAYERS * sizeof(struct layer));
    enum status status = h5_write_text(h5, h5->file, "model_config", config, error);
    if (!status) status = write_versions(h5, h5->file, error);
    if (!status) status = write_weights(&saver, h5, error);
    free(config);
    return status;
}

static enum status write_file(const char *temporary, void *context, struct error *error) {
    const struct saver *saver = context;
    struct h5 h5;
    enum status status = h5_create(&h5, temporary, saver->path, error);
    if (status) return status;
    status = model_write(saver->model, saver->weights, &h5, error);
    enum status closed = h5_close(&h5, status ? NULL : error);
    return status ? status : closed;
}

enum status model_save(const struct model *model, const float *weights, const char *path,
                       struct error *error) {
    struct saver saver = {model, weights ? weights : model->weights, path};
    return file_replace_with(path, write_file, &saver, error);
}
