/* The ranges panel: what quantization does to every tensor: scale, zero point, range, losses. */
#include "ui/panels/ranges.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/alarms.h"
#include "ui/draw/number.h"
#include "ui/panel.h"

#define DETAIL_ROWS 5  /* below the table, where there is room */
#define LAST_RANK   12 /* of a column */

static const char *const view_names[RANGES_VIEWS] = {"table", "channels", "timeline", "detail"};

/* ---- columns */

enum column {
    COLUMN_GRAPH, /* not shown: the order of the graph */
    COLUMN_NAME,
    COLUMN_KIND,
    COLUMN_SCALE,
    COLUMN_ZERO,
    COLUMN_MIN,
    COLUMN_MAX,
    COLUMN_SATURATION,
    COLUMN_SQNR,
    COLUMN_INT8,
    COLUMN_COST,
    COLUMN_DRIFT,
    COLUMN_HISTOGRAM,
    COLUMN_REQUANT,
    COLUMNS
};

static const struct {
    const char *head, *sort_name;
    int width, rank; /* the highest ranks go first when there is little room */
    bool is_left;
} columns[COLUMNS] = {
    [COLUMN_GRAPH] = {"", "graph", 0, 99, true},
    [COLUMN_NAME] = {"tensor", "name", 0, 0, true},
    [COLUMN_KIND] = {"kind", "kind", 4, 9, true},
    [COLUMN_SCALE] = {"scale", "scale", 8, 1, false},
    [COLUMN_ZERO] = {"zp", "zp", 4, 2, false},
    [COLUMN_MIN] = {"min", "min", 8, 3, false},
    [COLUMN_MAX] = {"max", "max", 8, 4, false},
    [COLUMN_SATURATION] = {"sat%", "sat", 5, 5, false},
    [COLUMN_SQNR] = {"SQNR", "SQNR", 5, 6, false},
    [COLUMN_INT8] = {"INT8", "INT8 SQNR", 5, 7, false},
    [COLUMN_COST] = {"cost%", "cost", 5, 8, false},
    [COLUMN_DRIFT] = {"drift", "drift", 6, 10, false},
    [COLUMN_HISTOGRAM] = {"codes", "", 10, 11, true},
    [COLUMN_REQUANT] = {"requant", "", 16, 12, true},
};

/* Column widths for a table of `room` columns; 0: left out. */
static void fit_columns(int name_width, int room, int widths[COLUMNS]) {
    memset(widths, 0, COLUMNS * sizeof *widths);
    int longest = room / 3 > 8 ? room / 3 : 8;
    widths[COLUMN_NAME] = name_width < longest ? name_width : longest;
    if (widths[COLUMN_NAME] > room - 1) widths[COLUMN_NAME] = room > 1 ? room - 1 : 0;
    int used = 1 + widths[COLUMN_NAME]; /* the sign of the selected row */
    bool fits = true;
    for (int rank = 1; fits && rank <= LAST_RANK; rank++) {
        for (int c = COLUMN_KIND; c < COLUMNS; c++) {
            if (columns[c].rank != rank) continue;
            fits = used + 1 + columns[c].width <= room;
            if (!fits) break;
            widths[c] = columns[c].width;
            used += 1 + widths[c];
        }
    }
    /* What is left over shows more of the histogram. */
    int more = TENSOR_BINS - widths[COLUMN_HISTOGRAM];
    if (more > room - used) more = room - used;
    if (widths[COLUMN_HISTOGRAM] && more > 0) widths[COLUMN_HISTOGRAM] += more;
}

static int name_width(const struct store *store) {
    int widest = 6;
    for (int i = 0; i < store->info->plan->tensor_count; i++) {
        char name[RANGES_NAME];
        int length = (int)strlen(ranges_name(store, i, name));
        if (length > widest) widest = length;
    }
    return widest;
}

/* ---- order */

