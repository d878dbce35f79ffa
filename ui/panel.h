/* panel: one of the six parts of the dashboard, as a table of functions.
 *
 * A panel knows the store (what events told) and the session (what the user chose); never a layer,
 * a thread or ncurses.
 */
#ifndef UI_PANEL_H
#define UI_PANEL_H

#include <stdbool.h>

#include "ui/canvas.h"
#include "ui/store.h"

enum panel_id {
    PANEL_CURVES,
    PANEL_RANGES,
    PANEL_DIGITS,
    PANEL_CONFUSION,
    PANEL_LOG,
    PANEL_SYSTEM,
    PANELS
};

/* Every meaning a key can have; ui/keys.c maps keys to these in the one key table.  A panel gets
 * those that the dashboard itself does not carry out. */
enum action {
    ACTION_NONE,
    ACTION_UP,
    ACTION_DOWN,
    ACTION_LEFT,
    ACTION_RIGHT,
    ACTION_FIRST,
    ACTION_LAST,
    ACTION_PAGE_UP,
    ACTION_PAGE_DOWN,
    ACTION_ENTER,
    ACTION_NEXT,
    ACTION_PREVIOUS, /* n N: next / previous match, or misclassified digit */
    ACTION_NEXT_DIGIT,
    ACTION_PREVIOUS_DIGIT, /* J K: the same from any panel */
    ACTION_FILTER,         /* \ : next filter or predicate */
    ACTION_SORT_RIGHT,
    ACTION_SORT_LEFT,
    ACTION_INVERT_SORT,
    ACTION_ZOOM_IN,
    ACTION_ZOOM_OUT,
    ACTION_ZOOM_RESET,
    ACTION_SMOOTH_LESS,
    ACTION_SMOOTH_MORE,
    ACTION_LOG_SCALE,
    ACTION_X_AXIS,
    ACTION_VIEW, /* v: next view of this panel */
    ACTION_FOLLOW,
    ACTION_EARLIER,
    ACTION_LATER, /* ( ) : evaluation shown */
    /* carried out by the dashboard itself */
    ACTION_HELP,
    ACTION_QUIT,
    ACTION_BACK,
    ACTION_PANEL_1,
    ACTION_PANEL_2,
    ACTION_PANEL_3,
    ACTION_PANEL_4,
    ACTION_PANEL_5,
    ACTION_PANEL_6,
    ACTION_PANEL_NEXT,
    ACTION_PANEL_PREVIOUS,
    ACTION_MAXIMISE,
    ACTION_SEARCH,
    ACTION_FREEZE,
    ACTION_PAUSE,
    ACTION_STEP,
    ACTION_STOP,
    ACTION_EXPORT,
    ACTION_CHECKPOINT,
    ACTION_EVALUATE,
    ACTION_ACKNOWLEDGE,
    ACTION_TRAIN_ON,
    ACTION_FASTER,
    ACTION_SLOWER, /* pace */
    ACTION_GLYPHS,
    ACTION_REDRAW,
    ACTION_SUSPEND,
    ACTION_INTERRUPT,
    ACTIONS
};

/* What the user chose, shared by all panels. */
struct session {
    size_t digit;                   /* index of the test digit shown */
    int evaluation;                 /* -1: the newest, else index into store->evaluations */
    int pair_truth, pair_predicted; /* digits predicate from the confusion panel; -1: none */
    enum path pair_path;            /* whose prediction that is */
    char search[64];                /* "" or the pattern of / */
    enum panel_id wants_focus;      /* a panel may ask for another one; PANELS: none */
};

/* Look at an earlier (-1) or later (1) evaluation; past the last it follows the newest again. */
void session_walk(struct session *session, const struct store *store, int step);

struct panel {
    const char *name; /* "curves" */
    /* Title line texts; the frame is drawn by the dashboard.  left and right may be set to "". */
    void (*title)(void *state, const struct store *store, const struct session *session, char *left,
                  char *right, size_t size);
    /* Draw the inside.  The canvas may have any size, 0x0 included. */
    void (*draw)(void *state, const struct store *store, struct session *session,
                 struct canvas *canvas);
    /* True when it used the action (the panel is then drawn again). */
    bool (*act)(void *state, const struct store *store, struct session *session,
                enum action action);
    size_t state_size;            /* zeroed memory that the dashboard provides as `state` */
    void (*release)(void *state); /* frees what hangs from state; NULL when nothing does */
};

extern const struct panel panel_curves, panel_ranges, panel_digits, panel_confusion, panel_log,
    panel_system;

#endif
