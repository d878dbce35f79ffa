#include "ui/help.h"

#include <stdio.h>
#include <string.h>

#include "ui/control.h"
#include "ui/draw/frame.h"
#include "ui/keys.h"

#define HELP_COLUMNS 76
#define KEY_COLUMNS  16

/* What else the screen shows. */
static const char *const notes[] = {
    "FP32  accuracy of the float weights, without quantization",
    "QAT   accuracy of the graph in training, with simulated quantization",
    "INT8  accuracy of the integer engine; = the last export agrees",
    "PTQ   accuracy of the original model, quantized without training",
    "gap   INT8 minus FP32, in percentage points",
    "of N  measured on the first N test digits, between epochs; grey, + in mono",
    "folded  batches merged for a slower screen; their extremes are kept",
};
#define NOTES ((int)(sizeof notes / sizeof notes[0]))

static const char *panel_title(enum panel_id panel) {
    static const char *const names[PANELS] = {"1 curves",    "2 ranges", "3 digits",
                                              "4 confusion", "5 log",    "6 system"};
    return names[panel];
}

static bool is_of(const struct key *key, enum panel_id panel) {
    return key->panels & 1U << panel;
}

/* Part 0 holds the keys of the focused panel; then each group of the others has a part. */
static bool is_in_part(const struct key *key, int part, enum panel_id focus) {
    if (part == 0) return is_of(key, focus);
    return !is_of(key, focus) && (int)key->group == part - 1;
}

static void draw_title(struct canvas *canvas, int row, int part, enum panel_id focus) {
    if (part == 0)
        canvas_printf(canvas, row, 0, COLOR_TITLE, "in this panel, %s", panel_title(focus));
    else
        canvas_text(canvas, row, 0, COLOR_TITLE, key_group_title((enum key_group)(part - 1)));
    canvas_bold(canvas, row, 0, canvas->columns);
}

static void draw_key(struct canvas *canvas, int row, const struct key *key) {
    char names[64];
    canvas_text(canvas, row, 1, COLOR_KEY, key_names(key, names, sizeof names));
    canvas_text(canvas, row, KEY_COLUMNS, COLOR_TEXT, key->help);
}

/* Walks the help and, when canvas is given, draws what stands on it from line `first` on; returns
 * how many lines there are. */
static int walk(struct canvas *canvas, enum panel_id focus, int first) {
    int line = 0;
    for (int part = 0; part < 1 + GROUPS; part++) {
        bool has_title = false;
        for (size_t i = 0; i < key_count; i++) {
            if (!is_in_part(&keys[i], part, focus)) continue;
            if (!has_title) {
                if (canvas) draw_title(canvas, line - first, part, focus);
                has_title = true;
                line++;
            }
            if (canvas) draw_key(canvas, line - first, &keys[i]);
            line++;
        }
        if (has_title) line++;
    }
    if (canvas) {
        canvas_text(canvas, line - first, 0, COLOR_TITLE, "on the screen");
        canvas_bold(canvas, line - first, 0, canvas->columns);
        for (int i = 0; i < NOTES; i++) {
            canvas_text(canvas, line + 1 + i - first, 1, COLOR_TEXT, notes[i]);
        }
    }
    return line + 1 + NOTES;
}

int help_lines(enum panel_id focus) {
    return walk(NULL, focus, 0);
}

void help_draw(struct canvas *canvas, enum panel_id focus, int *first) {
    int lines = help_lines(focus);
    int margin = canvas->rows >= 40 ? 6 : canvas->rows >= 24 ? 2 : 0;
    int rows = lines + 2 < canvas->rows - margin ? lines + 2 : canvas->rows - margin;
    int columns = canvas->columns > HELP_COLUMNS + 8 ? HELP_COLUMNS + 8 : canvas->columns;
    struct canvas box = frame_box(canvas, rows, columns, "help", "j k  q close");
    int last_first = lines - box.rows;
    if (*first > last_first) *first = last_first;
    if (*first < 0) *first = 0;
    walk(&box, focus, *first);
    if (*first < last_first && box.rows > 2) {
        canvas_fill(&box, box.rows - 1, 0, box.columns, ' ', COLOR_DIM);
        canvas_printf(&box, box.rows - 1, 0, COLOR_DIM, "... %d more: j, PgDn",
                      last_first - *first + 1);
    }
}

void menu_draw(struct canvas *canvas, const struct control *control) {
    const char *title;
    const struct choice *choices = control_choices(control->modal, &title);
    int count = 0;
    while (choices[count].key) count++;
    bool is_roomy = canvas->rows >= count + 4;
    struct canvas box = frame_box(canvas, count + (is_roomy ? 4 : 2), 60, title, "");
    if (canvas->rows < 3 || canvas->columns < 8) {
        /* No room for a box: the keys alone. */
        int column = 0;
        for (int i = 0; i < count; i++) {
            column = canvas_text(&box, 0, column, COLOR_KEY, choices[i].key) + 1;
        }
        return;
    }
    for (int i = 0; i < count; i++) {
        canvas_text(&box, i + is_roomy, 1, COLOR_KEY, choices[i].key);
        canvas_bold(&box, i + is_roomy, 1, 3);
        canvas_text(&box, i + is_roomy, 6, COLOR_TEXT, choices[i].text);
    }
}
