#include "ui/draw/layout.h"

#include <string.h>

#define MOST 4 /* parts that one area is divided into */

/* One part of a divided area: a panel, its size at the layout's smallest screen, and its share of
 * whatever is more. */
struct part {
    enum panel_id panel; /* PANELS: a band of several */
    int base, growth;
    bool is_shown;
};

bool rect_is_empty(struct rect rect) {
    return rect.rows <= 0 || rect.columns <= 0;
}

static bool has(unsigned visible, enum panel_id panel) {
    return visible & 1U << panel;
}

/* Sizes for the shown parts that add up to `total`. */
static void divide(int total, const struct part *parts, int count, int *sizes) {
    int left = total, growth = 0, first = -1;
    for (int i = 0; i < count; i++) {
        sizes[i] = 0;
        if (!parts[i].is_shown) continue;
        if (first < 0) first = i;
        sizes[i] = parts[i].base < left ? parts[i].base : left;
        left -= sizes[i];
        growth += parts[i].growth;
    }
    if (first < 0) return;
    int extra = left;
    for (int i = 0; i < count && growth; i++) {
        if (!parts[i].is_shown) continue;
        int more = extra * parts[i].growth / growth;
        sizes[i] += more;
        left -= more;
    }
    sizes[first] += left;
}

static void divide_rows(struct rect area, const struct part *parts, int count, struct rect *rects) {
    int sizes[MOST];
    divide(area.rows, parts, count, sizes);
    for (int i = 0, row = area.row; i < count; row += sizes[i++]) {
        rects[i] = (struct rect){row, area.column, sizes[i], area.columns};
    }
}

static void divide_columns(struct rect area, const struct part *parts, int count,
                           struct rect *rects) {
    int sizes[MOST];
    divide(area.columns, parts, count, sizes);
    for (int i = 0, column = area.column; i < count; column += sizes[i++]) {
        rects[i] = (struct rect){area.row, column, area.rows, sizes[i]};
    }
}

static void place(struct layout *layout, const struct part *parts, int count,
                  const struct rect *rects) {
    for (int i = 0; i < count; i++) {
        if (parts[i].panel != PANELS && parts[i].is_shown) {
            layout->panels[parts[i].panel] = rects[i];
        }
    }
}

static void make_full(struct layout *layout, struct rect body, unsigned visible) {
    struct rect halves[2], rows[2], columns[2], stack[2];
    bool curves = has(visible, PANEL_CURVES), ranges = has(visible, PANEL_RANGES);
    bool log = has(visible, PANEL_LOG), confusion = has(visible, PANEL_CONFUSION);
    bool system = has(visible, PANEL_SYSTEM), digits = has(visible, PANEL_DIGITS);
    bool top = digits || confusion || system;
    const struct part across[] = {{PANELS, 96, 3, curves || log}, {PANELS, 104, 1, top || ranges}};
    const struct part left[] = {{PANEL_CURVES, 43, 1, curves}, {PANEL_LOG, 14, 2, log}};
    const struct part right[] = {{PANELS, 42, 1, top}, {PANEL_RANGES, 15, 2, ranges}};
    const struct part above[] = {{PANEL_DIGITS, 59, 0, digits},
                                 {PANELS, 45, 1, confusion || system}};
    const struct part corner[] = {{PANEL_CONFUSION, 26, 1, confusion},
                                  {PANEL_SYSTEM, 16, 0, system}};
    divide_columns(body, across, 2, halves);
    divide_rows(halves[0], left, 2, rows);
    place(layout, left, 2, rows);
    divide_rows(halves[1], right, 2, rows);
    place(layout, right, 2, rows);
    divide_columns(rows[0], above, 2, columns);
    place(layout, above, 2, columns);
    divide_rows(columns[1], corner, 2, stack);
    place(layout, corner, 2, stack);
}

static void make_standard(struct layout *layout, struct rect body, unsigned visible,
                          enum panel_id focus) {
    struct rect bands[3], columns[2];
    bool curves = has(visible, PANEL_CURVES), digits = has(visible, PANEL_DIGITS);
    bool log = has(visible, PANEL_LOG), confusion = has(visible, PANEL_CONFUSION);
    bool system = has(visible, PANEL_SYSTEM) && (focus == PANEL_SYSTEM || !confusion);
    confusion = confusion && !system;
    const struct part down[] = {{PANELS, 16, 2, curves || digits},
                                {PANEL_RANGES, 8, 2, has(visible, PANEL_RANGES)},
                                {PANELS, 13, 1, confusion || system || log}};
    const struct part top[] = {{PANEL_CURVES, 72, 1, curves}, {PANEL_DIGITS, 48, 0, digits}};
    const struct part bottom[] = {
        {system ? PANEL_SYSTEM : PANEL_CONFUSION, 46, 0, confusion || system},
        {PANEL_LOG, 74, 1, log}};
    divide_rows(body, down, 3, bands);
    place(layout, down, 3, bands);
    divide_columns(bands[0], top, 2, columns);
    place(layout, top, 2, columns);
    divide_columns(bands[2], bottom, 2, columns);
    place(layout, bottom, 2, columns);
}

static void make_compact(struct layout *layout, struct rect body, unsigned visible,
                         enum panel_id focus) {
    struct rect bands[3], columns[2];
    enum panel_id left =
        focus == PANEL_CONFUSION || !has(visible, PANEL_CURVES) ? PANEL_CONFUSION : PANEL_CURVES;
    bool is_tall = body.rows >= 33; /* room for the log below the ranges */
    enum panel_id low =
        focus == PANEL_SYSTEM || !has(visible, PANEL_LOG) ? PANEL_SYSTEM : PANEL_LOG;
    enum panel_id middle = PANEL_RANGES;
    if (!is_tall && (focus == PANEL_LOG || focus == PANEL_SYSTEM || !has(visible, PANEL_RANGES))) {
        middle = low;
    }
    bool digits = has(visible, PANEL_DIGITS);
    const struct part down[] = {{PANELS, 15, 2, has(visible, left) || digits},
                                {middle, 6, 2, has(visible, middle)},
                                {low, 10, 3, is_tall && has(visible, low)}};
    const struct part top[] = {{left, 49, 1, has(visible, left)}, {PANEL_DIGITS, 31, 0, digits}};
    divide_rows(body, down, 3, bands);
    place(layout, down, 3, bands);
    divide_columns(bands[0], top, 2, columns);
    place(layout, top, 2, columns);
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

struct layout layout_make(int columns, int rows, unsigned visible, enum panel_id focus,
                          bool maximised) {
    struct layout layout;
    memset(&layout, 0, sizeof layout);
    if (columns <= 0 || rows <= 0) return layout;
    layout.kind = kind_of(columns, rows);
    visible |= 1U << focus;
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
            make_compact(&layout, body, visible, focus);
        else if (layout.kind == LAYOUT_STANDARD)
            make_standard(&layout, body, visible, focus);
        else
            make_full(&layout, body, visible);
    }
    for (int i = 0; i < PANELS; i++) {
        layout.insides[i] = inside(layout.panels[i], layout.frame, columns);
    }
    return layout;
}
