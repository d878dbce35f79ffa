/* From the JSON of model_config to layers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/fields.h"
#include "model/layer.h"

static enum status read_name(const struct layer_builder *builder, const json_t *value,
                             const char *what, char name[MODEL_NAME]) {
    const char *text = json_string_value(value);
    if (!text || !*text)
        return error_set(builder->error, STATUS_FORMAT, builder->path,
                         "model_config: %s has no name", what);
    if (strlen(text) >= MODEL_NAME)
        return error_set(builder->error, STATUS_UNSUPPORTED, builder->path,
                         "model_config: the name '%.40s...' is longer than %d bytes", text,
                         MODEL_NAME - 1);
    strcpy(name, text);
    return STATUS_OK;
}

/* "Model" is what Functional was called before TensorFlow 2.3. */
static bool is_functional_class(const char *class_name) {
    return !strcmp(class_name, "Functional") || !strcmp(class_name, "Model");
}

static bool is_model_class(const char *class_name) {
    return is_functional_class(class_name) || !strcmp(class_name, "Sequential");
}

static enum status unknown_class(const struct layer_builder *builder, const char *name,
                                 const char *class_name) {
    char supported[320];
    size_t used = 0;
    if (is_model_class(class_name))
        return error_set(builder->error, STATUS_UNSUPPORTED, builder->path,
                         "layer '%.64s' (%.64s): a model inside a model is not supported; use "
                         "its layers directly",
                         name, class_name);
    for (enum layer_kind kind = 0; kind < LAYER_KINDS; kind++)
        used += (size_t)snprintf(supported + used, sizeof supported - used, "%s%s",
                                 kind ? ", " : "", layer_class(kind));
    return error_set(builder->error, STATUS_UNSUPPORTED, builder->path,
                     "layer '%.64s' (%.64s): this class is not supported; these are: %s", name,
                     class_name, supported);
}

/* Report an unsupported class before anything else. */
static enum status check_classes(const struct layer_builder *builder, const json_t *layers) {
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *entry = json_array_get(layers, i);
        const json_t *config = json_object_get(entry, "config");
        const char *class_name = json_string_value(json_object_get(entry, "class_name"));
        const char *name = json_string_value(json_object_get(config, "name"));
        if (!class_name || !json_is_object(config))
            return error_set(builder->error, STATUS_FORMAT, builder->path,
                             "model_config: layer %zu has no class_name or no config", i);
        if (layer_kind_of(class_name) == LAYER_KINDS)
            return unknown_class(builder, name ? name : "?", class_name);
    }
    return STATUS_OK;
}

/* Fills the layer at `layer` except for its inputs and shape. */
static enum status read_layer(struct layer_builder *builder, const json_t *entry,
                              struct layer *layer) {
    const json_t *config = json_object_get(entry, "config");
    const json_t *name = json_object_get(config, "name");
    layer->kind = layer_kind_of(json_string_value(json_object_get(entry, "class_name")));
    if (!name) name = json_object_get(entry, "name");
    enum status status = read_name(builder, name, "a layer", layer->name);
    if (status) return status;
    builder->layer = layer;
    layer->trainable = field_read_flag(config, "trainable", true);
    const struct layer_type *type = layer_type(layer->kind);
    return type->read ? type->read(builder, config) : STATUS_OK;
}

static enum status check_names(const struct layer_builder *builder) {
    const struct model *model = builder->model;
    for (int i = 0; i < model->layer_count; i++)
        for (int j = 0; j < i; j++)
            if (!strcmp(model->layers[i].name, model->layers[j].name))
                return error_set(builder->error, STATUS_FORMAT, builder->path,
                                 "model_config: two layers are named '%s'", model->layers[i].name);
    return STATUS_OK;
}

/* A Sequential model may lack an InputLayer; its first layer then has the input shape. */
static enum status add_missing_input(struct layer_builder *builder, const json_t *first) {
    const json_t *config = json_object_get(first, "config");
    const char *class_name = json_string_value(json_object_get(first, "class_name"));
    const char *name = json_string_value(json_object_get(config, "name"));
    if (layer_kind_of(class_name) == LAYER_INPUT) return STATUS_OK;
    if (!json_is_array(field_input_shape(config)))
        return error_set(builder->error, STATUS_UNSUPPORTED, builder->path,
                         "the model has no input shape: no InputLayer and no "
                         "batch_input_shape; build it before saving");
    struct layer *layer = &builder->model->layers[builder->model->layer_count++];
    int length = snprintf(layer->name, MODEL_NAME, "%s_input", name ? name : "");
    if (length >= MODEL_NAME) strcpy(layer->name, "input");
    builder->layer = layer;
    return layer_type(LAYER_INPUT)->read(builder, config);
}

