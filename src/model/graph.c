/* The order of a Functional model's layers, and what each of them reads.
 *
 * The order is Keras' own, whatever the order in the file: by the longest path to the output,
 * longest first; ties by when a depth-first walk from the output, which follows the inputs of a
 * layer in order, first meets them.  The weights in an .h5 and the folders in a .keras are in this
 * order. */
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/layer.h"

enum state { STATE_NEW, STATE_OPEN, STATE_DONE };

struct vertex {
    const json_t *entry;
    const char *name;
    size_t sources[MAX_LAYER_INPUTS]; /* entries */
    int source_count;
    enum state state;
    size_t met; /* how many layers the walk met before */
    int depth;  /* longest path to the output */
    int place;  /* in the order */
};

struct graph {
    struct vertex *vertices; /* [count], in the file's order */
    size_t count;
    size_t *done; /* [done_count] entries, those that a layer reads before it */
    size_t done_count, met_count;
    const char *path;
    struct error *error;
};

static const char *entry_name(const json_t *entry) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    if (name) return name;
    return json_string_value(json_object_get(json_object_get(entry, "config"), "name"));
}

/* graph->count: there is none. */
static size_t find_vertex(const struct graph *graph, const char *name) {
    size_t i = 0;
    while (i < graph->count && strcmp(graph->vertices[i].name, name)) i++;
    return i;
}

static enum status read_names(struct graph *graph, const json_t *layers) {
    for (size_t i = 0; i < graph->count; i++) {
        struct vertex *vertex = &graph->vertices[i];
        vertex->entry = json_array_get(layers, i);
        vertex->name = entry_name(vertex->entry);
        if (!vertex->name)
            return error_set(graph->error, STATUS_FORMAT, graph->path,
                             "model_config: a layer has no name");
        if (find_vertex(graph, vertex->name) < i)
            return error_set(graph->error, STATUS_FORMAT, graph->path,
                             "model_config: two layers are named '%.64s'", vertex->name);
    }
    return STATUS_OK;
}

/* ---- what a layer reads ---- */

static enum status add_source(struct graph *graph, struct vertex *vertex, const json_t *name) {
    if (!json_is_string(name))
        return error_set(graph->error, STATUS_FORMAT, graph->path,
                         "model_config: layer '%.64s' has no usable \"inbound_nodes\"",
                         vertex->name);
    size_t source = find_vertex(graph, json_string_value(name));
    if (source == graph->count)
        return error_set(graph->error, STATUS_FORMAT, graph->path,
                         "model_config: layer '%.64s' reads '%.64s', which does not exist",
                         vertex->name, json_string_value(name));
    if (vertex->source_count == MAX_LAYER_INPUTS)
        return error_set(graph->error, STATUS_UNSUPPORTED, graph->path,
                         "layer '%.64s' takes more than %d inputs; add them two at a time",
                         vertex->name, MAX_LAYER_INPUTS);
    vertex->sources[vertex->source_count++] = source;
    return STATUS_OK;
}

/* Keras 3 describes a call by its arguments: tensors, or lists of them, that say which layer made
 * them; other arguments are numbers and the like. */
static enum status read_argument(struct graph *graph, struct vertex *vertex,
                                 const json_t *argument) {
    enum status status = STATUS_OK;
    const json_t *history = json_object_get(json_object_get(argument, "config"), "keras_history");
    if (history) return add_source(graph, vertex, json_array_get(history, 0));
    for (size_t i = 0; i < json_array_size(argument) && !status; i++) {
        const json_t *one = json_array_get(argument, i);
        history = json_object_get(json_object_get(one, "config"), "keras_history");
        if (history) status = add_source(graph, vertex, json_array_get(history, 0));
    }
    return status;
}

/* One call of a layer: Keras 3's {"args": [...]}, or tf_keras' [["dense", 0, 0, {}], ...]. */
static enum status read_call(struct graph *graph, struct vertex *vertex, const json_t *call) {
    enum status status = STATUS_OK;
    const json_t *arguments = json_object_get(call, "args");
    for (size_t i = 0; i < json_array_size(arguments) && !status; i++)
        status = read_argument(graph, vertex, json_array_get(arguments, i));
    if (json_is_string(json_array_get(call, 0)))
        return add_source(graph, vertex, json_array_get(call, 0));
    for (size_t i = 0; i < json_array_size(call) && !status; i++)
        status = add_source(graph, vertex, json_array_get(json_array_get(call, i), 0));
    return status;
}

static bool is_input(const struct vertex *vertex) {
    const char *class_name = json_string_value(json_object_get(vertex->entry, "class_name"));
    return class_name && layer_kind_of(class_name) == LAYER_INPUT;
}

static enum status read_sources(struct graph *graph, struct vertex *vertex) {
    const json_t *calls = json_object_get(vertex->entry, "inbound_nodes");
    enum status status = STATUS_OK;
    if (json_array_size(calls) > 1)
        return error_set(graph->error, STATUS_UNSUPPORTED, graph->path,
                         "layer '%.64s' is called %zu times; one call of a layer is supported",
                         vertex->name, json_array_size(calls));
    if (json_array_size(calls) == 1) status = read_call(graph, vertex, json_array_get(calls, 0));
    if (!status && !is_input(vertex) && !vertex->source_count)
        return error_set(graph->error, STATUS_FORMAT, graph->path,
                         "model_config: layer '%.64s' has no input", vertex->name);
    if (!status && is_input(vertex) && vertex->source_count)
        return error_set(graph->error, STATUS_FORMAT, graph->path,
                         "model_config: the InputLayer '%.64s' has an input", vertex->name);
    return status;
}

