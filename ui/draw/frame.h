/* frame: the borders and title of a panel, and boxes over the panels. */
#ifndef UI_DRAW_FRAME_H
#define UI_DRAW_FRAME_H

#include "ui/draw/canvas.h"
#include "ui/draw/layout.h"

struct frame_title {
    int number; /* the key that focuses it; 0: none */
    const char *name;
    char left[160], right[160];
    bool is_focus;
};

/* Frame and title of the panel at rect (FRAME_BOX, FRAME_RULE; nothing else draws anything). */
void frame_draw(struct canvas *canvas, struct rect rect, enum frame_kind kind,
                const struct frame_title *title);

/* An empty box of rows x columns in the middle of the canvas (cut to it) with a title; returns its
 * inside. */
struct canvas frame_box(struct canvas *canvas, int rows, int columns, const char *title,
                        const char *hint);

#endif
