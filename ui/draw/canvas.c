#include "ui/draw/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 1024
#define GREYS    24

static const struct cell blank = {.glyph = ' ', .color = COLOR_TEXT};

uint32_t utf8_next(const char **text) {
    const unsigned char *s = (const unsigned char *)*text;
    if (!s[0]) return 0;
    int length = s[0] < 0x80             ? 1
                 : (s[0] & 0xe0) == 0xc0 ? 2
                 : (s[0] & 0xf0) == 0xe0 ? 3
                 : (s[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t glyph = length == 1 ? s[0] : length ? s[0] & (0x7fU >> length) : 0;
    for (int i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            length = 0;
        else
            glyph = glyph << 6 | (s[i] & 0x3fU);
    }
    if (!length || glyph < smallest[length] || glyph > 0x10ffff) {
        *text += 1;
        return '?';
    }
    *text += length;
    return glyph;
}

size_t utf8_put(uint32_t glyph, char out[4]) {
    if (glyph < 0x80) {
        out[0] = (char)glyph;
        return 1;
    }
    size_t length = glyph < 0x800 ? 2 : glyph < 0x10000 ? 3 : 4;
    static const unsigned char head[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (glyph & 0x3f));
        glyph >>= 6;
    }
    out[0] = (char)(head[length] | glyph);
    return length;
}

/* Ranges whose every glyph is one column wide in all terminals that matter; what text from files
 * and other programs may hold beyond them is not worth a misplaced frame. */
static bool is_narrow(uint32_t glyph) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0x20, 0x7e},     {0xa0, 0xac},     {0xae, 0x2ff},    {0x370, 0x52f},
                  {0x2010, 0x2027}, {0x2030, 0x205e}, {0x2070, 0x20bf}, {0x2100, 0x22ff},
                  {0x2500, 0x25fc}, {0x2800, 0x28ff}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (glyph >= ranges[i].first && glyph <= ranges[i].last) return true;
    }
    return false;
}

static uint32_t ascii_of_block(uint32_t glyph) {
    if (glyph == 0x2580 || glyph == 0x2598 || glyph == 0x259d) return '\'';
    if (glyph >= 0x2581 && glyph <= 0x2583) return '_';
    if (glyph == 0x2584 || glyph == 0x2585) return '=';
    if (glyph >= 0x2586 && glyph <= 0x258b) return '#';
    if (glyph >= 0x258c && glyph <= 0x258f) return '|';
    if (glyph == 0x2591) return '.';
    if (glyph == 0x2592) return ':';
    return '#';
}

static uint32_t ascii_of(uint32_t glyph) {
    static const struct {
        uint32_t glyph;
        char ascii;
    } signs[] = {
        {0xa0, ' '},    {0xb0, 'o'},    {0xb1, '~'},   {0xb2, '2'},   {0xb7, '.'},   {0xd7, 'x'},
        {0xb5, 'u'},    {0x3bc, 'u'},   {0x2010, '-'}, {0x2011, '-'}, {0x2013, '-'}, {0x2014, '-'},
        {0x2018, '\''}, {0x2019, '\''}, {0x201c, '"'}, {0x201d, '"'}, {0x2022, '*'}, {0x2026, '.'},
        {0x2190, '<'},  {0x2191, '^'},  {0x2192, '>'}, {0x2193, 'v'}, {0x2195, '|'}, {0x2212, '-'},
        {0x221e, 'i'},  {0x2248, '~'},  {0x2260, '!'}, {0x2264, '<'}, {0x2265, '>'}, {0x2500, '-'},
        {0x2501, '-'},  {0x2502, '|'},  {0x2503, '|'}, {0x2504, '-'}, {0x2506, '|'}, {0x2508, '-'},
        {0x250a, '|'},  {0x254c, '-'},  {0x254e, '|'}, {0x2550, '='}, {0x2551, '|'}, {0x25a0, '#'},
        {0x25b2, '^'},  {0x25b6, '>'},  {0x25b8, '>'}, {0x25bc, 'v'}, {0x25c0, '<'}, {0x25c2, '<'},
        {0x25c6, '*'},  {0x25cb, 'o'},  {0x25cf, '*'}};
    if (glyph < 0x7f) return glyph;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (signs[i].glyph == glyph) return (uint32_t)signs[i].ascii;
    }
    if (glyph >= 0x250c && glyph <= 0x257f) return '+';
    if (glyph >= 0x2580 && glyph <= 0x259f) return ascii_of_block(glyph);
    if (glyph == 0x2800) return ' ';
    if (glyph > 0x2800 && glyph <= 0x28ff) return '*';
    return '?';
}

uint32_t glyph_lower(uint32_t glyph, enum glyph_level level) {
    if (!glyph) return ' ';
    if (!is_narrow(glyph)) return '?';
    if (level == GLYPHS_ASCII) return ascii_of(glyph);
    if (level == GLYPHS_BLOCK && glyph >= 0x2800 && glyph <= 0x28ff) {
        /* Only by mistake: charts choose by canvas.glyphs. */
        return glyph == 0x2800 ? ' ' : 0xb7;
    }
    return glyph;
}

bool canvas_create(struct canvas *canvas, int rows, int columns) {
    memset(canvas, 0, sizeof *canvas);
    if (rows < 0 || columns < 0 || rows > 10000 || columns > 10000) return false;
    size_t count = (size_t)rows * (size_t)columns;
    canvas->cells = malloc((count ? count : 1) * sizeof *canvas->cells);
    if (!canvas->cells) return false;
    canvas->rows = rows;
    canvas->columns = canvas->stride = columns;
    canvas_clear(canvas);
    return true;
}