static enum status read_layers(struct layer_builder *builder, const json_t *layers,
                               const struct config_node *nodes) {
    struct model *model = builder->model;
    enum status status = add_missing_input(builder, json_array_get(layers, nodes[0].entry));
    int shift = model->layer_count; /* 1 when the input was added */
    for (size_t i = 0; i < json_array_size(layers) && !status; i++) {
        struct layer *layer = &model->layers[model->layer_count];
        status = read_layer(builder, json_array_get(layers, nodes[i].entry), layer);
        if (status) break;
        if (model->layer_count && layer->kind == LAYER_INPUT)
            return error_set(builder->error, STATUS_FORMAT, builder->path,
                             "layer '%s' is a second InputLayer", layer->name);
        layer->input_count = i ? nodes[i].input_count : shift;
        for (int j = 0; j < nodes[i].input_count; j++)
            layer->inputs[j] = nodes[i].inputs[j] + shift;
        model->layer_count++;
    }
    return status;
}

static enum status infer_shapes(struct layer_builder *builder) {
    for (int i = 0; i < builder->model->layer_count; i++) {
        enum status status = layer_infer_shape(builder->model, &builder->model->layers[i],
                                               builder->path, builder->error);
        if (status) return status;
    }
    return STATUS_OK;
}

static enum status read_model(struct layer_builder *builder, const json_t *config,
                              const json_t *layers, bool is_functional) {
    struct config_node nodes[MAX_LAYERS];
    size_t count = json_array_size(layers);
    enum status status = check_classes(builder, layers);
    if (status) return status;
    for (size_t i = 0; i < count; i++)
        nodes[i] =
            (struct config_node){.entry = i, .inputs = {i ? (int)i - 1 : 0}, .input_count = i > 0};
    if (is_functional) status = config_order(config, layers, builder->path, nodes, builder->error);
    if (status) return status;
    builder->model = model_new((int)count + 1);
    if (!builder->model) return error_memory(builder->error, builder->path, sizeof *builder->model);
    const json_t *name = json_object_get(config, "name");
    if (name)
        status = read_name(builder, name, "the model", builder->model->name);
    else
        strcpy(builder->model->name, "sequential");
    if (!status) status = read_layers(builder, layers, nodes);
    if (!status) status = check_names(builder);
    if (!status) status = infer_shapes(builder);
    return status;
}

static enum status read_root(struct layer_builder *builder, const json_t *root) {
    const char *class_name = json_string_value(json_object_get(root, "class_name"));
    const json_t *config = json_object_get(root, "config");
    const json_t *layers = json_is_array(config) ? config : json_object_get(config, "layers");
    if (!class_name || !json_is_array(layers))
        return error_set(builder->error, STATUS_FORMAT, builder->path,
                         "model_config has no class_name or no list of layers");
    if (!is_model_class(class_name))
        return error_set(builder->error, STATUS_UNSUPPORTED, builder->path,
                         "the model is a %.64s; Sequential and Functional models are supported",
                         class_name);
    size_t count = json_array_size(layers);
    if (!count || count > MAX_LAYERS - 1)
        return error_set(builder->error, STATUS_UNSUPPORTED, builder->path,
                         "the model has %zu layers; 1 to %d are supported", count, MAX_LAYERS - 1);
    return read_model(builder, config, layers, is_functional_class(class_name));
}

enum status config_read(const char *json, size_t length, const char *path, struct model **model,
                        struct error *error) {
    struct layer_builder builder = {.path = path, .error = error};
    json_error_t trouble;
    json_t *root = json_loadb(json, length, 0, &trouble);
    if (!root)
        return error_set(error, STATUS_FORMAT, path,
                         "model_config is not valid JSON: %s at byte %d", trouble.text,
                         trouble.position);
    bool has_ranges;
    enum status status = config_unwrap(json_object_get(root, "config"), &has_ranges, path, error);
    if (!status) status = read_root(&builder, root);
    json_decref(root);
    if (!status) builder.model->has_ranges = has_ranges;
    if (status)
        model_free(builder.model);
    else
        *model = builder.model;
    return status;
}
