/* The log panel: lines by level, following the newest, searched with / n N. */
#include "ui/panel.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ui/draw/format.h"

#define TEXT_COLUMN   16 /* after "00:00:12 error " */
#define TIME_COLUMNS  9
#define ENTRIES_DRAWN 512
#define PAGE          10

struct log_state {
    enum log_level least;
    bool is_held;    /* not following: `bottom` is the newest line shown */
    uint64_t bottom; /* lines are numbered from 0 over the whole run */
    uint64_t match;  /* 1 + line that the search stands on; 0: none */
};

static uint64_t first_line(const struct store *store) {
    return store->lines_total - store->line_count;
}

static const struct store_line *line_of(const struct store *store, uint64_t number) {
    if (number < first_line(store) || number >= store->lines_total) return NULL;
    return store_line_at(store, (size_t)(number - first_line(store)));
}

static bool is_wanted(const struct log_state *state, const struct store_line *line) {
    return line && line->level >= state->least;
}

/* The next wanted line from `number` in steps of +1 or -1 (itself included); false when there is
 * none. */
static bool seek(const struct log_state *state, const struct store *store, uint64_t *number,
                 int step) {
    for (uint64_t at = *number; at >= first_line(store) && at < store->lines_total;
         at += (uint64_t)(int64_t)step) {
        if (is_wanted(state, line_of(store, at))) {
            *number = at;
            return true;
        }
        if (at == 0 && step < 0) break;
    }
    return false;
}

static uint64_t newest(const struct store *store) {
    return store->lines_total ? store->lines_total - 1 : 0;
}

static const char *find(const char *text, const char *pattern) {
    size_t length = strlen(pattern);
    for (; length && *text; text++) {
        size_t i = 0;
        while (i < length && text[i] &&
               tolower((unsigned char)text[i]) == tolower((unsigned char)pattern[i]))
            i++;
        if (i == length) return text;
    }
    return NULL;
}

static void log_title(void *memory, const struct store *store, const struct session *session,
                      char *left, char *right, size_t size) {
    const struct log_state *state = memory;
    static const char *const levels[] = {"[all] warn error", "all [warn] error",
                                         "all warn [error]"};
    snprintf(left, size, "%s", levels[state->least]);
    right[0] = 0;
    if (session->search[0]) {
        size_t matches = 0;
        for (size_t i = 0; i < store->line_count; i++) {
            const struct store_line *line = store_line_at(store, i);
            matches += is_wanted(state, line) && find(line->text, session->search);
        }
        snprintf(right, size, "/%.24s: %zu match%s", session->search, matches,
                 matches == 1 ? "" : "es");
    } else if (state->is_held) {
        snprintf(right, size, "%llu newer  F follow",
                 (unsigned long long)(newest(store) - state->bottom));
    } else {
        snprintf(right, size, "following");
    }
}

static const char *level_word(const struct store_line *line) {
    if (line->is_stderr) return "stderr";
    return line->level == LOG_CRITICAL ? "CRIT" : log_level_name(line->level);
}

static enum color level_color(const struct store_line *line) {
    if (line->level == LOG_INFO) return COLOR_DIM;
    return line->level == LOG_WARNING ? COLOR_WARNING : COLOR_ALARM;
}

/* Bytes of the next row of at most `columns` characters, broken at a space where there is one in
 * its second half. */
static size_t row_length(const char *text, int columns) {
    const char *at = text, *space = NULL;
    int count = 0;
    while (*at && count < columns) {
        if (*at == ' ' && count > columns / 2) space = at;
        utf8_next(&at);
        count++;
    }
    if (*at && *at != ' ' && space) at = space;
    return (size_t)(at - text);
}

/* Rows that a line takes; draws those that are inside when canvas is not NULL. */
static int wrap(struct canvas *canvas, int row, int column, int columns, enum color color,
                const char *text) {
    int rows = 0;
    char part[sizeof((struct store_line *)0)->text];
    if (columns < 1) return 1;
    do {
        size_t length = row_length(text, columns);
        if (canvas) {
            memcpy(part, text, length);
            part[length] = 0;
            canvas_text(canvas, row + rows, column, color, part);
        }
        text += length;
        while (*text == ' ') text++;
        rows++;
    } while (*text);
    return rows;
}

static int text_column(const struct canvas *canvas) {
    return canvas->columns >= 40 ? TEXT_COLUMN : canvas->columns >= 24 ? 6 : 0;
}

