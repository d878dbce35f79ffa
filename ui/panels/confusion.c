/* The confusion panel: which digits are mistaken for which; row = truth, column = prediction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/panel.h"

#define MAX_BAR   40
#define MAX_PAIRS 10

enum view { VIEW_INT8, VIEW_QAT, VIEW_FP32, VIEW_CHANGE, VIEWS };
static const char *const view_names[VIEWS] = {"INT8", "QAT", "FP32", "INT8 - FP32"};

struct confusion {
    enum view view;
    bool has_selection; /* else the worst pair is the one that Enter takes */
    int truth, predicted;
};

static enum precision precision_of(enum view view) {
    return view == VIEW_QAT ? PRECISION_QAT : view == VIEW_FP32 ? PRECISION_FP32 : PRECISION_INT8;
}

/* A count, or its change from FP32 to INT8. */
static int value_of(const struct evaluation *evaluation, enum view view, int truth, int predicted) {
    int value = (int)evaluation_confused(evaluation, precision_of(view), truth, predicted);
    if (view == VIEW_CHANGE)
        value -= (int)evaluation_confused(evaluation, PRECISION_FP32, truth, predicted);
    return value;
}

static int row_total(const struct evaluation *evaluation, enum view view, int truth) {
    int total = 0;
    for (int i = 0; i < evaluation->classes; i++)
        total += (int)evaluation_confused(evaluation, precision_of(view), truth, i);
    return total;
}

struct pair {
    int truth, predicted, value;
};

/* The most frequent mistake (of the change: the one that grew most); value 0 when there is none. */
static struct pair worst_pair(const struct evaluation *evaluation, enum view view) {
    struct pair worst = {0, 1, 0};
    for (int i = 0; i < evaluation->classes; i++) {
        for (int j = 0; j < evaluation->classes; j++) {
            int value = value_of(evaluation, view, i, j);
            if (i != j && value > worst.value) worst = (struct pair){i, j, value};
        }
    }
    return worst;
}

static struct pair selected_pair(const struct confusion *confusion,
                                 const struct evaluation *evaluation) {
    if (!confusion->has_selection && evaluation) return worst_pair(evaluation, confusion->view);
    struct pair pair = {confusion->truth, confusion->predicted, 0};
    if (evaluation) pair.value = value_of(evaluation, confusion->view, pair.truth, pair.predicted);
    return pair;
}

/* ---- drawing */

static void cell_text(const struct evaluation *evaluation, enum view view, int truth, int predicted,
                      int width, char *text, size_t size) {
    int value = value_of(evaluation, view, truth, predicted);
    if (view == VIEW_CHANGE) {
        if (value == 0)
            snprintf(text, size, ".");
        else
            snprintf(text, size, "%+d", value);
    } else if (truth == predicted) {
        int total = row_total(evaluation, view, truth);
        double recall = total > 0 ? 100.0 * value / total : 0;
        if (total == 0)
            snprintf(text, size, "--");
        else if (width >= 6)
            snprintf(text, size, value == total ? "100%%" : "%.1f%%", recall);
        /* Cut, not rounded: 100 means all of them. */
        else if (value == total)
            snprintf(text, size, "100");
        else
            snprintf(text, size, width >= 4 ? "%d%%" : "%d", (int)recall);
    } else if (value == 0) {
        snprintf(text, size, "%s", width > 2 ? "." : ""); /* ".96" would read as a share */
    } else {
        snprintf(text, size, "%d", value);
    }
    if ((int)strlen(text) > width - (width > 2)) {
        if ((int)strlen(text) > width) snprintf(text, size, "%s", "++");
        if (width < 2) snprintf(text, size, "+");
    }
}

static enum color cell_color(const struct evaluation *evaluation, enum view view, int truth,
                             int predicted, int worst) {
    int value = value_of(evaluation, view, truth, predicted);
    if (view == VIEW_CHANGE) {
        if (value == 0) return COLOR_DIM;
        return (value > 0) == (truth == predicted) ? COLOR_OK : COLOR_WARNING;
    }
    if (truth == predicted) return COLOR_OK;
    if (value == 0) return COLOR_DIM;
    if (value == worst) return COLOR_ALARM;
    return 2 * value >= worst ? COLOR_WARNING : COLOR_TEXT;
}