static double sort_key(const struct store *store, int tensor, enum column column) {
    const struct store_tensor *known = &store->tensors[tensor];
    switch (column) {
    case COLUMN_KIND:
        return store->info->plan->tensors[tensor].kind;
    case COLUMN_SCALE:
        return (double)known->latest.scale;
    case COLUMN_ZERO:
        return known->latest.zero_point;
    case COLUMN_MIN:
        return (double)known->latest.min;
    case COLUMN_MAX:
        return (double)known->latest.max;
    case COLUMN_SATURATION:
        return -(double)known->latest.stats.saturation; /* worst first */
    case COLUMN_SQNR:
        return (double)known->latest.stats.sqnr;
    case COLUMN_INT8:
        return ranges_int8(store, tensor).sqnr;
    case COLUMN_COST:
        return -ranges_int8(store, tensor).cost;
    case COLUMN_DRIFT:
        return -(double)known->latest.drift;
    default:
        return tensor;
    }
}

static int compare(const struct store *store, int a, int b, enum column column) {
    const struct quant_tensor *tensors = store->info->plan->tensors;
    if (column == COLUMN_NAME) {
        int order = strcmp(tensors[a].name, tensors[b].name);
        return order ? order : a - b;
    }
    bool has_a = store->tensors[a].is_known, has_b = store->tensors[b].is_known;
    if (column != COLUMN_GRAPH && column != COLUMN_KIND && has_a != has_b) return has_a ? -1 : 1;
    double x = sort_key(store, a, column), y = sort_key(store, b, column);
    if (isnan(x) != isnan(y)) return isnan(x) ? 1 : -1; /* not measured: last */
    if (x < y) return -1;
    if (x > y) return 1;
    return a - b;
}

static void order_tensors(struct ranges *ranges, const struct store *store) {
    int count = store->info->plan->tensor_count;
    if (ranges->capacity < count) {
        int *order = realloc(ranges->order, (size_t)count * sizeof *order);
        if (!order) return;
        ranges->order = order;
        ranges->capacity = count;
    }
    ranges->count = 0;
    for (int i = 0; i < count; i++) {
        int at = ranges->count++;
        /* Few tensors, nearly in order: insertion is the right sort. */
        for (; at > 0; at--) {
            int sign = compare(store, ranges->order[at - 1], i, (enum column)ranges->sort);
            if ((ranges->is_reversed ? -sign : sign) <= 0) break;
            ranges->order[at] = ranges->order[at - 1];
        }
        ranges->order[at] = i;
    }
}

static int selected_row(const struct ranges *ranges) {
    for (int i = 0; i < ranges->count; i++)
        if (ranges->order[i] == ranges->selected) return i;
    return 0;
}

/* ---- cells of the table */

bool ranges_is_saturated(const struct event_tensor *tensor) {
    return tensor->stats.saturation > ALARM_SATURATION;
}
bool ranges_is_noisy(const struct event_tensor *tensor) {
    return tensor->stats.sqnr < ALARM_SQNR;
}
bool ranges_is_drifting(const struct event_tensor *tensor) {
    return tensor->drift > ALARM_DRIFT;
}

static void put_aligned(struct canvas *canvas, int row, int column, int width, bool is_left,
                        enum color color, const char *text) {
    int length = (int)strlen(text);
    canvas_printf(canvas, row, is_left || length > width ? column : column + width - length, color,
                  "%.*s", width, text);
}

static void cell_text(const struct event_tensor *tensor, enum column column, int width, char *text,
                      size_t size) {
    snprintf(text, size, "--");
    switch (column) {
    case COLUMN_SCALE:
        number_fit((double)tensor->scale, width, 6, text, size);
        break;
    case COLUMN_ZERO:
        snprintf(text, size, "%d", tensor->zero_point);
        break;
    case COLUMN_MIN:
        number_fit((double)tensor->min, width, 3, text, size);
        break;
    case COLUMN_MAX:
        number_fit((double)tensor->max, width, 3, text, size);
        break;
    case COLUMN_SATURATION:
        if (!isnan(tensor->stats.saturation))
            snprintf(text, size, "%.1f%s", 100 * (double)tensor->stats.saturation,
                     ranges_is_saturated(tensor) ? "!" : "");
        break;
    case COLUMN_SQNR:
        if ((double)tensor->stats.sqnr > SQNR_EXACT)
            snprintf(text, size, "exact");
        else if (!isnan(tensor->stats.sqnr))
            snprintf(text, size, "%.1f%s", (double)tensor->stats.sqnr,
                     ranges_is_noisy(tensor) ? "!" : "");
        break;
    case COLUMN_DRIFT:
        if (!isnan(tensor->drift))
            snprintf(text, size, "%.2f%s", (double)tensor->drift,
                     ranges_is_drifting(tensor) ? "!" : "");
        break;
    default:
        text[0] = 0;
    }
}

