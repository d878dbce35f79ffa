/* From a model's layers to the JSON of model_config, with the names of tf_keras 2 that Keras 3 also
 * accepts. */
#include "model/config.h"
#include "model/layer.h"

static json_t *layer_entry(const struct layer *layer) {
    const struct layer_type *type = layer_type(layer->kind);
    json_t *config = layer->kind == LAYER_INPUT
                         ? json_object()
                         : json_pack("{s:s, s:b, s:s}", "name", layer->name, "trainable",
                                     layer->trainable, "dtype", "float32");
    if (config && type->write && type->write(config, layer)) {
        json_decref(config);
        return NULL;
    }
    return json_pack("{s:s, s:o}", "class_name", type->class_name, "config", config);
}

/* What a Functional model has in addition: the name of the layer, and its one call. */
static int add_links(json_t *entry, const struct model *model, const struct layer *layer) {
    json_t *sources = json_array(), *calls = json_array();
    int failed = 0;
    for (int i = 0; i < layer->input_count; i++)
        failed |= json_array_append_new(
            sources, json_pack("[s, i, i, {}]", model->layers[layer->inputs[i]].name, 0, 0));
    if (layer->input_count)
        failed |= json_array_append_new(calls, sources);
    else
        json_decref(sources);
    return failed | json_object_set_new(entry, "name", json_string(layer->name)) |
           json_object_set_new(entry, "inbound_nodes", calls);
}

static int add_ends(json_t *config, const struct model *model) {
    const struct layer *layers = model->layers, *last = &layers[model->layer_count - 1];
    return json_object_update_new(config, json_pack("{s:[[s, i, i]], s:[[s, i, i]]}",
                                                    "input_layers", layers[0].name, 0, 0,
                                                    "output_layers", last->name, 0, 0));
}

char *config_write(const struct model *model) {
    json_t *layers = json_array();
    char *text = NULL;
    int failed = 0;
    bool is_chain = model_is_chain(model);
    for (int i = 0; i < model->layer_count && !failed; i++) {
        json_t *entry = layer_entry(&model->layers[i]);
        if (entry && !is_chain) failed = add_links(entry, model, &model->layers[i]);
        failed |= json_array_append_new(layers, entry);
    }
    json_t *config = json_pack("{s:s, s:o}", "name", model->name, "layers", layers);
    if (!is_chain) failed |= add_ends(config, model);
    json_t *root = json_pack("{s:s, s:o}", "class_name", is_chain ? "Sequential" : "Functional",
                             "config", config);
    if (root && !failed) text = json_dumps(root, JSON_REAL_PRECISION(17));
    json_decref(root);
    return text;
}
