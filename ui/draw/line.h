/* line: one row of pieces of text; the least important are dropped where it is narrow. */
#ifndef UI_DRAW_LINE_H
#define UI_DRAW_LINE_H

#include "ui/draw/canvas.h"

#define MAX_PIECES 40
#define LINE_TEXT  160

struct piece {
    char text[LINE_TEXT];
    enum color color;
    int priority; /* dropped first when lowest; the same number: from the right */
    bool is_bold, is_reverse;
    bool is_joined; /* no gap before it; goes when the piece before it goes */
    double share;   /* >= 0: a bar of `width` cells in brackets, in place of text */
    int width;
    bool is_right; /* stands, with all that follow, at the right end */
};

struct line {
    struct piece pieces[MAX_PIECES];
    int count;
    int gap; /* spaces between pieces */
};

void line_start(struct line *line, int gap);
/* The new piece, for its fields to be set; pieces beyond MAX_PIECES are lost. */
struct piece *line_add(struct line *line, int priority, enum color color, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The same without a gap, bound to the piece before it. */
struct piece *line_join(struct line *line, enum color color, const char *format, ...)
    PRINTF_LIKE(3, 4);
struct piece *line_bar(struct line *line, int priority, double share, int width);
void line_draw(struct line *line, struct canvas *canvas, int row);

#endif