/* ---- the order ---- */

/* From a layer to all that it reads; at most MAX_LAYERS deep. */
static enum status walk(struct graph *graph, size_t index) {
    struct vertex *vertex = &graph->vertices[index];
    enum status status = STATUS_OK;
    if (vertex->state == STATE_DONE) return STATUS_OK;
    if (vertex->state == STATE_OPEN)
        return error_set(graph->error, STATUS_FORMAT, graph->path,
                         "model_config: layer '%.64s' is part of a cycle", vertex->name);
    vertex->state = STATE_OPEN;
    vertex->met = graph->met_count++;
    for (int i = 0; i < vertex->source_count && !status; i++)
        status = walk(graph, vertex->sources[i]);
    vertex->state = STATE_DONE;
    graph->done[graph->done_count++] = index;
    return status;
}

/* "output_layers" is [["x", 0, 0]], or in Keras 3 ["x", 0, 0]. */
static enum status find_output(const struct graph *graph, const json_t *config, size_t *output) {
    const json_t *outputs = json_object_get(config, "output_layers");
    const json_t *first = json_array_get(outputs, 0);
    if (json_is_array(first) && json_array_size(outputs) > 1)
        return error_set(graph->error, STATUS_UNSUPPORTED, graph->path,
                         "the model has %zu outputs; one is supported", json_array_size(outputs));
    const char *name = json_string_value(json_is_array(first) ? json_array_get(first, 0) : first);
    if (!name)
        return error_set(graph->error, STATUS_FORMAT, graph->path,
                         "model_config does not say which layer is the output");
    *output = find_vertex(graph, name);
    if (*output == graph->count)
        return error_set(graph->error, STATUS_FORMAT, graph->path,
                         "model_config: the output '%.64s' does not exist", name);
    return STATUS_OK;
}

static enum status check_use(const struct graph *graph) {
    const struct vertex *input = NULL;
    for (size_t i = 0; i < graph->count; i++) {
        const struct vertex *vertex = &graph->vertices[i];
        if (is_input(vertex) && input)
            return error_set(graph->error, STATUS_UNSUPPORTED, graph->path,
                             "the model has two inputs, '%.64s' and '%.64s'; one is supported",
                             input->name, vertex->name);
        if (is_input(vertex)) input = vertex;
    }
    for (size_t i = 0; i < graph->count; i++)
        if (graph->vertices[i].state != STATE_DONE)
            return error_set(graph->error, STATUS_UNSUPPORTED, graph->path,
                             "layer '%.64s' does not lead to the model's output",
                             graph->vertices[i].name);
    return STATUS_OK;
}

static bool comes_before(const struct vertex *a, const struct vertex *b) {
    return a->depth != b->depth ? a->depth > b->depth : a->met < b->met;
}

static void put_in_order(struct graph *graph, struct config_node *nodes) {
    for (size_t i = graph->done_count; i-- > 0;) {
        const struct vertex *vertex = &graph->vertices[graph->done[i]];
        for (int j = 0; j < vertex->source_count; j++) {
            struct vertex *source = &graph->vertices[vertex->sources[j]];
            if (source->depth <= vertex->depth) source->depth = vertex->depth + 1;
        }
    }
    for (size_t i = 0; i < graph->count; i++)
        for (size_t j = 0; j < graph->count; j++)
            graph->vertices[i].place += comes_before(&graph->vertices[j], &graph->vertices[i]);
    for (size_t i = 0; i < graph->count; i++) {
        const struct vertex *vertex = &graph->vertices[i];
        struct config_node *node = &nodes[vertex->place];
        node->entry = i;
        node->input_count = vertex->source_count;
        for (int j = 0; j < vertex->source_count; j++)
            node->inputs[j] = graph->vertices[vertex->sources[j]].place;
    }
}

enum status config_order(const json_t *config, const json_t *layers, const char *path,
                         struct config_node *nodes, struct error *error) {
    struct graph graph = {.count = json_array_size(layers), .path = path, .error = error};
    enum status status = STATUS_OK;
    size_t output = 0;
    graph.vertices = calloc(graph.count, sizeof *graph.vertices);
    graph.done = calloc(graph.count, sizeof *graph.done);
    if (!graph.vertices || !graph.done)
        status = error_memory(error, path, graph.count * sizeof *graph.vertices);
    if (!status) status = read_names(&graph, layers);
    for (size_t i = 0; i < graph.count && !status; i++)
        status = read_sources(&graph, &graph.vertices[i]);
    if (!status) status = find_output(&graph, config, &output);
    if (!status) status = walk(&graph, output);
    if (!status) status = check_use(&graph);
    if (!status) put_in_order(&graph, nodes);
    free(graph.done);
    free(graph.vertices);
    return status;
}
