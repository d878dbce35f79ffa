#include "model/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 4
#define FIELD   (4 * MODEL_NAME) /* bytes for one field of a row */

/* A model that is not a chain has one more column, for what each layer reads. */
struct table {
    FILE *out;
    int columns;
    int ends[COLUMNS]; /* where each column ends; the last is the length of a line */
};

static const struct table chain_table = {.columns = 3, .ends = {29, 55, 65}};
static const struct table graph_table = {.columns = 4, .ends = {29, 58, 68, 98}};

static int line_length(const struct table *table) {
    return table->ends[table->columns - 1];
}

/* How much of `text` goes into a column on one line: what fits, or to the end of a tuple. */
static size_t cut_field(const struct table *table, const char *text, int column) {
    static const char *const breaks[] = {"),", "},", "],", "',"};
    int start = column ? table->ends[column - 1] : 0;
    int apart = column < table->columns - 1 ? 3 : 0;
    size_t room = (size_t)(table->ends[column] - start - apart);
    size_t length = strlen(text), cut = length < room ? length : room;
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        const char *found = strstr(text, breaks[i]);
        if (found && (size_t)(found - text) + 2 <= cut) cut = (size_t)(found - text) + 2;
    }
    return cut;
}

/* Fields that are too long continue on the next lines. */
static void print_row(const struct table *table, const char *const fields[COLUMNS]) {
    const char *left[COLUMNS] = {fields[0], fields[1], fields[2], fields[3]};
    bool is_left = true;
    while (is_left) {
        int used = 0;
        is_left = false;
        for (int i = 0; i < table->columns; i++) {
            size_t cut = cut_field(table, left[i], i);
            used += fprintf(table->out, "%s%.*s", i ? "" : " ", (int)cut, left[i]);
            left[i] += cut;
            is_left |= *left[i] != 0;
            int padding = table->ends[i] - used;
            if (padding > 0) used += fprintf(table->out, "%*s", padding, "");
        }
        fputc('\n', table->out);
    }
}

static void print_rule(const struct table *table, char mark) {
    for (int i = 0; i < line_length(table); i++) fputc(mark, table->out);
    fputc('\n', table->out);
}

/* Names come from files: control characters must not reach a terminal.  Those of 0x80 to 0x9f are
 * two bytes of UTF-8. */
static void replace_controls(char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];
        if (c < 0x20 || c == 0x7f) *text = '?';
        if (c == 0xc2 && next >= 0x80 && next < 0xa0) text[0] = text[1] = '?';
    }
}

/* "['a[0][0]', 'b[0][0]']": call and output are always the first. */
static void list_sources(const struct model *model, const struct layer *layer, char text[FIELD]) {
    int used = snprintf(text, FIELD, "[");
    for (int i = 0; i < layer->input_count; i++)
        used += snprintf(text + used, FIELD - (size_t)used, "%s'%s[0][0]'", i ? ", " : "",
                         model->layers[layer->inputs[i]].name);
    snprintf(text + used, FIELD - (size_t)used, "]");
}

static void print_layer(const struct table *table, const struct model *model,
                        const struct layer *layer) {
    char name[FIELD], shape[FIELD], count[FIELD], sources[FIELD];
    bool is_input = layer->kind == LAYER_INPUT;
    size_t parameters = 0;
    for (int i = 0; i < layer->parameter_count; i++)
        parameters += model->parameters[layer->first_parameter + i].count;
    snprintf(name, sizeof name, "%s (%s)", layer->name, layer_class(layer->kind));
    replace_controls(name);
    int used = snprintf(shape, sizeof shape, "%s(None", is_input ? "[" : "");
    for (int i = 0; i < layer->output.rank; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, ", %d", layer->output.size[i]);
    snprintf(shape + used, sizeof shape - (size_t)used, ")%s", is_input ? "]" : "");
    snprintf(count, sizeof count, "%zu", parameters);
    list_sources(model, layer, sources);
    replace_controls(sources);
    print_row(table, (const char *const[COLUMNS]){name, shape, count, sources});
    fprintf(table->out, "%*s\n", line_length(table), "");
}

static void print_total(FILE *out, const char *what, size_t count) {
    static const char *const units[] = {"Byte", "KB", "MB", "GB", "TB"};
    double bytes = (double)count * sizeof(float);
    int unit = 0;
    for (; unit < 4 && bytes >= 1024; unit++) bytes /= 1024;
    fprintf(out, "%s params: %zu (%.2f %s)\n", what, count, bytes, units[unit]);
}

enum status model_summary(const struct model *model, char **text, struct error *error) {
    size_t size = 0, trained = 0, others = 0;
    bool is_chain = model_is_chain(model);
    struct table table = is_chain ? chain_table : graph_table;
    *text = NULL;
    FILE *out = table.out = open_memstream(text, &size);
    if (!out) return error_memory(error, model->name, sizeof table);
    char name[MODEL_NAME];
    snprintf(name, sizeof name, "%s", model->name);
    replace_controls(name);
    fprintf(out, "Model: \"%s\"\n", name);
    print_rule(&table, '_');
    print_row(&table, (const char *const[COLUMNS]){"Layer (type)", "Output Shape", "Param #",
                                                   "Connected to"});
    print_rule(&table, '=');
    for (int i = is_chain; i < model->layer_count; i++)
        print_layer(&table, model, &model->layers[i]);
    print_rule(&table, '=');
    for (int i = 0; i < model->parameter_count; i++)
        *(model->parameters[i].is_trained ? &trained : &others) += model->parameters[i].count;
    print_total(out, "Total", trained + others);
    print_total(out, "Trainable", trained);
    print_total(out, "Non-trainable", others);
    print_rule(&table, '_');
    int failed = ferror(out);
    failed |= fclose(out);
    if (!failed) return STATUS_OK;
    free(*text);
    *text = NULL;
    return error_memory(error, model->name, size);
}
