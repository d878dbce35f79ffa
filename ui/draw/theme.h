/* theme: what the colours by meaning look like, one table [theme][colour]. */
#ifndef UI_DRAW_THEME_H
#define UI_DRAW_THEME_H

#include "ui/draw/canvas.h"

enum { PAINT_BOLD = 1, PAINT_DIM = 2, PAINT_REVERSE = 4, PAINT_UNDERLINE = 8 };

/* -1 is the terminal's own colour: no theme paints the background of text. */
struct paint {
    short ink, paper;    /* with 256 colours: xterm's palette */
    short basic;         /* with 8 or 16: 0..7, and 8..15 (bright) where the terminal has them */
    unsigned char style; /* PAINT_... with colours */
    unsigned char mono;  /* PAINT_... without */
};

struct theme {
    const char *name;
    const char *summary;
    struct paint paints[COLOR_MEANINGS];
};

extern const struct theme themes[];
extern const int theme_count;

/* NULL when there is none of that name; NULL gives the first. */
const struct theme *theme_find(const char *name);

#endif
