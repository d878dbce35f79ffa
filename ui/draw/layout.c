#include "ui/draw/layout.h"

#include <string.h>

#define MAX_PARTS 3 /* that one area is divided into */

/* One part of a divided area: a panel, its size at the layout's smallest screen, and its share of
 * whatever is more. */
struct part {
    enum panel_id panel; /* PANELS: a band of several */
    int base, growth;
};

bool rect_is_empty(struct rect rect) {
    return rect.rows <= 0 || rect.columns <= 0;
}

/* Sizes for the parts that add up to `total`. */
static void divide(int total, const struct part *parts, int count, int *sizes) {
    int left = total, growth = 0;
    for (int i = 0; i < count; i++) {
        sizes[i] = parts[i].base < left ? parts[i].base : left;
        left -= sizes[i];
        growth += parts[i].growth;
    }
    int extra = left;
    for (int i = 0; i < count; i++) {
        int more = extra * parts[i].growth / growth;
        sizes[i] += more;
        left -= more;
    }
    sizes[0] += left;
}

static void place(struct layout *layout, const struct part *parts, int count,
                  const struct rect *rects) {
    for (int i = 0; i < count; i++)
        if (parts[i].panel != PANELS) layout->panels[parts[i].panel] = rects[i];
}

/* Parts below each other; what becomes of each in rects. */
static void divide_rows(struct layout *layout, struct rect area, const struct part *parts,
                        int count, struct rect *rects) {
    int sizes[MAX_PARTS];
    divide(area.rows, parts, count, sizes);
    for (int i = 0, row = area.row; i < count; row += sizes[i++])
        rects[i] = (struct rect){row, area.column, sizes[i], area.columns};
    place(layout, parts, count, rects);
}

/* Parts side by side. */
static void divide_columns(struct layout *layout, struct rect area, const struct part *parts,
                           int count, struct rect *rects) {
    int sizes[MAX_PARTS];
    divide(area.columns, parts, count, sizes);
    for (int i = 0, column = area.column; i < count; column += sizes[i++])
        rects[i] = (struct rect){area.row, column, area.rows, sizes[i]};
    place(layout, parts, count, rects);
}

static void make_full(struct layout *layout, struct rect body) {
    static const struct part across[] = {{PANELS, 96, 3}, {PANELS, 104, 1}};
    static const struct part left[] = {{PANEL_CURVES, 43, 1}, {PANEL_LOG, 14, 2}};
    static const struct part right[] = {{PANELS, 42, 1}, {PANEL_RANGES, 15, 2}};
    static const struct part above[] = {{PANEL_DIGITS, 59, 0}, {PANELS, 45, 1}};
    static const struct part corner[] = {{PANEL_CONFUSION, 26, 1}, {PANEL_SYSTEM, 16, 0}};
    struct rect halves[2], rows[2], columns[2], stack[2];
    divide_columns(layout, body, across, 2, halves);
    divide_rows(layout, halves[0], left, 2, rows);
    divide_rows(layout, halves[1], right, 2, rows);
    divide_columns(layout, rows[0], above, 2, columns);
    divide_rows(layout, columns[1], corner, 2, stack);
}

static void make_standard(struct layout *layout, struct rect body, enum panel_id focus) {
    static const struct part down[] = {{PANELS, 16, 2}, {PANEL_RANGES, 8, 2}, {PANELS, 13, 1}};
    static const struct part top[] = {{PANEL_CURVES, 72, 1}, {PANEL_DIGITS, 48, 0}};
    const struct part bottom[] = {{focus == PANEL_SYSTEM ? PANEL_SYSTEM : PANEL_CONFUSION, 46, 0},
                                  {PANEL_LOG, 74, 1}};
    struct rect bands[3], columns[2];
    divide_rows(layout, body, down, 3, bands);
    divide_columns(layout, bands[0], top, 2, columns);
    divide_columns(layout, bands[2], bottom, 2, columns);
}