void canvas_free(struct canvas *canvas) {
    free(canvas->cells);
    memset(canvas, 0, sizeof *canvas);
}

void canvas_clear(struct canvas *canvas) {
    for (int row = 0; row < canvas->rows; row++) {
        struct cell *cells = canvas->cells + (size_t)row * (size_t)canvas->stride;
        for (int column = 0; column < canvas->columns; column++) cells[column] = blank;
    }
}

static int clamp(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

struct canvas canvas_part(const struct canvas *canvas, int row, int column, int rows, int columns) {
    struct canvas part = *canvas;
    int top = clamp(row, 0, canvas->rows), left = clamp(column, 0, canvas->columns);
    int bottom = clamp(row + (rows > 0 ? rows : 0), top, canvas->rows);
    int right = clamp(column + (columns > 0 ? columns : 0), left, canvas->columns);
    part.rows = bottom - top;
    part.columns = right - left;
    /* An empty part may start past the last cell; it must not be moved there. */
    if (part.rows > 0 && part.columns > 0) {
        part.cells = canvas->cells + (size_t)top * (size_t)canvas->stride + left;
    } else {
        part.rows = part.columns = 0;
    }
    return part;
}

static struct cell *cell_at(struct canvas *canvas, int row, int column) {
    if (row < 0 || row >= canvas->rows || column < 0 || column >= canvas->columns) return NULL;
    return canvas->cells + (size_t)row * (size_t)canvas->stride + column;
}

void canvas_put(struct canvas *canvas, int row, int column, uint32_t glyph, enum color color) {
    struct cell *cell = cell_at(canvas, row, column);
    if (!cell) return;
    *cell = (struct cell){.glyph = glyph_lower(glyph, canvas->glyphs), .color = (uint8_t)color};
}

int canvas_text(struct canvas *canvas, int row, int column, enum color color, const char *text) {
    for (uint32_t glyph; (glyph = utf8_next(&text)) != 0;) {
        canvas_put(canvas, row, column++, glyph, color);
    }
    return column;
}

int canvas_printf(struct canvas *canvas, int row, int column, enum color color, const char *format,
                  ...) {
    char text[MAX_TEXT];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return length < 0 ? column : canvas_text(canvas, row, column, color, text);
}

void canvas_fill(struct canvas *canvas, int row, int column, int columns, uint32_t glyph,
                 enum color color) {
    int end = column + columns < canvas->columns ? column + columns : canvas->columns;
    for (int at = column > 0 ? column : 0; at < end; at++) {
        canvas_put(canvas, row, at, glyph, color);
    }
}

void canvas_bold(struct canvas *canvas, int row, int column, int columns) {
    for (int at = column; at < column + columns && at < canvas->columns; at++) {
        struct cell *cell = cell_at(canvas, row, at);
        if (cell) cell->is_bold = true;
    }
}

void canvas_reverse(struct canvas *canvas, int row, int column, int columns) {
    for (int at = column; at < column + columns && at < canvas->columns; at++) {
        struct cell *cell = cell_at(canvas, row, at);
        if (cell) cell->is_reverse = true;
    }
}

/* Two pixels by glyph alone: their shape where they differ, a shade where they are alike. */
static uint32_t shade(unsigned char upper, unsigned char lower, enum glyph_level level) {
    unsigned mean = (upper + lower + 1U) / 2;
    if (level == GLYPHS_ASCII) {
        static const char ramp[] = " .:-=+*#%@";
        return (uint32_t)ramp[(mean * 9 + 127) / 255];
    }
    bool is_upper = upper >= 112, is_lower = lower >= 112;
    if (is_upper && is_lower) return mean >= 192 ? 0x2588 : 0x2593;
    if (is_upper) return 0x2580;
    if (is_lower) return 0x2584;
    return mean >= 64 ? 0x2592 : mean >= 24 ? 0x2591 : ' ';
}

void canvas_grey(struct canvas *canvas, int row, int column, unsigned char upper,
                 unsigned char lower) {
    if (!canvas->has_greys || canvas->is_mono || canvas->glyphs == GLYPHS_ASCII) {
        canvas_put(canvas, row, column, shade(upper, lower, canvas->glyphs), COLOR_TEXT);
        return;
    }
    canvas_put(canvas, row, column, 0x2580, COLOR_GREY);
    struct cell *cell = cell_at(canvas, row, column);
    if (!cell) return;
    cell->ink = (uint8_t)((upper * (GREYS - 1) + 127) / 255);
    cell->paper = (uint8_t)((lower * (GREYS - 1) + 127) / 255);
}

void canvas_bar(struct canvas *canvas, int row, int column, int columns, double share,
                enum color color) {
    if (!(share > 0) || columns <= 0) return;
    if (share > 1) share = 1;
    if (canvas->glyphs == GLYPHS_ASCII) {
        canvas_fill(canvas, row, column, (int)(share * columns + 0.5), '#', color);
        return;
    }
    int eighths = (int)(share * columns * 8 + 0.5);
    canvas_fill(canvas, row, column, eighths / 8, 0x2588, color);
    /* U+258F is one eighth, U+2589 seven. */
    if (eighths % 8) {
        canvas_put(canvas, row, column + eighths / 8, 0x2590U - (uint32_t)(eighths % 8), color);
    }
}
