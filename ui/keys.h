/* keys: the one table of keys, which dispatch, help, footer and the check of the manual page use.
 *
 * One key has one meaning in every panel.  Upper case is stronger or reversed; digits are panels;
 * every action has a letter, function keys are aliases; nothing destructive is on Enter, Space or
 * an arrow.  Where an action matters only to some panels, the table says which.
 */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "ui/draw/keycode.h"
#include "ui/draw/layout.h"

/* One entry per key, in the order of the help and, for those with a label, of the footer:
 *
 *     KEY(group, action, label, priority, panels, help, codes...)
 *
 * Fields as in struct key; ON(name) is the bit of a panel. */
#define KEY_LIST(KEY)                                                                              \
    KEY(RUN, HELP, "Help", 90, 0, "show or hide this list of keys", '?', KEYCODE_F1)               \
    KEY(RUN, PAUSE, "Pause", 80, 0, "pause or resume training; the model stays loaded", 'p')       \
    KEY(RUN, STEP, "Step", 50, 0, "train one batch, then pause", '.')                              \
    KEY(RUN, FREEZE, "Freeze", 40, 0, "freeze or unfreeze the view; training continues", 'Z')      \
    KEY(RUN, STOP, "Stop", 30, 0, "stop training; asks how", 'S', KEYCODE_F9)                      \
    KEY(RUN, TRAIN_ON, "Train on", 22, 0, "after the last epoch: train one more", 'T')             \
    KEY(RUN, EXPORT, "Export", 85, 0, "write and verify the INT8 .tflite; training continues",     \
        'e', KEYCODE_F8)                                                                           \
    KEY(RUN, CHECKPOINT, "Save", 25, 0, "write a checkpoint", 'w', KEYCODE_F12)                    \
    KEY(RUN, EVALUATE, "Evaluate", 15, 0, "evaluate FP32, QAT and INT8 on all test digits", 'V')   \
    KEY(RUN, SLOWER, "Slower", 12, 0, "fewer batches per second", '<')                             \
    KEY(RUN, FASTER, "Faster", 12, 0, "more batches per second, up to full speed", '>')            \
    KEY(DATA, NEXT, "Wrong", 60, ON(DIGITS) | ON(LOG),                                             \
        "log: next match; otherwise the next wrong digit", 'n')                                    \
    KEY(DATA, PREVIOUS, NULL, 0, ON(DIGITS) | ON(LOG), "the previous one", 'N')                    \
    KEY(DATA, NEXT_DIGIT, NULL, 0, 0, "next digit, from any panel", 'J')                           \
    KEY(DATA, PREVIOUS_DIGIT, NULL, 0, 0, "previous digit, from any panel", 'K')                   \
    KEY(DATA, FILTER, "Filter", 24, ON(DIGITS) | ON(LOG),                                          \
        "digits: wrong, flipped, unsure, ...; log: minimum level", '\\', KEYCODE_F4)               \
    KEY(DATA, SEARCH, "Search", 20, ON(LOG), "search the log", '/', KEYCODE_F3)                    \
    KEY(DATA, EARLIER, NULL, 0, ON(DIGITS) | ON(CONFUSION) | ON(RANGES), "previous evaluation",    \
        '(')                                                                                       \
    KEY(DATA, LATER, NULL, 0, ON(DIGITS) | ON(CONFUSION) | ON(RANGES), "next evaluation", ')')     \
    KEY(VIEW, VIEW, "View", 18, ON(CURVES) | ON(RANGES) | ON(DIGITS) | ON(CONFUSION),              \
        "next view of this panel", 'v')                                                            \
    KEY(VIEW, ENTER, NULL, 0, ON(RANGES) | ON(CONFUSION) | ON(DIGITS),                             \
        "open the digits of a cell or the details of a tensor", KEYCODE_ENTER)                     \
    KEY(VIEW, FOLLOW, NULL, 0, ON(LOG) | ON(CURVES), "follow the newest", 'F')                     \
    KEY(VIEW, SORT_LEFT, NULL, 0, ON(RANGES) | ON(DIGITS), "sort by the column to the left", '{')  \
    KEY(VIEW, SORT_RIGHT, NULL, 0, ON(RANGES) | ON(DIGITS), "sort by the column to the right",     \
        '}', KEYCODE_F6)                                                                           \
    KEY(VIEW, REVERSE_SORT, NULL, 0, ON(RANGES) | ON(DIGITS), "reverse the sort order", 'I')       \
    KEY(VIEW, ZOOM_IN, NULL, 0, ON(CURVES), "zoom in", '+')                                        \
    KEY(VIEW, ZOOM_OUT, NULL, 0, ON(CURVES), "zoom out", '-')                                      \
    KEY(VIEW, ZOOM_RESET, NULL, 0, ON(CURVES), "show the whole run", '=')                          \
    KEY(VIEW, SMOOTH_LESS, NULL, 0, ON(CURVES), "less smoothing; 0 is off", '[')                   \
    KEY(VIEW, SMOOTH_MORE, NULL, 0, ON(CURVES), "more smoothing", ']')                             \
    KEY(VIEW, LOG_SCALE, NULL, 0, ON(CURVES), "switch between linear and logarithmic scale", 'y')  \
    KEY(VIEW, X_AXIS, NULL, 0, ON(CURVES), "x axis: steps, epochs or time", 'x')                   \
    KEY(MOVE, UP, NULL, 0, 0, "up", 'k', KEYCODE_UP)                                               \
    KEY(MOVE, DOWN, NULL, 0, 0, "down", 'j', KEYCODE_DOWN)                                         \
    KEY(MOVE, LEFT, NULL, 0, ON(CURVES) | ON(DIGITS) | ON(CONFUSION) | ON(RANGES), "left", 'h',    \
        KEYCODE_LEFT)                                                                              \
    KEY(MOVE, RIGHT, NULL, 0, ON(CURVES) | ON(DIGITS) | ON(CONFUSION) | ON(RANGES), "right", 'l',  \
        KEYCODE_RIGHT)                                                                             \
    KEY(MOVE, FIRST, NULL, 0, 0, "first item", 'g', KEYCODE_HOME)                                  \
    KEY(MOVE, LAST, NULL, 0, 0, "last item", 'G', KEYCODE_END)                                     \
    KEY(MOVE, PAGE_UP, NULL, 0, 0, "page up", KEY_CONTROL('u'), KEYCODE_PAGE_UP)                   \
    KEY(MOVE, PAGE_DOWN, NULL, 0, 0, "page down", KEY_CONTROL('d'), KEYCODE_PAGE_DOWN, ' ')        \
    KEY(PANEL, PANEL_1, NULL, 0, 0, "curves; press again to maximise", '1')                        \
    KEY(PANEL, PANEL_2, NULL, 0, 0, "ranges: scale and zero point of every tensor", '2')           \
    KEY(PANEL, PANEL_3, NULL, 0, 0, "digits", '3')                                                 \
    KEY(PANEL, PANEL_4, NULL, 0, 0, "confusion", '4')                                              \
    KEY(PANEL, PANEL_5, NULL, 0, 0, "log", '5')                                                    \
    KEY(PANEL, PANEL_6, NULL, 0, 0, "system", '6')                                                 \
    KEY(PANEL, PANEL_NEXT, "Panel", 35, 0, "next panel", KEYCODE_TAB)                              \
    KEY(PANEL, PANEL_PREVIOUS, NULL, 0, 0, "previous panel", KEYCODE_BACKTAB)                      \
    KEY(PANEL, MAXIMISE, "Max", 28, 0, "maximise or restore the focused panel", 'O')               \
    KEY(PROGRAM, ACKNOWLEDGE, "Ack", 14, 0, "acknowledge warnings and show the log", 'a')          \
    KEY(PROGRAM, GLYPHS, NULL, 0, 0, "glyphs: braille, blocks, ASCII", '~')                        \
    KEY(PROGRAM, REDRAW, NULL, 0, 0, "redraw the screen", KEY_CONTROL('l'))                        \
    KEY(PROGRAM, BACK, NULL, 0, 0, "go back one level", KEYCODE_ESCAPE, KEYCODE_BACKSPACE)         \
    KEY(PROGRAM, QUIT, "Quit", 100, 0, "close what is open; otherwise quit (asks while training)", \
        'q', KEYCODE_F10, 'Q')                                                                     \
    KEY(PROGRAM, SUSPEND, NULL, 0, 0, "suspend qatop, training included", KEY_CONTROL('z'))        \
    KEY(PROGRAM, INTERRUPT, NULL, 0, 0, "write a checkpoint and quit; twice: quit at once",        \
        KEY_CONTROL('c'))

/* The sections of the help. */
enum key_group {
    GROUP_RUN,
    GROUP_DATA,
    GROUP_VIEW,
    GROUP_MOVE,
    GROUP_PANEL,
    GROUP_PROGRAM,
    GROUPS
};

/* Every meaning a key can have.  Panels get those that the dashboard does not carry out itself. */
#define KEY_ACTION(group, name, ...) ACTION_##name,
enum action { ACTION_NONE, KEY_LIST(KEY_ACTION) ACTIONS };
#undef KEY_ACTION

#define MAX_CODES 3 /* keys of one action */

struct key {
    enum key_group group;
    enum action action;
    const char *label; /* one word for the footer; NULL: not there */
    int priority;      /* in the footer: higher stays longer when it is narrow; 0: never */
    unsigned panels;   /* 1 << panel for those that it matters to; 0: all */
    const char *help;
    uint32_t codes[MAX_CODES]; /* the letter first, then aliases */
};

extern const struct key keys[];
extern const size_t key_count;

/* "training" */
const char *key_group_title(enum key_group group);

/* ACTION_NONE where a key has no meaning. */
enum action keys_action(uint32_t code);

/* All names of one row: "q F10". */
char *key_names(const struct key *key, char *out, size_t size);

#endif
