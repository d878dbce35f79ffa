/* keys: the one table of keys.  Dispatch, help, footer and the manual page's check come from it.
 *
 * One key has one meaning in every panel.  Upper case is stronger or reversed; digits are panels;
 * everything has a letter, function keys are aliases; nothing destructive is on Enter, Space or an
 * arrow.  Where an action matters only to some panels, the table says to which.
 */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "ui/draw/keycode.h"
#include "ui/draw/layout.h"

/* Every meaning a key can have.  Panels get those that the dashboard does not carry out itself. */
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

#define MAX_CODES 3 /* most keys of one action */

struct key {
    enum action action;
    uint32_t codes[MAX_CODES]; /* the letter first, then aliases */
    const char *label;         /* one word for the footer; NULL: not there */
    int priority;              /* in the footer: higher stays longer when it is narrow; 0: never */
    unsigned panels;           /* 1 << panel for those that it matters to; 0: all */
    const char *help;
};

extern const struct key keys[];
extern const size_t key_count;

/* ACTION_NONE where a key has no meaning. */
enum action keys_action(uint32_t code);

/* All names of one row: "q F10". */
char *key_names(const struct key *key, char *out, size_t size);

#endif