static void make_compact(struct layout *layout, struct rect body, enum panel_id focus) {
    bool is_tall = body.rows >= 33; /* room for the log below the ranges */
    enum panel_id left = focus == PANEL_CONFUSION ? PANEL_CONFUSION : PANEL_CURVES;
    enum panel_id low = focus == PANEL_SYSTEM ? PANEL_SYSTEM : PANEL_LOG;
    enum panel_id middle = is_tall || focus != low ? PANEL_RANGES : low;
    const struct part down[] = {{PANELS, 15, 2}, {middle, 6, 2}, {low, 10, 3}};
    const struct part top[] = {{left, 49, 1}, {PANEL_DIGITS, 31, 0}};
    struct rect bands[3], columns[2];
    divide_rows(layout, body, down, is_tall ? 3 : 2, bands);
    divide_columns(layout, bands[0], top, 2, columns);
}

static struct rect inside(struct rect rect, enum frame_kind frame, int screen_columns) {
    if (rect_is_empty(rect)) return (struct rect){rect.row, rect.column, 0, 0};
    if (frame == FRAME_BOX) {
        rect = (struct rect){rect.row + 1, rect.column + 1, rect.rows - 2, rect.columns - 2};
    } else if (frame == FRAME_RULE) {
        /* The last column of all but the rightmost panel holds a line. */
        bool is_last = rect.column + rect.columns >= screen_columns;
        rect = (struct rect){rect.row + 1, rect.column, rect.rows - 1, rect.columns - !is_last};
    }
    if (rect.rows < 0) rect.rows = 0;
    if (rect.columns < 0) rect.columns = 0;
    return rect;
}

static enum layout_kind kind_of(int columns, int rows) {
    if (columns >= 200 && rows >= 60) return LAYOUT_FULL;
    if (columns >= 120 && rows >= 40) return LAYOUT_STANDARD;
    if (columns >= 80 && rows >= 24) return LAYOUT_COMPACT;
    if (columns >= 40 && rows >= 10) return LAYOUT_SINGLE;
    if (columns >= 20 && rows >= 4) return LAYOUT_LINES;
    return LAYOUT_LINE;
}

struct layout layout_make(int columns, int rows, enum panel_id focus, bool maximised) {
    struct layout layout;
    memset(&layout, 0, sizeof layout);
    if (columns <= 0 || rows <= 0) return layout;
    layout.kind = kind_of(columns, rows);
    static const int header_rows[] = {
        [LAYOUT_LINE] = 0,    [LAYOUT_LINES] = 3,    [LAYOUT_SINGLE] = 1,
        [LAYOUT_COMPACT] = 2, [LAYOUT_STANDARD] = 2, [LAYOUT_FULL] = 2};
    int header = layout.kind == LAYOUT_LINE ? rows : header_rows[layout.kind];
    layout.header = (struct rect){0, 0, header, columns};
    if (layout.kind == LAYOUT_LINE) return layout;
    layout.footer = (struct rect){rows - 1, 0, 1, columns};
    struct rect body = {header, 0, rows - header - 1, columns};
    if (layout.kind == LAYOUT_LINES) {
        if (body.rows >= 3)
            layout.panels[focus] = body;
        else
            layout.header.rows = rows - 1;
    } else if (layout.kind == LAYOUT_SINGLE) {
        layout.tabs = (struct rect){header, 0, 1, columns};
        layout.panels[focus] = (struct rect){header + 1, 0, body.rows - 1, columns};
    } else {
        layout.frame = layout.kind == LAYOUT_COMPACT ? FRAME_RULE : FRAME_BOX;
        if (maximised)
            layout.panels[focus] = body;
        else if (layout.kind == LAYOUT_COMPACT)
            make_compact(&layout, body, focus);
        else if (layout.kind == LAYOUT_STANDARD)
            make_standard(&layout, body, focus);
        else
            make_full(&layout, body);
    }
    for (int i = 0; i < PANELS; i++) {
        layout.insides[i] = inside(layout.panels[i], layout.frame, columns);
    }
    return layout;
}
