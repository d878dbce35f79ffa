/* layout: where everything goes on a screen of any size: one pure function.
 *
 *     200x60 and more  full       boxes: curves over log | digits, confusion over system, and
 *                                 below them the ranges
 *     120x40           standard   boxes: curves | digits, ranges, confusion or system | log
 *      80x24           compact    rules in place of boxes; confusion takes the place of the curves,
 *                                 log and system that of the ranges, while focused
 *      40x10           single     the focused panel, with tabs
 *      20x4            lines      three header lines and the keys; a panel where 3 rows are left
 *     smaller          line       as much of one status line as fits
 */
#ifndef UI_DRAW_LAYOUT_H
#define UI_DRAW_LAYOUT_H

#include <stdbool.h>

/* The panels to place. */
enum panel_id {
    PANEL_CURVES,
    PANEL_RANGES,
    PANEL_DIGITS,
    PANEL_CONFUSION,
    PANEL_LOG,
    PANEL_SYSTEM,
    PANELS
};
#define ALL_PANELS ((1U << PANELS) - 1) /* a set of panels has bit 1 << panel for each */

enum layout_kind {
    LAYOUT_LINE,
    LAYOUT_LINES,
    LAYOUT_SINGLE,
    LAYOUT_COMPACT,
    LAYOUT_STANDARD,
    LAYOUT_FULL
};

enum frame_kind { FRAME_NONE, FRAME_RULE, FRAME_BOX };

struct rect {
    int row, column, rows, columns;
};

struct layout {
    enum layout_kind kind;
    enum frame_kind frame;
    struct rect header, tabs, footer; /* empty where there is none */
    struct rect panels[PANELS];       /* with frame; empty when not shown */
    struct rect insides[PANELS];      /* what the panel draws on, within its frame */
};

/* `focus` is always shown; `maximised`: it gets everything between header and footer. */
struct layout layout_make(int columns, int rows, enum panel_id focus, bool maximised);

bool rect_is_empty(struct rect rect);

#endif
