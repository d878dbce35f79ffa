/* The float model inside one that TensorFlow Model Optimization has prepared for quantization.
 *
 * There each layer x is inside a QuantizeWrapperV2 named quant_x, its activation inside a
 * QuantizeAwareActivation, and a QuantizeLayer follows the input.  The config is rewritten to that
 * of the original model; ranges are among the file's variables (variables.h). */
#include <string.h>

#include "model/config.h"

#define ACTIVATION_DEPTH 2 /* an activation in a wrapper */

/* "Custom>QuantizeLayer" is a QuantizeLayer. */
static bool is_class(const json_t *entry, const char *class_name) {
    const char *name = json_string_value(json_object_get(entry, "class_name"));
    const char *package = name ? strrchr(name, '>') : NULL;
    return name && !strcmp(package ? package + 1 : name, class_name);
}

static const char *entry_name(const json_t *entry) {
    return json_string_value(json_object_get(json_object_get(entry, "config"), "name"));
}

/* Put `to` in place of every string `from` in a nest of arrays and objects. */
static bool rename_all(json_t *value, const char *from, const char *to, int depth) {
    bool is_done = true;
    size_t index;
    const char *key;
    json_t *inner;
    if (json_is_string(value) && !strcmp(json_string_value(value), from))
        return !json_string_set(value, to);
    if (!depth) return true;
    json_array_foreach(value, index, inner) is_done &= rename_all(inner, from, to, depth - 1);
    json_object_foreach(value, key, inner) is_done &= rename_all(inner, from, to, depth - 1);
    return is_done;
}

/* A Functional model names layers where it connects them. */
static bool rename_layer(json_t *config, const char *from, const char *to) {
    enum { DEPTH = 12 }; /* [{"args": [[{"config": {"keras_history": ["x", ... is 7 deep */
    static const char *const ends[] = {"input_layers", "output_layers"};
    json_t *layers = json_object_get(config, "layers");
    bool is_done = true;
    for (size_t i = 0; i < json_array_size(layers); i++)
        is_done &= rename_all(json_object_get(json_array_get(layers, i), "inbound_nodes"), from, to,
                              DEPTH);
    for (int i = 0; i < 2; i++)
        is_done &= rename_all(json_object_get(config, ends[i]), from, to, DEPTH);
    return is_done;
}

/* Restore the activation: TFMOT's NoOpActivation is linear without a range. */
static bool unwrap_activation(json_t *config) {
    for (int i = 0; i < ACTIVATION_DEPTH; i++) {
        json_t *activation = json_object_get(config, "activation");
        json_t *inner = json_object_get(json_object_get(activation, "config"), "activation");
        bool is_done = true;
        if (is_class(activation, "NoOpActivation"))
            is_done = !json_object_set_new(config, "activation", json_string("linear"));
        else if (is_class(activation, "QuantizeAwareActivation") && inner)
            is_done = !json_object_set(config, "activation", inner);
        if (!is_done) return false;
    }
    return true;
}

/* Anything but TFMOT's default quantization, say with 4 bits, would be mistaken for that. */
static enum status check_quantization(const json_t *config, const char *name, const char *path,
                                      struct error *error) {
    const json_t *quantization = json_object_get(config, "quantize_config");
    const char *text = json_string_value(json_object_get(quantization, "class_name"));
    const char *package = text ? strrchr(text, '>') : NULL;
    if (package) text = package + 1;
    /* OutputOnlyConfig: for the input of a quantized layer when not all layers are quantized. */
    if (!text || !strncmp(text, "Default8Bit", 11) || !strcmp(text, "NoOpQuantizeConfig") ||
        !strcmp(text, "OutputOnlyConfig"))
        return STATUS_OK;
    return error_set(error, STATUS_UNSUPPORTED, path,
                     "layer '%.64s' is quantized by '%.64s'; only TFMOT's default 8-bit "
                     "quantization is supported: save the model before quantize_model()",
                     name, text);
}

/* Replace the wrapper's entry by that of the layer inside. */
static enum status unwrap_layer(json_t *config, json_t *entry, const char *path,
                                struct error *error) {
    json_t *layer = json_object_get(json_object_get(entry, "config"), "layer");
    json_t *inner = json_object_get(layer, "config"), *class_name;
    const char *outer_name = entry_name(entry), *name = entry_name(layer);
    class_name = json_object_get(layer, "class_name");
    if (!outer_name || !name || !class_name)
        return error_set(error, STATUS_FORMAT, path,
                         "model_config: the wrapper '%.64s' wraps no layer",
                         outer_name ? outer_name : "?");
    enum status status =
        check_quantization(json_object_get(entry, "config"), outer_name, path, error);
    if (status) return status;
    if (!rename_layer(config, outer_name, name) || !unwrap_activation(inner) ||
        (json_object_get(entry, "name") &&
         json_object_set(entry, "name", json_object_get(inner, "name"))) ||
        json_object_set(entry, "class_name", class_name) || json_object_set(entry, "config", inner))
        return error_memory(error, path, 0);
    return STATUS_OK;
}

/* The first string in a layer's inbound_nodes names the layer that feeds it. */
static const char *find_source(const json_t *value, int depth) {
    if (json_is_string(value)) return json_string_value(value);
    return depth ? find_source(json_array_get(value, 0), depth - 1) : NULL;
}

/* Connect what reads the QuantizeLayer to what it reads. */
static enum status bypass(json_t *config, const json_t *entry, const char *path,
                          struct error *error) {
    const char *name = entry_name(entry);
    const char *source = find_source(json_object_get(entry, "inbound_nodes"), 3);
    bool is_done = !name || !source || rename_layer(config, name, source);
    return is_done ? STATUS_OK : error_memory(error, path, 0);
}

enum status config_unwrap(json_t *config, bool *is_wrapped, const char *path, struct error *error) {
    json_t *layers = json_object_get(config, "layers");
    enum status status = STATUS_OK;
    *is_wrapped = false;
    if (json_array_size(layers) > MAX_LAYERS) return STATUS_OK; /* refused later */
    for (size_t i = 0; i < json_array_size(layers) && !status; i++) {
        json_t *entry = json_array_get(layers, i);
        if (is_class(entry, "QuantizeWrapperV2")) {
            *is_wrapped = true;
            status = unwrap_layer(config, entry, path, error);
        } else if (is_class(entry, "QuantizeLayer")) {
            *is_wrapped = true;
            status = bypass(config, entry, path, error);
            if (!status) json_array_remove(layers, i--);
        }
    }
    return status;
}