static void draw_line(const struct session *session, struct canvas *canvas, int row,
                      const struct store_line *line, bool is_match) {
    int column = text_column(canvas);
    char clock[16];
    const char *level = level_word(line);
    if (column == TEXT_COLUMN) {
        canvas_text(canvas, row, 0, COLOR_DIM, format_clock(line->time, clock, sizeof clock));
        canvas_printf(canvas, row, TIME_COLUMNS, level_color(line), "%.6s", level);
    } else if (column) {
        canvas_printf(canvas, row, 0, level_color(line), "%.5s", level);
    }
    enum color color = line->level >= LOG_ERROR     ? COLOR_ALARM
                       : line->level == LOG_WARNING ? COLOR_WARNING
                                                    : COLOR_TEXT;
    int columns = canvas->columns - column;
    int rows = wrap(canvas, row, column, columns, color, line->text);
    if (line->level == LOG_CRITICAL) canvas_bold(canvas, row, column, columns);
    const char *found = find(line->text, session->search);
    if (found && found - line->text < columns && rows == 1) {
        canvas_reverse(canvas, row, column + (int)(found - line->text),
                       (int)strlen(session->search));
    }
    if (is_match) canvas_bold(canvas, row, 0, canvas->columns);
}

static void log_draw(void *memory, const struct store *store, struct session *session,
                     struct canvas *canvas) {
    struct log_state *state = memory;
    if (canvas->rows < 1 || canvas->columns < 1) return;
    uint64_t numbers[ENTRIES_DRAWN], at = state->is_held ? state->bottom : newest(store);
    int count = 0, rows = 0;
    int columns = canvas->columns - text_column(canvas);
    while (count < ENTRIES_DRAWN && rows < canvas->rows && seek(state, store, &at, -1)) {
        numbers[count++] = at;
        rows += wrap(NULL, 0, 0, columns, COLOR_TEXT, line_of(store, at)->text);
        if (at == 0) break;
        at--;
    }
    if (!count) {
        canvas_text(canvas, 0, 1, COLOR_DIM,
                    store->line_count ? "no lines at this level yet" : "no lines yet");
        return;
    }
    /* The oldest may be cut at the top: its first rows are then above the canvas. */
    int row = rows > canvas->rows ? canvas->rows - rows : 0;
    while (count-- > 0) {
        const struct store_line *line = line_of(store, numbers[count]);
        draw_line(session, canvas, row, line, state->match == numbers[count] + 1);
        row += wrap(NULL, 0, 0, columns, COLOR_TEXT, line->text);
    }
}

static void hold(struct log_state *state, const struct store *store, uint64_t bottom) {
    state->bottom = bottom;
    uint64_t last = newest(store);
    if (!seek(state, store, &last, -1)) last = newest(store);
    state->is_held = bottom < last;
}

static void move(struct log_state *state, const struct store *store, int lines) {
    uint64_t at = state->is_held ? state->bottom : newest(store);
    int step = lines < 0 ? -1 : 1;
    if (!seek(state, store, &at, -1)) return;
    for (; lines; lines -= step) {
        uint64_t next = at + (uint64_t)(int64_t)step;
        if ((at == 0 && step < 0) || !seek(state, store, &next, step)) break;
        at = next;
    }
    hold(state, store, at);
}

/* The next line that matches, round the end; from the newest when the search is new. */
static bool search(struct log_state *state, const struct store *store, const char *pattern,
                   int step) {
    if (!pattern[0]) return false;
    uint64_t first = first_line(store), count = store->line_count;
    if (!count) return true;
    bool is_new = !state->match || state->match - 1 < first;
    uint64_t at = is_new ? newest(store) - first : state->match - 1 - first;
    if (is_new) step = -1;
    for (uint64_t i = is_new ? 0 : 1; i <= count; i++) {
        uint64_t shift = step > 0 ? i : count - i % count;
        uint64_t number = first + (at + shift) % count;
        const struct store_line *line = line_of(store, number);
        if (!is_wanted(state, line) || !find(line->text, pattern)) continue;
        state->match = number + 1;
        hold(state, store, number);
        return true;
    }
    state->match = 0;
    return true;
}

static bool log_act(void *memory, const struct store *store, struct session *session,
                    enum action action) {
    struct log_state *state = memory;
    switch (action) {
    case ACTION_UP:
        move(state, store, -1);
        return true;
    case ACTION_DOWN:
        move(state, store, 1);
        return true;
    case ACTION_PAGE_UP:
        move(state, store, -PAGE);
        return true;
    case ACTION_PAGE_DOWN:
        move(state, store, PAGE);
        return true;
    case ACTION_FIRST:
        move(state, store, -STORE_LOG_LINES);
        move(state, store, PAGE - 1);
        return true;
    case ACTION_LAST:
    case ACTION_FOLLOW:
        state->is_held = false;
        return true;
    case ACTION_FILTER:
        state->least = state->least == LOG_ERROR ? LOG_INFO : (enum log_level)(state->least + 1);
        return true;
    case ACTION_NEXT:
        return search(state, store, session->search, 1);
    case ACTION_PREVIOUS:
        return search(state, store, session->search, -1);
    default:
        return false;
    }
}

const struct panel panel_log = {
    .name = "log",
    .events = 1U << EVENT_EPOCH | 1U << EVENT_EVALUATION | 1U << EVENT_LOG,
    .title = log_title,
    .draw = log_draw,
    .act = log_act,
    .state_size = sizeof(struct log_state),
};
