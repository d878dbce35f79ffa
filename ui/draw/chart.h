/* chart: lines with the range of values behind them, drawn from arrays.
 *
 * The x axis is a row of samples, as many as the plot's glyphs can tell apart: two a column in
 * braille, else one.  The caller asks chart_frame for the size, gathers that many samples, and
 * calls chart_draw, a pure function of its arguments.
 *
 *   braille  2x4 dots a cell; where line and span meet in a cell, the line has the colour
 *   blocks   1x8 levels a cell for the line, shades for the span
 *   ASCII    ':' for the span, the series' own sign for the line
 */
#ifndef UI_DRAW_CHART_H
#define UI_DRAW_CHART_H

#include "ui/draw/canvas.h"

struct chart_series {
    const float *low, *high;       /* [samples] the span; NaN where there is none; NULL: no spans */
    const float *line;             /* [samples] NaN where it is broken; NULL: no line */
    const float *points;           /* [samples] measured values, NaN for none; NULL: no points */
    const unsigned char *is_minor; /* [samples] non-zero: a point of less weight; or NULL */
    enum color line_color, span_color;
    uint32_t mark; /* glyph of points */
    char ascii;    /* sign of line and points in ASCII */
};

struct chart_tick {
    double at; /* 0..1, left to right */
    char text[12];
};

struct chart {
    int samples;
    const struct chart_series *series; /* later ones are drawn over earlier ones */
    int series_count;
    double low, high;               /* of the y axis, low < high; spans above are marked */
    bool is_log;                    /* low > 0; values below it stand at the bottom */
    double baseline;                /* a dim horizontal, NaN for none */
    const unsigned char *alarms;    /* [samples] 0, 'N' or 'I' on the top row; or NULL */
    const unsigned char *verticals; /* [samples] non-zero: a dim vertical; or NULL */
    int cursor;                     /* sample, or -1 */
    const struct chart_tick *ticks; /* of the x axis, ascending */
    int tick_count;
};

/* Where the plot lies in a canvas: right of the y labels, above the x labels, which are left out
 * when there is little room.  rows or columns 0: nothing can be drawn. */
struct chart_frame {
    int row, column, rows, columns;
    int samples;
};
struct chart_frame chart_frame(const struct canvas *canvas);

void chart_draw(struct canvas *canvas, const struct chart *chart);

#endif
