#include "ui/draw/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void line_start(struct line *line, int gap) {
    line->count = 0;
    line->gap = gap;
}

static struct piece *next(struct line *line) {
    static struct piece spill;
    struct piece *piece = line->count < MAX_PIECES ? &line->pieces[line->count++] : &spill;
    memset(piece, 0, sizeof *piece);
    piece->share = -1;
    return piece;
}

struct piece *line_add(struct line *line, int priority, enum color color, const char *format, ...) {
    struct piece *piece = next(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(piece->text, sizeof piece->text, format, arguments);
    va_end(arguments);
    piece->priority = priority;
    piece->color = color;
    return piece;
}

struct piece *line_join(struct line *line, enum color color, const char *format, ...) {
    struct piece *piece = next(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(piece->text, sizeof piece->text, format, arguments);
    va_end(arguments);
    piece->is_joined = true;
    piece->color = color;
    return piece;
}

struct piece *line_bar(struct line *line, int priority, double share, int width) {
    struct piece *piece = next(line);
    piece->priority = priority;
    piece->color = COLOR_BAR;
    piece->share = share < 0 ? 0 : share > 1 ? 1 : share;
    piece->width = width;
    return piece;
}

static int width_of(const struct piece *piece) {
    if (piece->share >= 0) return piece->width + 2;
    int width = 0;
    for (const char *text = piece->text; utf8_next(&text);) width++;
    return width;
}

static int total(const struct line *line) {
    int width = 0;
    for (int i = 0; i < line->count; i++) {
        width += width_of(&line->pieces[i]);
        if (i && !line->pieces[i].is_joined) width += line->gap;
    }
    return width;
}

/* Remove the least important piece and what is joined to it; false when only one is left. */
static bool drop_one(struct line *line) {
    int victim = -1, heads = 0;
    for (int i = 0; i < line->count; i++) {
        if (line->pieces[i].is_joined) continue;
        heads++;
        if (victim < 0 || line->pieces[i].priority <= line->pieces[victim].priority) victim = i;
    }
    if (heads < 2) return false;
    int end = victim + 1;
    while (end < line->count && line->pieces[end].is_joined) end++;
    memmove(line->pieces + victim, line->pieces + end,
            (size_t)(line->count - end) * sizeof line->pieces[0]);
    line->count -= end - victim;
    if (victim < line->count && victim == 0) line->pieces[0].is_joined = false;
    return true;
}

/* A heavy line over a thin one; in ASCII between brackets. */
static int draw_bar(struct canvas *canvas, int row, int column, const struct piece *piece) {
    int width = piece->width + 2;
    if (canvas->glyphs == GLYPHS_ASCII) {
        canvas_put(canvas, row, column, '[', COLOR_DIM);
        canvas_fill(canvas, row, column + 1, piece->width, '.', COLOR_DIM);
        canvas_bar(canvas, row, column + 1, piece->width, piece->share, piece->color);
        canvas_put(canvas, row, column + 1 + piece->width, ']', COLOR_DIM);
        return column + width;
    }
    int halves = (int)(piece->share * 2 * width + 0.5);
    canvas_fill(canvas, row, column, width, 0x2500, COLOR_DIM);
    canvas_fill(canvas, row, column, halves / 2, 0x2501, piece->color);
    if (halves % 2) canvas_put(canvas, row, column + halves / 2, 0x2578, piece->color);
    return column + width;
}

void line_draw(struct line *line, struct canvas *canvas, int row) {
    while (total(line) > canvas->columns && drop_one(line)) {
    }
    int column = 0, spare = canvas->columns - total(line);
    for (int i = 0; i < line->count; i++) {
        const struct piece *piece = &line->pieces[i];
        if (i && !piece->is_joined) column += line->gap;
        if (piece->is_right && spare > 0) {
            column += spare;
            spare = 0;
        }
        int start = column;
        if (piece->share >= 0)
            column = draw_bar(canvas, row, column, piece);
        else
            column = canvas_text(canvas, row, column, piece->color, piece->text);
        if (piece->is_bold) canvas_bold(canvas, row, start, column - start);
        if (piece->is_reverse) canvas_reverse(canvas, row, start, column - start);
    }
}