/* The first of `count` that shows where `room` of them fit, so that the selected one is among them.
 */
static int first_shown(int selected, int room, int count) {
    if (room >= count) return 0;
    int first = selected - room / 2;
    if (first > count - room) first = count - room;
    return first > 0 ? first : 0;
}

/* Columns that the name of a class takes. */
static int head_columns(int classes) {
    return classes > 100 ? 4 : classes > 10 ? 3 : 2;
}

/* Of one column: as wide as fits, but wide enough to read. */
static int cell_width(const struct canvas *canvas, int classes) {
    int width = (canvas->columns - head_columns(classes)) / classes, least = classes > 10 ? 3 : 1;
    return width > 6 ? 6 : width < least ? least : width;
}

static void draw_matrix(const struct confusion *confusion, const struct evaluation *evaluation,
                        struct canvas *canvas, struct pair selected) {
    int classes = evaluation->classes, side = head_columns(classes);
    int width = cell_width(canvas, classes), fit = (canvas->columns - side) / width;
    if (fit < 1) return;
    int worst = worst_pair(evaluation, confusion->view).value;
    int head = canvas->rows > 1 ? 1 : 0, room = canvas->rows - head;
    int left = first_shown(selected.predicted, fit, classes);
    int right = left + fit < classes ? left + fit : classes;
    for (int j = left; head && j < right; j++) {
        bool is_selected = confusion->has_selection && j == selected.predicted;
        char name[12];
        snprintf(name, sizeof name, "%d", j);
        canvas_text(canvas, 0, side + (j - left + 1) * width - (int)strlen(name),
                    is_selected ? COLOR_STRONG : COLOR_DIM, name);
    }
    int first = first_shown(selected.truth, room, classes);
    for (int i = first; i < classes && i < first + room; i++) {
        int row = head + i - first;
        bool is_row = confusion->has_selection && i == selected.truth;
        canvas_printf(canvas, row, 0, is_row ? COLOR_STRONG : COLOR_DIM, "%d", i);
        for (int j = left; j < right; j++) {
            char text[16];
            cell_text(evaluation, confusion->view, i, j, width, text, sizeof text);
            int length = (int)strlen(text), at = side + (j - left + 1) * width - length;
            enum color color = cell_color(evaluation, confusion->view, i, j, worst);
            canvas_text(canvas, row, at, color, text);
            if (color == COLOR_ALARM || color == COLOR_WARNING)
                canvas_bold(canvas, row, at, length);
            if (i == selected.truth && j == selected.predicted && confusion->has_selection)
                canvas_reverse(canvas, row, side + (j - left) * width + (width > 2),
                               width - (width > 2));
        }
    }
}

static void draw_foot(const struct confusion *confusion, const struct evaluation *evaluation,
                      struct canvas *canvas, int row, struct pair pair) {
    bool is_change = confusion->view == VIEW_CHANGE;
    if (!confusion->has_selection && pair.value == 0) {
        canvas_text(canvas, row, 0, COLOR_DIM, is_change ? "no pair grew" : "no mistakes");
        return;
    }
    int at = 0;
    if (!confusion->has_selection) at = canvas_text(canvas, row, 0, COLOR_DIM, "worst ");
    at = canvas_printf(canvas, row, at, COLOR_STRONG, "%d -> %d", pair.truth, pair.predicted);
    if (is_change) {
        at = canvas_printf(canvas, row, at, COLOR_TEXT, "  %+d", pair.value);
    } else {
        at = canvas_printf(canvas, row, at, COLOR_TEXT, "  %d of %d", pair.value,
                           row_total(evaluation, confusion->view, pair.truth));
    }
    if (at + 18 <= canvas->columns)
        canvas_text(canvas, row, canvas->columns - 17, COLOR_DIM, "Enter: show them");
}

