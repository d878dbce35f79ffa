/* canvas: a grid of cells that panels draw on.
 *
 * Panels never call ncurses.  They put glyphs and colours *by meaning* into a canvas; terminal.c
 * alone turns the canvas into ncurses calls, lowering glyphs and colours to what the terminal can
 * show.  So every panel can be drawn, compared and tested without a terminal.
 *
 * Coordinates are (row, column) from 0 in the top left corner of the canvas; anything outside is
 * silently clipped, so a panel may draw without checking its size.
 */
#ifndef UI_DRAW_CANVAS_H
#define UI_DRAW_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum color {
    COLOR_TEXT,     /* ordinary */
    COLOR_DIM,      /* frames, axes, labels */
    COLOR_TITLE,    /* panel titles */
    COLOR_FOCUS,    /* frame and title of the focused panel */
    COLOR_STRONG,   /* values that matter */
    COLOR_KEY,      /* keys in footer and help */
    COLOR_SELECTED, /* the selected row or cell */
    COLOR_OK,
    COLOR_WARNING,
    COLOR_ALARM,
    COLOR_FP32, /* the three precisions, the same everywhere */
    COLOR_QAT,
    COLOR_INT8,
    COLOR_CURVE,    /* smoothed line */
    COLOR_ENVELOPE, /* min..max behind it */
    COLOR_BAR,      /* progress and probability bars */
    COLOR_GREY,     /* digits: cell.ink and cell.paper hold 0..23, black to white */
    COLOR_MEANINGS  /* how many (ncurses owns the name COLORS) */
};

/* What the terminal's font and locale can show.  Callers pass Unicode; a cell holds the
 * nearest glyph that can be shown. */
enum glyph_level { GLYPHS_ASCII, GLYPHS_BLOCK, GLYPHS_BRAILLE };

struct cell {
    uint32_t glyph;     /* Unicode; 0 is drawn as a space */
    uint8_t color;      /* enum color */
    uint8_t ink, paper; /* COLOR_GREY only */
    bool is_bold, is_reverse;
};

struct canvas {
    int rows, columns;
    int stride; /* cells from one row to the next: a canvas may be part of another */
    struct cell *cells;
    enum glyph_level glyphs; /* what the terminal can show: charts choose by it */
    bool is_mono;            /* no colours: meaning must be in words, bold and reverse */
    bool has_greys;          /* 24 greys on 24: else canvas_grey shades by glyph alone */
};

/* A whole canvas of blanks, ASCII, without greys until the fields above say otherwise; false when
 * memory is short.  canvas_free also accepts a zeroed one. */
bool canvas_create(struct canvas *canvas, int rows, int columns) MUST_USE;
void canvas_free(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);

/* The part of `canvas` at (row, column) of at most rows x columns, clipped to it; shares its
 * cells. */
struct canvas canvas_part(const struct canvas *canvas, int row, int column, int rows, int columns);

/* One glyph, lowered to the level; control characters and glyphs that are not one column wide
 * become '?'.  Ends bold and reverse of that cell. */
void canvas_put(struct canvas *canvas, int row, int column, uint32_t glyph, enum color color);
/* UTF-8 text, one column a character; returns the column after the text, also where it was
 * clipped. */
int canvas_text(struct canvas *canvas, int row, int column, enum color color, const char *text);
int canvas_printf(struct canvas *canvas, int row, int column, enum color color, const char *format,
                  ...) PRINTF_LIKE(5, 6);
void canvas_fill(struct canvas *canvas, int row, int column, int columns, uint32_t glyph,
                 enum color color);
/* Bold or reverse video for cells already drawn. */
void canvas_bold(struct canvas *canvas, int row, int column, int columns);
void canvas_reverse(struct canvas *canvas, int row, int column, int columns);
/* One cell showing two greys, upper half over lower half; 0..255 each.  With greys: an upper half
 * block, COLOR_GREY, ink and paper; without: half and shaded blocks, or an ASCII ramp. */
void canvas_grey(struct canvas *canvas, int row, int column, unsigned char upper,
                 unsigned char lower);
/* A horizontal bar of `columns` cells, share 0..1 (NaN: nothing), in eighths where the level
 * allows.  Cells beyond the filled part are left as they are: draw a track first where one is
 * wanted. */
void canvas_bar(struct canvas *canvas, int row, int column, int columns, double share,
                enum color color);

/* The glyph that stands for `glyph` at `level`. */
uint32_t glyph_lower(uint32_t glyph, enum glyph_level level);

/* Decode one character of UTF-8 and advance *text past it; bytes that are not UTF-8 count as '?',
 * one each.  0 at the end. */
uint32_t utf8_next(const char **text);
/* Encode; returns the number of bytes written to out (1..4). */
size_t utf8_put(uint32_t glyph, char out[4]);

#endif