/* The layer that costs most is marked where its cost stands. */
static enum color int8_text(const struct store *store, int tensor, enum column column, char *text,
                            size_t size) {
    struct ranges_int8 int8 = ranges_int8(store, tensor);
    snprintf(text, size, "--");
    if (column == COLUMN_COST) {
        /* A kernel's is its layer's, which stands beside the output. */
        if (int8.row && isnan(int8.cost)) text[0] = 0;
        if (isnan(int8.cost)) return COLOR_DIM;
        snprintf(text, size, "%.0f%s", 100 * int8.cost, int8.is_costliest ? "*" : "");
        return int8.is_costliest ? COLOR_STRONG : COLOR_TEXT;
    }
    if (isnan(int8.sqnr)) return COLOR_DIM;
    bool is_bad = int8.sqnr < (double)ALARM_SQNR;
    if (int8.sqnr > SQNR_EXACT)
        snprintf(text, size, "exact");
    else
        snprintf(text, size, "%.1f%s", int8.sqnr, is_bad ? "!" : "");
    return is_bad ? COLOR_WARNING : COLOR_TEXT;
}

static enum color cell_color(const struct event_tensor *tensor, enum column column) {
    bool is_bad = (column == COLUMN_SATURATION && ranges_is_saturated(tensor)) ||
                  (column == COLUMN_SQNR && ranges_is_noisy(tensor)) ||
                  (column == COLUMN_DRIFT && ranges_is_drifting(tensor));
    if (is_bad) return COLOR_WARNING;
    return column == COLUMN_SCALE || column == COLUMN_ZERO ? COLOR_STRONG : COLOR_TEXT;
}

static const char *kind_text(const struct quant_tensor *tensor) {
    static const char *const texts[] = {"in", "wgt", "act"};
    return texts[tensor->kind];
}

void ranges_draw_histogram(struct canvas *canvas, int row, int column, int width,
                           const uint8_t histogram[TENSOR_BINS]) {
    static const char ramp[] = " .:-=+*#%@";
    for (int i = 0; i < width; i++) {
        int first = i * TENSOR_BINS / width, last = (i + 1) * TENSOR_BINS / width;
        int highest = 0;
        for (int bin = first; bin < last || bin == first; bin++)
            if (histogram[bin] > highest) highest = histogram[bin];
        uint32_t glyph = ' ';
        /* Any value at all shows: an empty bin is a blank, a rare code is not. */
        if (highest > 0 && canvas->glyphs == GLYPHS_ASCII)
            glyph = (unsigned char)ramp[1 + highest * 8 / 255];
        else if (highest > 0)
            glyph = 0x2581U + (uint32_t)(highest * 7 / 255);
        canvas_put(canvas, row, column + i, glyph, COLOR_BAR);
    }
}

static void draw_row(const struct ranges *ranges, const struct store *store, struct canvas *canvas,
                     int row, int index, const int widths[COLUMNS]) {
    const struct store_tensor *tensor = &store->tensors[index];
    bool is_selected = index == ranges->selected;
    if (is_selected) canvas_put(canvas, row, 0, 0x25b8, COLOR_SELECTED);
    int at = 1;
    for (int c = COLUMN_NAME; c < COLUMNS; c++) {
        if (widths[c] == 0) continue;
        char text[RANGES_NAME] = "";
        enum color color = COLOR_TEXT;
        if (c == COLUMN_NAME) {
            /* A number of channels that is cut would be another number. */
            if ((int)strlen(ranges_name(store, index, text)) > widths[c])
                snprintf(text, sizeof text, "%s", store->info->plan->tensors[index].name);
            if (is_selected) color = COLOR_SELECTED;
        } else if (c == COLUMN_KIND) {
            snprintf(text, sizeof text, "%s", kind_text(&store->info->plan->tensors[index]));
            color = COLOR_DIM;
        } else if (c == COLUMN_REQUANT) {
            ranges_requant_text(store, index, text, sizeof text);
            color = COLOR_DIM;
        } else if (c == COLUMN_INT8 || c == COLUMN_COST) {
            color = int8_text(store, index, (enum column)c, text, sizeof text);
        } else if (!tensor->is_known) {
            snprintf(text, sizeof text, "%s", c == COLUMN_HISTOGRAM ? "" : "--");
            color = COLOR_DIM;
        } else if (c == COLUMN_HISTOGRAM) {
            ranges_draw_histogram(canvas, row, at, widths[c], tensor->latest.stats.histogram);
            at += widths[c] + 1;
            continue;
        } else {
            cell_text(&tensor->latest, (enum column)c, widths[c], text, sizeof text);
            color = cell_color(&tensor->latest, (enum column)c);
        }
        put_aligned(canvas, row, at, widths[c], columns[c].is_left, color, text);
        at += widths[c] + 1;
    }
    if (is_selected) canvas_bold(canvas, row, 0, canvas->columns);
}