/* The most frequent mistakes in order, into pairs[max_count]; returns how many there are. */
static int worst_pairs(const struct evaluation *evaluation, enum view view, struct pair *pairs,
                       int max_count) {
    int count = 0;
    for (int i = 0; i < evaluation->classes; i++) {
        for (int j = 0; j < evaluation->classes; j++) {
            struct pair pair = {i, j, value_of(evaluation, view, i, j)};
            if (i == j || pair.value <= 0) continue;
            if (count == max_count && pair.value <= pairs[count - 1].value) continue;
            int at = count < max_count ? count++ : count - 1;
            for (; at > 0 && pairs[at - 1].value < pair.value; at--) pairs[at] = pairs[at - 1];
            pairs[at] = pair;
        }
    }
    return count;
}

/* Below the matrix: what is mistaken most on the left; recall and precision on the right. */
static void draw_tables(const struct evaluation *evaluation, enum view view,
                        struct canvas *canvas) {
    struct pair pairs[MAX_PAIRS];
    int count = worst_pairs(evaluation, view, pairs, MAX_PAIRS);
    bool is_change = view == VIEW_CHANGE;
    bool has_classes = !is_change && canvas->columns >= 40;
    int bar = (has_classes ? canvas->columns - 22 : canvas->columns) - 14;
    if (bar > MAX_BAR) bar = MAX_BAR;
    canvas_text(canvas, 0, 0, COLOR_DIM, is_change ? "grew most" : "worst pairs");
    for (int i = 0; i < count; i++) {
        canvas_printf(canvas, 1 + i, 0, COLOR_TEXT, "%d -> %d  %4d", pairs[i].truth,
                      pairs[i].predicted, pairs[i].value);
        canvas_bar(canvas, 1 + i, 13, bar, (double)pairs[i].value / pairs[0].value, COLOR_WARNING);
    }
    if (!has_classes) return;
    int column = 13 + bar + 2;
    canvas_text(canvas, 0, column, COLOR_DIM, "%   recall  precision");
    for (int i = 0; i < evaluation->classes && 1 + i < canvas->rows; i++) {
        int right = value_of(evaluation, view, i, i), truths = 0, predictions = 0;
        for (int j = 0; j < evaluation->classes; j++) {
            truths += value_of(evaluation, view, i, j);
            predictions += value_of(evaluation, view, j, i);
        }
        canvas_printf(canvas, 1 + i, column, COLOR_DIM, "%d", i);
        const int totals[] = {truths, predictions};
        for (int which = 0; which < 2; which++) {
            int at = column + (which ? 15 : 4);
            if (totals[which])
                canvas_printf(canvas, 1 + i, at, COLOR_TEXT, "%6.2f",
                              100.0 * right / totals[which]);
            else
                canvas_text(canvas, 1 + i, at, COLOR_DIM, "    --");
        }
    }
}

/* Too narrow for a matrix: the most frequent mistakes, one a row. */
static void draw_list(const struct confusion *confusion, const struct evaluation *evaluation,
                      struct canvas *canvas) {
    int limit = 1 << 30, last = -1, classes = evaluation->classes;
    for (int row = 0; row < canvas->rows; row++) {
        int best = 0, best_at = -1;
        for (int at = 0; at < classes * classes; at++) {
            int value = value_of(evaluation, confusion->view, at / classes, at % classes);
            bool is_left = value < limit || (value == limit && at > last);
            if (at / classes == at % classes || !is_left || value <= best) continue;
            best = value;
            best_at = at;
        }
        if (best_at < 0) return;
        canvas_printf(canvas, row, 0, row ? COLOR_TEXT : COLOR_ALARM, "%d>%d %d", best_at / classes,
                      best_at % classes, best);
        limit = best;
        last = best_at;
    }
}

