#include "ui/keys.h"

#include <stdio.h>
#include <string.h>

#define CURVES    (1U << PANEL_CURVES)
#define RANGES    (1U << PANEL_RANGES)
#define DIGITS    (1U << PANEL_DIGITS)
#define CONFUSION (1U << PANEL_CONFUSION)
#define LOG       (1U << PANEL_LOG)

/* In the order of the help; the footer takes those with a priority in this order. */
const struct key keys[] = {
    {ACTION_HELP, {'?', KEYCODE_F1}, "Help", 90, 0, "these keys; again: close"},
    {ACTION_PAUSE, {'p'}, "Pause", 80, 0, "pause or resume training; the model stays loaded"},
    {ACTION_STEP, {'.'}, "Step", 50, 0, "train one batch, then pause"},
    {ACTION_FREEZE, {'Z'}, "Freeze", 40, 0, "freeze or thaw the view; training goes on"},
    {ACTION_STOP, {'S', KEYCODE_F9}, "Stop", 30, 0, "stop training, asking how"},
    {ACTION_TRAIN_ON, {'T'}, "Train on", 22, 0, "after the last epoch: train one more"},
    {ACTION_EXPORT,
     {'e', KEYCODE_F8},
     "Export",
     85,
     0,
     "write and verify the INT8 .tflite; training goes on"},
    {ACTION_CHECKPOINT, {'w', KEYCODE_F12}, "Save", 25, 0, "write a checkpoint"},
    {ACTION_EVALUATE, {'V'}, "Evaluate", 15, 0, "evaluate FP32, QAT and INT8 on all test digits"},
    {ACTION_SLOWER, {'<'}, "Slower", 12, 0, "fewer batches a second"},
    {ACTION_FASTER, {'>'}, "Faster", 12, 0, "more batches a second, up to all the machine can"},
    {ACTION_NEXT,
     {'n'},
     "Wrong",
     60,
     DIGITS | LOG,
     "log: next match of /; else the next wrong digit"},
    {ACTION_PREVIOUS, {'N'}, NULL, 0, DIGITS | LOG, "the previous one"},
    {ACTION_NEXT_DIGIT, {'J'}, NULL, 0, 0, "next digit, from any panel"},
    {ACTION_PREVIOUS_DIGIT, {'K'}, NULL, 0, 0, "previous digit, from any panel"},
    {ACTION_FILTER,
     {'\\', KEYCODE_F4},
     "Filter",
     24,
     DIGITS | LOG,
     "digits: wrong, flipped, unsure ...; log: level"},
    {ACTION_SEARCH, {'/', KEYCODE_F3}, "Search", 20, LOG, "search the log"},
    {ACTION_EARLIER, {'('}, NULL, 0, DIGITS | CONFUSION | RANGES, "the evaluation before"},
    {ACTION_LATER, {')'}, NULL, 0, DIGITS | CONFUSION | RANGES, "the evaluation after"},
    {ACTION_VIEW,
     {'v'},
     "View",
     18,
     CURVES | RANGES | DIGITS | CONFUSION,
     "next view of this panel"},
    {ACTION_ENTER,
     {KEYCODE_ENTER},
     NULL,
     0,
     RANGES | CONFUSION | DIGITS,
     "into: a cell's digits, a tensor's details"},
    {ACTION_UP, {'k', KEYCODE_UP}, NULL, 0, 0, "up"},
    {ACTION_DOWN, {'j', KEYCODE_DOWN}, NULL, 0, 0, "down"},
    {ACTION_LEFT, {'h', KEYCODE_LEFT}, NULL, 0, CURVES | DIGITS | CONFUSION | RANGES, "left"},
    {ACTION_RIGHT, {'l', KEYCODE_RIGHT}, NULL, 0, CURVES | DIGITS | CONFUSION | RANGES, "right"},
    {ACTION_FIRST, {'g', KEYCODE_HOME}, NULL, 0, 0, "to the first"},
    {ACTION_LAST, {'G', KEYCODE_END}, NULL, 0, 0, "to the last"},
    {ACTION_PAGE_UP, {KEY_CONTROL('u'), KEYCODE_PAGE_UP}, NULL, 0, 0, "a page up"},
    {ACTION_PAGE_DOWN, {KEY_CONTROL('d'), KEYCODE_PAGE_DOWN, ' '}, NULL, 0, 0, "a page down"},
    {ACTION_FOLLOW, {'F'}, NULL, 0, LOG | CURVES, "follow the newest"},
    {ACTION_SORT_LEFT, {'{'}, NULL, 0, RANGES | DIGITS, "sort by the column to the left"},
    {ACTION_SORT_RIGHT,
     {'}', KEYCODE_F6},
     NULL,
     0,
     RANGES | DIGITS,
     "sort by the column to the right"},
    {ACTION_INVERT_SORT, {'I'}, NULL, 0, RANGES | DIGITS, "turn the sort round"},
    {ACTION_ZOOM_IN, {'+'}, NULL, 0, CURVES, "zoom in"},
    {ACTION_ZOOM_OUT, {'-'}, NULL, 0, CURVES, "zoom out"},
    {ACTION_ZOOM_RESET, {'='}, NULL, 0, CURVES, "the whole run"},
    {ACTION_SMOOTH_LESS, {'['}, NULL, 0, CURVES, "less smoothing; 0 is off"},
    {ACTION_SMOOTH_MORE, {']'}, NULL, 0, CURVES, "more smoothing"},
    {ACTION_LOG_SCALE, {'y'}, NULL, 0, CURVES, "linear or logarithmic"},
    {ACTION_X_AXIS, {'x'}, NULL, 0, CURVES, "what the x axis counts"},
    {ACTION_PANEL_1, {'1'}, NULL, 0, 0, "curves; again: maximise"},
    {ACTION_PANEL_2, {'2'}, NULL, 0, 0, "ranges: scale and zero point of every tensor"},
    {ACTION_PANEL_3, {'3'}, NULL, 0, 0, "digits"},
    {ACTION_PANEL_4, {'4'}, NULL, 0, 0, "confusion"},
    {ACTION_PANEL_5, {'5'}, NULL, 0, 0, "log"},
    {ACTION_PANEL_6, {'6'}, NULL, 0, 0, "system"},
    {ACTION_PANEL_NEXT, {KEYCODE_TAB}, "Panel", 35, 0, "next panel"},
    {ACTION_PANEL_PREVIOUS, {KEYCODE_BACKTAB}, NULL, 0, 0, "previous panel"},
    {ACTION_MAXIMISE, {'O'}, "Max", 28, 0, "maximise or restore the focused panel"},
    {ACTION_ACKNOWLEDGE, {'a'}, "Ack", 14, 0, "acknowledge warnings and show the log"},
    {ACTION_GLYPHS, {'~'}, NULL, 0, 0, "glyphs: braille, blocks, ASCII"},
    {ACTION_REDRAW, {KEY_CONTROL('l')}, NULL, 0, 0, "draw the whole screen again"},
    {ACTION_BACK, {KEYCODE_ESCAPE, KEYCODE_BACKSPACE}, NULL, 0, 0, "one level back"},
    {ACTION_QUIT,
     {'q', KEYCODE_F10, 'Q'},
     "Quit",
     100,
     0,
     "close what is open; else quit, asking if it trains"},
    {ACTION_SUSPEND, {KEY_CONTROL('z')}, NULL, 0, 0, "suspend to the shell, training too"},
    {ACTION_INTERRUPT,
     {KEY_CONTROL('c')},
     NULL,
     0,
     0,
     "write a checkpoint and quit; twice: quit at once"},
};
const size_t key_count = sizeof keys / sizeof keys[0];

enum action keys_action(uint32_t code) {
    for (size_t i = 0; i < key_count && code; i++) {
        for (int j = 0; j < MAX_CODES; j++) {
            if (keys[i].codes[j] == code) return keys[i].action;
        }
    }
    return ACTION_NONE;
}

char *key_names(const struct key *key, char *out, size_t size) {
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < MAX_CODES && key->codes[i] && used < size; i++) {
        char name[16];
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "",
                                 keycode_name(key->codes[i], name, sizeof name));
    }
    return out;
}