static void draw_head(const struct ranges *ranges, struct canvas *canvas,
                      const int widths[COLUMNS]) {
    int at = 1;
    for (int c = COLUMN_NAME; c < COLUMNS; c++) {
        if (widths[c] == 0) continue;
        bool is_sorted = (int)c == ranges->sort;
        put_aligned(canvas, 0, at, widths[c], columns[c].is_left,
                    is_sorted ? COLOR_STRONG : COLOR_DIM, columns[c].head);
        if (is_sorted) canvas_bold(canvas, 0, at, widths[c]);
        at += widths[c] + 1;
    }
}

static void draw_table(struct ranges *ranges, const struct store *store, struct canvas *canvas) {
    int widths[COLUMNS];
    fit_columns(name_width(store), canvas->columns, widths);
    int head = canvas->rows > 2;
    if (head) draw_head(ranges, canvas, widths);
    int room = canvas->rows - head, selected = selected_row(ranges);
    ranges->page = room;
    if (ranges->top > selected) ranges->top = selected;
    if (ranges->top < selected - room + 1) ranges->top = selected - room + 1;
    if (ranges->top > ranges->count - room) ranges->top = ranges->count - room;
    if (ranges->top < 0) ranges->top = 0;
    for (int i = 0; i < room && ranges->top + i < ranges->count; i++)
        draw_row(ranges, store, canvas, head + i, ranges->order[ranges->top + i], widths);
}

/* ---- the panel */

static bool matches(const char *name, const char *pattern) {
    size_t length = strlen(pattern);
    for (; *name; name++) {
        size_t i = 0;
        while (i < length && name[i] &&
               tolower((unsigned char)name[i]) == tolower((unsigned char)pattern[i]))
            i++;
        if (i == length) return true;
    }
    return false;
}

static void draw(void *state, const struct store *store, struct session *session,
                 struct canvas *canvas) {
    struct ranges *ranges = state;
    if (!ranges->is_started) {
        ranges->is_started = true;
        ranges->sort = COLUMN_GRAPH;
    }
    order_tensors(ranges, store);
    if (canvas->rows < 1 || canvas->columns < 1 || ranges->count == 0) return;
    struct canvas below = *canvas;
    switch (ranges->view) {
    case RANGES_CHANNELS:
        ranges_draw_channels(ranges, store, session, canvas);
        return;
    case RANGES_TIMELINE:
        ranges_draw_timeline(ranges, store, canvas);
        return;
    case RANGES_DETAIL:
        ranges_draw_detail(ranges, store, canvas);
        return;
    default:
        break;
    }
    int table_rows = ranges->count + 1;
    bool has_room = canvas->rows >= table_rows + 1 + DETAIL_ROWS && canvas->columns >= 40;
    if (!has_room) {
        draw_table(ranges, store, canvas);
        return;
    }
    struct canvas above = canvas_part(canvas, 0, 0, table_rows, canvas->columns);
    draw_table(ranges, store, &above);
    below = canvas_part(canvas, table_rows + 1, 0, canvas->rows - table_rows - 1, canvas->columns);
    ranges_draw_detail(ranges, store, &below);
}

