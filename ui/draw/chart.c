#include "ui/draw/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/draw/number.h"

#define LABEL_COLUMNS 6
#define MAX_TICKS     32

struct chart_frame chart_frame(const struct canvas *canvas) {
    struct chart_frame frame = {0, 0, canvas->rows, canvas->columns, 0};
    if (canvas->columns >= 24) {
        frame.column = LABEL_COLUMNS + 1;
        frame.columns -= frame.column;
    }
    if (canvas->rows >= 4) frame.rows--;
    frame.samples = frame.columns * (canvas->glyphs == GLYPHS_BRAILLE ? 2 : 1);
    return frame;
}

/* What all the drawing below needs to know. */
struct plot {
    struct canvas *canvas;
    const struct chart *chart;
    struct chart_frame frame;
    int levels; /* vertical steps in all */
    int per_cell;
};

/* 0 at the top .. levels - 1 at the bottom. */
static int level_of(const struct plot *plot, double value) {
    double low = plot->chart->low, high = plot->chart->high;
    if (plot->chart->is_log) {
        if (!(value > low)) return plot->levels - 1;
        value = log(value);
        low = log(low);
        high = log(high);
    }
    double at = (high - value) / (high - low) * (plot->levels - 1);
    if (!(at > 0)) return 0;
    if (at >= plot->levels - 1) return plot->levels - 1;
    /* A little over a half: a float and the tick of the same value must round alike. */
    return (int)(at + .501);
}

static int row_of(const struct plot *plot, double value) {
    return level_of(plot, value) / plot->per_cell;
}

static struct cell *plot_cell(const struct plot *plot, int row, int column) {
    return &plot->canvas->cells[(size_t)(plot->frame.row + row) * (size_t)plot->canvas->stride +
                                (size_t)(plot->frame.column + column)];
}

static void plot_put(const struct plot *plot, int row, int column, uint32_t glyph,
                     enum color color) {
    canvas_put(plot->canvas, plot->frame.row + row, plot->frame.column + column, glyph, color);
}

static int sample_column(const struct plot *plot, int sample) {
    return plot->canvas->glyphs == GLYPHS_BRAILLE ? sample / 2 : sample;
}

/* Levels that a series touches at one sample: first > last for none. */
struct stretch {
    int first, last;
};
static const struct stretch nothing = {1, 0};

static struct stretch span_at(const struct plot *plot, const struct chart_series *series,
                              int sample) {
    if (!series->low || !series->high) return nothing;
    if (isnan(series->low[sample]) || isnan(series->high[sample])) return nothing;
    return (struct stretch){level_of(plot, (double)series->high[sample]),
                            level_of(plot, (double)series->low[sample])};
}

/* The line's own level, stretched half way to its neighbours', so that it is connected. */
static struct stretch line_at(const struct plot *plot, const struct chart_series *series,
                              int sample) {
    if (!series->line || isnan(series->line[sample])) return nothing;
    int level = level_of(plot, (double)series->line[sample]);
    struct stretch stretch = {level, level};
    for (int side = -1; side <= 1; side += 2) {
        int beside = sample + side;
        if (beside < 0 || beside >= plot->chart->samples || isnan(series->line[beside])) continue;
        int apart = level_of(plot, (double)series->line[beside]) - level;
        int half = side < 0 ? apart / 2 : (apart > 0 ? apart - 1 : apart + 1) / 2;
        if (apart > 0 && level + half > stretch.last) stretch.last = level + half;
        if (apart < 0 && level + half < stretch.first) stretch.first = level + half;
    }
    return stretch;
}

/* ---- the three ways to fill cells */