static void draw(void *state, const struct store *store, struct session *session,
                 struct canvas *canvas) {
    const struct confusion *confusion = state;
    const struct evaluation *evaluation = store_evaluation(store, session->evaluation);
    if (canvas->rows < 1 || canvas->columns < 1) return;
    if (!evaluation) {
        canvas_text(canvas, canvas->rows / 2, (canvas->columns - 17) / 2, COLOR_DIM,
                    "no evaluation yet");
        return;
    }
    int classes = evaluation->classes;
    if (canvas->columns < 2 + (classes < 10 ? classes : 10) * 2) {
        draw_list(confusion, evaluation, canvas);
        return;
    }
    struct pair selected = selected_pair(confusion, evaluation);
    /* The line below goes first, then the line of digits above, then rows. */
    bool has_foot = canvas->rows >= classes + 2 || (canvas->rows >= 3 && canvas->rows <= classes);
    struct canvas matrix = canvas_part(canvas, 0, 0, canvas->rows - has_foot, canvas->columns);
    if (matrix.rows > classes + 1) matrix.rows = classes + 1;
    draw_matrix(confusion, evaluation, &matrix, selected);
    if (has_foot) draw_foot(confusion, evaluation, canvas, matrix.rows, selected);
    int below = matrix.rows + 2;
    if (canvas->rows < below + 4 || canvas->columns < 20) return;
    struct canvas tables = canvas_part(canvas, below, 0, canvas->rows - below, canvas->columns);
    draw_tables(evaluation, confusion->view, &tables);
}

static void title(void *state, const struct store *store, const struct session *session, char *left,
                  char *right, size_t size) {
    const struct confusion *confusion = state;
    const struct evaluation *evaluation = store_evaluation(store, session->evaluation);
    snprintf(left, size, "confusion %s", view_names[confusion->view]);
    right[0] = 0;
    if (!evaluation) return;
    const char *later = session->evaluation >= 0 ? " )" : "";
    if (evaluation->is_whole)
        snprintf(right, size, "row=y  step %llu%s", (unsigned long long)evaluation->step, later);
    else
        snprintf(right, size, "step %llu, first %zu%s", (unsigned long long)evaluation->step,
                 evaluation->count, later);
}

/* ---- keys */

static void move(struct confusion *confusion, const struct evaluation *evaluation, int down,
                 int right) {
    if (!confusion->has_selection) {
        struct pair worst = selected_pair(confusion, evaluation);
        confusion->truth = worst.truth;
        confusion->predicted = worst.predicted;
        confusion->has_selection = true;
        return;
    }
    int classes = evaluation ? evaluation->classes : 1;
    confusion->truth = (confusion->truth + down + classes) % classes;
    confusion->predicted = (confusion->predicted + right + classes) % classes;
}

static void show_pair(const struct confusion *confusion, const struct evaluation *evaluation,
                      struct session *session) {
    struct pair pair = selected_pair(confusion, evaluation);
    session->pair_truth = pair.truth;
    session->pair_predicted = pair.predicted;
    session->pair_precision = precision_of(confusion->view);
    session->wants_focus = PANEL_DIGITS;
}

static bool act(void *state, const struct store *store, struct session *session,
                enum action action) {
    struct confusion *confusion = state;
    const struct evaluation *evaluation = store_evaluation(store, session->evaluation);
    switch (action) {
    case ACTION_UP:
        move(confusion, evaluation, -1, 0);
        return true;
    case ACTION_DOWN:
        move(confusion, evaluation, 1, 0);
        return true;
    case ACTION_LEFT:
        move(confusion, evaluation, 0, -1);
        return true;
    case ACTION_RIGHT:
        move(confusion, evaluation, 0, 1);
        return true;
    case ACTION_FIRST:
        confusion->has_selection = false;
        return true;
    case ACTION_VIEW:
        confusion->view = (confusion->view + 1) % VIEWS;
        return true;
    case ACTION_EARLIER:
        session_walk(session, store, -1);
        return true;
    case ACTION_LATER:
        session_walk(session, store, 1);
        return true;
    case ACTION_FOLLOW:
        session->evaluation = -1;
        return true;
    case ACTION_ENTER:
        if (evaluation) show_pair(confusion, evaluation, session);
        return true;
    default:
        return false;
    }
}

const struct panel panel_confusion = {
    .name = "confusion",
    .events = 1U << EVENT_EVALUATION,
    .title = title,
    .draw = draw,
    .act = act,
    .state_size = sizeof(struct confusion),
};