static void title(void *state, const struct store *store, const struct session *session, char *left,
                  char *right, size_t size) {
    (void)session;
    const struct ranges *ranges = state;
    char costliest[RANGES_NAME] = "";
    if (ranges->view == RANGES_TABLE) (void)ranges_costliest(store, costliest, sizeof costliest);
    snprintf(left, size, "ranges  v:%s%s%s", view_names[ranges->view], *costliest ? "  " : "",
             costliest);
    int count = store->info->plan->tensor_count, last = ranges->top + ranges->page;
    char shown[32] = "";
    if (ranges->page > 0 && ranges->page < count)
        snprintf(shown, sizeof shown, "%d-%d of ", ranges->top + 1, last < count ? last : count);
    snprintf(right, size, "sort:%s%s  %s%d tensors", columns[ranges->sort].sort_name,
             ranges->is_reversed ? " reversed" : "", shown, count);
    if (ranges->view == RANGES_TABLE) return;
    char name[RANGES_NAME];
    if (ranges->selected < store->info->plan->tensor_count)
        snprintf(right, size, "%s", ranges_name(store, ranges->selected, name));
}

static void select_row(struct ranges *ranges, int row) {
    if (ranges->count == 0) return;
    if (row >= ranges->count) row = ranges->count - 1;
    if (row < 0) row = 0;
    ranges->selected = ranges->order[row];
    ranges->channel = 0;
}

static void find(struct ranges *ranges, const struct store *store, const char *pattern, int step) {
    int row = selected_row(ranges);
    for (int i = 1; i <= ranges->count; i++) {
        int at = (row + i * step + i * ranges->count) % ranges->count;
        if (!matches(store->info->plan->tensors[ranges->order[at]].name, pattern)) continue;
        select_row(ranges, at);
        return;
    }
}

static void sort_by(struct ranges *ranges, int step) {
    int last = COLUMN_DRIFT + 1;
    ranges->sort = (ranges->sort + step + last) % last;
}

static bool act(void *state, const struct store *store, struct session *session,
                enum action action) {
    struct ranges *ranges = state;
    order_tensors(ranges, store);
    int row = selected_row(ranges), page = ranges->page > 1 ? ranges->page : 1;
    switch (action) {
    case ACTION_UP:
        select_row(ranges, row - 1);
        return true;
    case ACTION_DOWN:
        select_row(ranges, row + 1);
        return true;
    case ACTION_PAGE_UP:
        select_row(ranges, row - page);
        return true;
    case ACTION_PAGE_DOWN:
        select_row(ranges, row + page);
        return true;
    case ACTION_FIRST:
        select_row(ranges, 0);
        return true;
    case ACTION_LAST:
        select_row(ranges, ranges->count - 1);
        return true;
    case ACTION_LEFT:
        if (ranges->channel > 0) ranges->channel--;
        return ranges->view == RANGES_CHANNELS;
    case ACTION_RIGHT:
        if (ranges->channel + 1 < store->info->plan->tensors[ranges->selected].channels)
            ranges->channel++;
        return ranges->view == RANGES_CHANNELS;
    case ACTION_ENTER:
        ranges->view = ranges->view == RANGES_DETAIL ? RANGES_TABLE : RANGES_DETAIL;
        return true;
    case ACTION_VIEW:
        ranges->view = (ranges->view + 1) % RANGES_VIEWS;
        return true;
    case ACTION_SORT_RIGHT:
        sort_by(ranges, 1);
        return true;
    case ACTION_SORT_LEFT:
        sort_by(ranges, -1);
        return true;
    case ACTION_REVERSE_SORT:
        ranges->is_reversed = !ranges->is_reversed;
        return true;
    case ACTION_NEXT:
    case ACTION_PREVIOUS:
        if (!session->search[0]) return false;
        find(ranges, store, session->search, action == ACTION_NEXT ? 1 : -1);
        return true;
    default:
        return false;
    }
}

static void release(void *state) {
    struct ranges *ranges = state;
    ranges_free(ranges);
}

const struct panel panel_ranges = {
    .name = "ranges",
    .events = 1U << EVENT_TENSOR | 1U << EVENT_EPOCH | 1U << EVENT_EVALUATION,
    .title = title,
    .draw = draw,
    .act = act,
    .state_size = sizeof(struct ranges),
    .release = release,
};
