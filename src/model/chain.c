/* The order of a Functional model's layers, where it is a plain chain. */
#include <stdlib.h>
#include <string.h>

#include "model/config.h"

struct chain {
    const json_t *layers;
    size_t count;
    const char **names;   /* [count] */
    const char **sources; /* [count] the layer that feeds each; NULL for the input */
    const char *path;
    struct error *error;
};

static const char *entry_name(const json_t *entry) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    if (name) return name;
    return json_string_value(json_object_get(json_object_get(entry, "config"), "name"));
}

/* Keras 3 describes a call by its arguments: tensors, or lists of them, that say which layer made
 * them.  Counts the tensors and keeps the first one's layer. */
static void find_tensors(const json_t *arguments, const char **source, size_t *count) {
    for (size_t i = 0; i < json_array_size(arguments); i++) {
        const json_t *argument = json_array_get(arguments, i);
        for (size_t j = 0; j < json_array_size(argument); j++) {
            const json_t *one = json_array_get(argument, j);
            if (json_object_get(json_object_get(one, "config"), "keras_history")) ++*count;
        }
        const json_t *history =
            json_object_get(json_object_get(argument, "config"), "keras_history");
        if (!history) continue;
        if (!*count) *source = json_string_value(json_array_get(history, 0));
        ++*count;
    }
}

/* One call of a layer: Keras 3's {"args": [...]}, or tf_keras' [["dense", 0, 0, {}], ...]. */
static void read_call(const json_t *call, const char **source, size_t *count) {
    if (json_is_object(call)) {
        find_tensors(json_object_get(call, "args"), source, count);
        return;
    }
    const json_t *first = json_array_get(call, 0);
    if (json_is_string(first)) {
        *source = json_string_value(first);
        *count = 1;
    } else {
        *source = json_string_value(json_array_get(first, 0));
        *count = json_array_size(call);
    }
}

static enum status read_source(struct chain *chain, size_t index) {
    const json_t *entry = json_array_get(chain->layers, index);
    const json_t *calls = json_object_get(entry, "inbound_nodes");
    const char *class_name = json_string_value(json_object_get(entry, "class_name"));
    size_t inputs = 0;
    chain->names[index] = entry_name(entry);
    if (!chain->names[index])
        return error_set(chain->error, STATUS_FORMAT, chain->path,
                         "model_config: a layer has no name");
    if (json_array_size(calls) > 1)
        return error_set(chain->error, STATUS_UNSUPPORTED, chain->path,
                         "layer '%.64s' is called %zu times; only a plain chain of layers is "
                         "supported",
                         chain->names[index], json_array_size(calls));
    if (json_array_size(calls) == 1) {
        read_call(json_array_get(calls, 0), &chain->sources[index], &inputs);
        if (inputs > 1)
            return error_set(chain->error, STATUS_UNSUPPORTED, chain->path,
                             "layer '%.64s' takes %zu inputs; only a plain chain of layers is "
                             "supported",
                             chain->names[index], inputs);
    }
    bool is_input = class_name && !strcmp(class_name, "InputLayer");
    if (!is_input && !chain->sources[index])
        return error_set(chain->error, STATUS_FORMAT, chain->path,
                         "model_config: layer '%.64s' is fed by nothing", chain->names[index]);
    return STATUS_OK;
}

/* The one layer fed by `source` (NULL: the input); chain->count when there is none. */
static enum status find_next(const struct chain *chain, const char *source, size_t *next) {
    *next = chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        const char *other = chain->sources[i];
        if (source ? !other || strcmp(other, source) : other != NULL) continue;
        if (*next != chain->count)
            return error_set(chain->error, STATUS_UNSUPPORTED, chain->path,
                             source ? "layer '%.64s' feeds two layers; only a plain chain of "
                                      "layers is supported"
                                    : "the model has two inputs%s; only a plain chain of layers is "
                                      "supported",
                             source ? source : "");
        *next = i;
    }
    return STATUS_OK;
}

/* "output_layers" is [["x", 0, 0]], or in Keras 3 ["x", 0, 0]. */
static enum status check_output(const struct chain *chain, const json_t *config, const char *last) {
    const json_t *outputs = json_object_get(config, "output_layers");
    const json_t *first = json_array_get(outputs, 0);
    if (json_is_array(first) && json_array_size(outputs) > 1)
        return error_set(chain->error, STATUS_UNSUPPORTED, chain->path,
                         "the model has %zu outputs; one is supported", json_array_size(outputs));
    const char *name = json_string_value(json_is_array(first) ? json_array_get(first, 0) : first);
    if (name && strcmp(name, last))
        return error_set(chain->error, STATUS_UNSUPPORTED, chain->path,
                         "the model's output is layer '%.64s', but its last layer is '%.64s'; only "
                         "a plain chain of layers is supported",
                         name, last);
    return STATUS_OK;
}

static enum status follow(const struct chain *chain, const json_t *config, size_t *order) {
    const char *source = NULL;
    size_t used = 0;
    for (;;) {
        size_t next;
        enum status status = find_next(chain, source, &next);
        if (status) return status;
        if (next == chain->count || used == chain->count) break;
        order[used++] = next;
        source = chain->names[next];
    }
    if (used != chain->count || !source)
        return error_set(chain->error, STATUS_FORMAT, chain->path,
                         "model_config: only %zu of %zu layers are connected to the input", used,
                         chain->count);
    return check_output(chain, config, source);
}

enum status config_order_chain(const json_t *config, const json_t *layers, const char *path,
                               size_t *order, struct error *error) {
    struct chain chain = {
        .layers = layers, .count = json_array_size(layers), .path = path, .error = error};
    enum status status = STATUS_OK;
    chain.names = calloc(chain.count, sizeof *chain.names);
    chain.sources = calloc(chain.count, sizeof *chain.sources);
    if (!chain.names || !chain.sources)
        status = error_memory(error, path, chain.count * sizeof *chain.names);
    for (size_t i = 0; i < chain.count && !status; i++) status = read_source(&chain, i);
    if (!status) status = follow(&chain, config, order);
    free(chain.sources);
    free(chain.names);
    return status;
}
