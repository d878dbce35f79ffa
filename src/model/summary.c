#include "model/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE    65
#define COLUMNS 3
#define FIELD   (2 * MODEL_NAME) /* bytes for one field of a row */

static const int column_ends[COLUMNS] = {29, 55, 65};

/* How much of `text` goes into a column on one line: what fits, or to the end of a tuple. */
static size_t cut_field(const char *text, int column) {
    static const char *const breaks[] = {"),", "},", "],", "',"};
    int start = column ? column_ends[column - 1] : 0;
    size_t room = (size_t)(column_ends[column] - start - (column < COLUMNS - 1 ? 3 : 0));
    size_t length = strlen(text), cut = length < room ? length : room;
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        const char *found = strstr(text, breaks[i]);
        if (found && (size_t)(found - text) + 2 <= cut) cut = (size_t)(found - text) + 2;
    }
    return cut;
}

/* Fields that are too long go on in the lines below. */
static void print_row(FILE *out, const char *const fields[COLUMNS]) {
    const char *left[COLUMNS] = {fields[0], fields[1], fields[2]};
    while (*left[0] || *left[1] || *left[2]) {
        int used = 0;
        for (int i = 0; i < COLUMNS; i++) {
            size_t cut = cut_field(left[i], i);
            used += fprintf(out, "%s%.*s", i ? "" : " ", (int)cut, left[i]);
            left[i] += cut;
            int padding = column_ends[i] - used;
            if (padding > 0) used += fprintf(out, "%*s", padding, "");
        }
        fputc('\n', out);
    }
}

static void print_rule(FILE *out, char mark) {
    for (int i = 0; i < LINE; i++) fputc(mark, out);
    fputc('\n', out);
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

static void print_layer(FILE *out, const struct model *model, const struct layer *layer) {
    char name[FIELD], shape[FIELD], count[FIELD];
    size_t parameters = 0;
    for (int i = 0; i < layer->parameter_count; i++)
        parameters += model->parameters[layer->first_parameter + i].count;
    snprintf(name, sizeof name, "%s (%s)", layer->name, layer_class(layer->kind));
    replace_controls(name);
    int used = snprintf(shape, sizeof shape, "(None");
    for (int i = 0; i < layer->output.rank; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, ", %d", layer->output.size[i]);
    snprintf(shape + used, sizeof shape - (size_t)used, ")");
    snprintf(count, sizeof count, "%zu", parameters);
    print_row(out, (const char *const[COLUMNS]){name, shape, count});
    fprintf(out, "%*s\n", LINE, "");
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
    *text = NULL;
    FILE *out = open_memstream(text, &size);
    if (!out) return error_memory(error, model->name, LINE);
    char name[MODEL_NAME];
    snprintf(name, sizeof name, "%s", model->name);
    replace_controls(name);
    fprintf(out, "Model: \"%s\"\n", name);
    print_rule(out, '_');
    print_row(out, (const char *const[COLUMNS]){"Layer (type)", "Output Shape", "Param #"});
    print_rule(out, '=');
    for (int i = 1; i < model->layer_count; i++) print_layer(out, model, &model->layers[i]);
    print_rule(out, '=');
    for (int i = 0; i < model->parameter_count; i++)
        *(model->parameters[i].is_trained ? &trained : &others) += model->parameters[i].count;
    print_total(out, "Total", trained + others);
    print_total(out, "Trainable", trained);
    print_total(out, "Non-trainable", others);
    print_rule(out, '_');
    int failed = ferror(out);
    failed |= fclose(out);
    if (!failed) return STATUS_OK;
    free(*text);
    *text = NULL;
    return error_memory(error, model->name, size);
}
