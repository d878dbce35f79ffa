#include "ui/draw/frame.h"

#include <stdio.h>
#include <string.h>

static int width_of(const char *text) {
    int width = 0;
    while (utf8_next(&text)) width++;
    return width;
}

/* Title texts on the line at (row, column) of `columns`, from the third column; the right one is
 * left out when both do not fit. */
static void draw_title(struct canvas *canvas, int row, int column, int columns,
                       const struct frame_title *title) {
    struct canvas line = canvas_part(canvas, row, column, 1, columns);
    enum color color = title->is_focus ? COLOR_FOCUS : COLOR_TITLE;
    int at = 1;
    if (title->number) at = canvas_printf(&line, 0, at, COLOR_KEY, " %d", title->number);
    int start = at;
    at = canvas_printf(&line, 0, at, color, " %s ", title->name);
    canvas_bold(&line, 0, start, at - start);
    /* A panel may begin with its own name, to say more about it. */
    const char *left = title->left;
    size_t name = strlen(title->name);
    if (!strncmp(left, title->name, name) && (left[name] == ' ' || !left[name])) left += name;
    while (*left == ' ') left++;
    /* What does not fit goes from the end, a whole part at a time; parts stand two spaces apart. */
    char text[sizeof title->left];
    snprintf(text, sizeof text, "%s", left);
    while (*text && at + width_of(text) + 2 > columns) {
        char *gap = NULL;
        for (char *c = text; *c; c++) {
            if (c[0] == ' ' && c[1] == ' ') gap = c;
        }
        if (gap)
            *gap = 0;
        else
            break;
    }
    if (*text) at = canvas_printf(&line, 0, at, COLOR_DIM, " %s ", text);
    int right = width_of(title->right) + 2;
    if (title->right[0] && at + right + 2 <= columns) {
        canvas_printf(&line, 0, columns - right - 1, COLOR_DIM, " %s ", title->right);
    }
}

static void draw_box(struct canvas *canvas, struct rect rect, enum color color) {
    bool is_round = canvas->glyphs == GLYPHS_BRAILLE;
    int bottom = rect.row + rect.rows - 1, right = rect.column + rect.columns - 1;
    for (int row = rect.row + 1; row < bottom; row++) {
        canvas_put(canvas, row, rect.column, 0x2502, color);
        canvas_put(canvas, row, right, 0x2502, color);
    }
    canvas_fill(canvas, rect.row, rect.column, rect.columns, 0x2500, color);
    canvas_fill(canvas, bottom, rect.column, rect.columns, 0x2500, color);
    canvas_put(canvas, rect.row, rect.column, is_round ? 0x256d : 0x250c, color);
    canvas_put(canvas, rect.row, right, is_round ? 0x256e : 0x2510, color);
    canvas_put(canvas, bottom, rect.column, is_round ? 0x2570 : 0x2514, color);
    canvas_put(canvas, bottom, right, is_round ? 0x256f : 0x2518, color);
}

void frame_draw(struct canvas *canvas, struct rect rect, enum frame_kind kind,
                const struct frame_title *title) {
    enum color color = title->is_focus ? COLOR_FOCUS : COLOR_DIM;
    if (kind == FRAME_NONE || rect_is_empty(rect)) return;
    if (kind == FRAME_BOX) {
        draw_box(canvas, rect, color);
        draw_title(canvas, rect.row, rect.column + 1, rect.columns - 2, title);
        return;
    }
    canvas_fill(canvas, rect.row, rect.column, rect.columns, 0x2500, color);
    draw_title(canvas, rect.row, rect.column, rect.columns, title);
    if (rect.column + rect.columns >= canvas->columns) return;
    for (int row = rect.row + 1; row < rect.row + rect.rows; row++) {
        canvas_put(canvas, row, rect.column + rect.columns - 1, 0x2502, COLOR_DIM);
    }
}

struct canvas frame_box(struct canvas *canvas, int rows, int columns, const char *title,
                        const char *hint) {
    if (rows > canvas->rows) rows = canvas->rows;
    if (columns > canvas->columns) columns = canvas->columns;
    struct rect rect = {(canvas->rows - rows) / 2, (canvas->columns - columns) / 2, rows, columns};
    struct canvas box = canvas_part(canvas, rect.row, rect.column, rows, columns);
    canvas_clear(&box);
    if (rows < 3 || columns < 8) return box;
    struct frame_title line = {.name = title, .is_focus = true};
    snprintf(line.right, sizeof line.right, "%s", hint);
    draw_box(&box, (struct rect){0, 0, rows, columns}, COLOR_FOCUS);
    draw_title(&box, 0, 1, columns - 2, &line);
    return canvas_part(&box, 1, 2, rows - 2, columns - 4);
}