/* Dots of one cell column that a stretch covers in cell row `row`; side 0 left, 1 right. */
static unsigned braille_dots(struct stretch stretch, int row, int side) {
    static const unsigned char bits[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
    unsigned dots = 0;
    for (int dot = 0; dot < 4; dot++) {
        int level = row * 4 + dot;
        if (level >= stretch.first && level <= stretch.last) dots |= bits[side][dot];
    }
    return dots;
}

static void draw_braille(const struct plot *plot, const struct chart_series *series, int column) {
    struct stretch span[2], line[2];
    for (int side = 0; side < 2; side++) {
        int sample = 2 * column + side;
        bool is_inside = sample < plot->chart->samples;
        span[side] = is_inside ? span_at(plot, series, sample) : nothing;
        line[side] = is_inside ? line_at(plot, series, sample) : nothing;
    }
    for (int row = 0; row < plot->frame.rows; row++) {
        unsigned spans = braille_dots(span[0], row, 0) | braille_dots(span[1], row, 1);
        unsigned lines = braille_dots(line[0], row, 0) | braille_dots(line[1], row, 1);
        /* In a cell of its own the line stays a line; what reaches further shows beside it. */
        if (lines) spans = 0;
        /* Without colours the span differs by its texture: every other row of dots. */
        if (plot->canvas->is_mono) spans &= 0x2d;
        if (!(spans | lines)) continue;
        const struct cell *cell = plot_cell(plot, row, column);
        bool is_braille = cell->glyph > 0x2800 && cell->glyph <= 0x28ff;
        unsigned before = is_braille ? cell->glyph & 0xff : 0;
        plot_put(plot, row, column, 0x2800 | before | spans | lines,
                 lines ? series->line_color : series->span_color);
        if (lines && plot->canvas->is_mono) plot_cell(plot, row, column)->is_bold = true;
    }
}

static void draw_block(const struct plot *plot, const struct chart_series *series, int column) {
    struct stretch span = span_at(plot, series, column), line = line_at(plot, series, column);
    if (span.first <= span.last)
        for (int row = span.first / 8; row <= span.last / 8; row++)
            plot_put(plot, row, column, 0x2591, series->span_color);
    if (line.first > line.last) return;
    for (int row = line.first / 8; row <= line.last / 8; row++)
        plot_put(plot, row, column, 0x2502, series->line_color);
    int level = level_of(plot, (double)series->line[column]);
    plot_put(plot, level / 8, column, 0x2588U - (uint32_t)(level % 8), series->line_color);
}

static void draw_ascii(const struct plot *plot, const struct chart_series *series, int column) {
    struct stretch span = span_at(plot, series, column);
    for (int row = span.first; row <= span.last; row++)
        plot_put(plot, row, column, ':', series->span_color);
    if (!series->line || isnan(series->line[column])) return;
    plot_put(plot, level_of(plot, (double)series->line[column]), column,
             (unsigned char)series->ascii, series->line_color);
}

static void draw_points(const struct plot *plot, const struct chart_series *series) {
    bool is_ascii = plot->canvas->glyphs == GLYPHS_ASCII;
    for (int i = 0; series->points && i < plot->chart->samples; i++) {
        if (isnan(series->points[i])) continue;
        bool is_minor = series->is_minor && series->is_minor[i];
        uint32_t mark = is_ascii ? (unsigned char)series->ascii : series->mark;
        if (is_minor && plot->canvas->is_mono) mark = '+'; /* without colours grey says nothing */
        plot_put(plot, row_of(plot, (double)series->points[i]), sample_column(plot, i), mark,
                 is_minor ? COLOR_DIM : series->line_color);
    }
}

/* ---- axes */

static int y_ticks(const struct plot *plot, double *ticks, int *decimals) {
    const struct chart *chart = plot->chart;
    int max_count = plot->frame.rows / 2;
    if (max_count > MAX_TICKS) max_count = MAX_TICKS;
    if (max_count < 1) max_count = 1;
    *decimals = 2;
    if (chart->is_log) {
        int count = number_log_ticks(chart->low, chart->high, max_count, ticks);
        if (count > 0) return count;
    }
    return number_ticks(chart->low, chart->high, max_count, ticks, decimals);
}

/* decimals < 0: as few as show the value. */
static void tick_text(double tick, int decimals, char *text, size_t size) {
    if (decimals < 0) decimals = tick < 1 ? (int)ceil(-log10(tick) - 1e-9) : 0;
    /* Adding 0 turns -0 into 0. */
    int length = snprintf(text, size, "%.*f", decimals, tick + 0.0);
    if (length > LABEL_COLUMNS) number_fit(tick, LABEL_COLUMNS, 0, text, size);
}

static void draw_y_axis(const struct plot *plot) {
    if (plot->frame.column == 0) return;
    int axis = plot->frame.column - 1;
    for (int row = 0; row < plot->frame.rows; row++)
        canvas_put(plot->canvas, plot->frame.row + row, axis, 0x2502, COLOR_DIM);
    double ticks[MAX_TICKS];
    int decimals, count = y_ticks(plot, ticks, &decimals);
    for (int i = 0; i < count; i++) {
        char text[16];
        tick_text(ticks[i], plot->chart->is_log ? -1 : decimals, text, sizeof text);
        int row = row_of(plot, ticks[i]);
        canvas_text(plot->canvas, plot->frame.row + row, axis - (int)strlen(text), COLOR_DIM, text);
        canvas_put(plot->canvas, plot->frame.row + row, axis, 0x2524, COLOR_DIM);
    }
}

static void draw_x_axis(const struct plot *plot) {
    int row = plot->frame.row + plot->frame.rows;
    if (row >= plot->canvas->rows) return;
    int left = plot->frame.column, columns = plot->frame.columns;
    if (left > 0) canvas_put(plot->canvas, row, left - 1, 0x2514, COLOR_DIM);
    canvas_fill(plot->canvas, row, left, columns, 0x2500, COLOR_DIM);
    int used = left > 0 ? -1 : 0;
    for (int i = 0; i < plot->chart->tick_count; i++) {
        const struct chart_tick *tick = &plot->chart->ticks[i];
        int length = (int)strlen(tick->text);
        int at = (int)(tick->at * (columns - 1) + 0.5) - length / 2;
        if (at + length > columns) at = columns - length;
        if (at < used + (used > 0)) continue;
        canvas_text(plot->canvas, row, left + at, COLOR_DIM, tick->text);
        used = at + length;
    }
}

/* ---- what lies behind and before the lines */

static void draw_background(const struct plot *plot) {
    const struct chart *chart = plot->chart;
    for (int i = 0; chart->verticals && i < chart->samples; i++) {
        if (!chart->verticals[i]) continue;
        for (int row = 0; row < plot->frame.rows; row++)
            plot_put(plot, row, sample_column(plot, i), 0x250a, COLOR_DIM);
    }
    if (isnan(chart->baseline)) return;
    int row = row_of(plot, chart->baseline);
    for (int column = 0; column < plot->frame.columns; column++)
        plot_put(plot, row, column, 0x254c, COLOR_DIM);
}

/* Spans that go on above the axis say so. */
static void draw_overflows(const struct plot *plot) {
    const struct chart *chart = plot->chart;
    for (int s = 0; s < chart->series_count; s++) {
        const struct chart_series *series = &chart->series[s];
        for (int i = 0; series->high && i < chart->samples; i++)
            if ((double)series->high[i] > chart->high * (1 + 1e-6))
                plot_put(plot, 0, sample_column(plot, i), 0x25b2, COLOR_WARNING);
    }
}

static void draw_foreground(const struct plot *plot) {
    const struct chart *chart = plot->chart;
    draw_overflows(plot);
    if (chart->cursor >= 0 && chart->cursor < chart->samples) {
        int column = sample_column(plot, chart->cursor);
        for (int row = 0; row < plot->frame.rows; row++) {
            uint32_t glyph = plot_cell(plot, row, column)->glyph;
            bool is_free =
                glyph == ' ' || glyph == 0 || glyph == glyph_lower(0x250a, plot->canvas->glyphs);
            if (is_free)
                plot_put(plot, row, column, 0x2502, COLOR_STRONG);
            else
                plot_cell(plot, row, column)->is_reverse = true;
        }
    }
    for (int i = 0; chart->alarms && i < chart->samples; i++) {
        if (!chart->alarms[i]) continue;
        plot_put(plot, 0, sample_column(plot, i), chart->alarms[i], COLOR_ALARM);
        plot_cell(plot, 0, sample_column(plot, i))->is_bold = true;
    }
}

void chart_draw(struct canvas *canvas, const struct chart *chart) {
    struct plot plot = {canvas, chart, chart_frame(canvas), 0, 1};
    if (canvas->glyphs == GLYPHS_BRAILLE) plot.per_cell = 4;
    if (canvas->glyphs == GLYPHS_BLOCK) plot.per_cell = 8;
    plot.levels = plot.frame.rows * plot.per_cell;
    if (plot.frame.rows < 1 || plot.frame.columns < 1) return;
    qt_assert(chart->samples <= plot.frame.samples);
    qt_assert(chart->low < chart->high && (!chart->is_log || chart->low > 0));
    draw_y_axis(&plot);
    draw_x_axis(&plot);
    draw_background(&plot);
    for (int i = 0; i < chart->series_count; i++) {
        const struct chart_series *series = &chart->series[i];
        for (int column = 0; column < plot.frame.columns; column++) {
            if (column >= chart->samples) break;
            if (canvas->glyphs == GLYPHS_BRAILLE)
                draw_braille(&plot, series, column);
            else if (canvas->glyphs == GLYPHS_BLOCK)
                draw_block(&plot, series, column);
            else
                draw_ascii(&plot, series, column);
        }
        draw_points(&plot, series);
    }
    draw_foreground(&plot);
}
