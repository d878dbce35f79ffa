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

#include "ui/panel.h"

/* A key: the Unicode character typed (control characters included), or one of these. */
enum {
    KEYCODE_NONE = 0,
    KEYCODE_ESCAPE = 27,
    KEYCODE_ENTER = 13,
    KEYCODE_TAB = 9,
    KEYCODE_SPECIAL = 0x110000,
    KEYCODE_UP,
    KEYCODE_DOWN,
    KEYCODE_LEFT,
    KEYCODE_RIGHT,
    KEYCODE_HOME,
    KEYCODE_END,
    KEYCODE_PAGE_UP,
    KEYCODE_PAGE_DOWN,
    KEYCODE_BACKTAB,
    KEYCODE_BACKSPACE,
    KEYCODE_DELETE,
    KEYCODE_F1,
    KEYCODE_F2,
    KEYCODE_F3,
    KEYCODE_F4,
    KEYCODE_F5,
    KEYCODE_F6,
    KEYCODE_F7,
    KEYCODE_F8,
    KEYCODE_F9,
    KEYCODE_F10,
    KEYCODE_F11,
    KEYCODE_F12,
    KEYCODE_RESIZED, /* no key: the screen has another size */
    KEYCODE_GONE     /* no key: the terminal has gone away */
};
#define KEY_CONTROL(letter) ((letter)&0x1f)
#define KEYS_EACH           3 /* most keys of one action */

struct key {
    enum action action;
    uint32_t codes[KEYS_EACH]; /* the letter first, then aliases */
    const char *label;         /* one word for the footer; NULL: not there */
    int priority;              /* in the footer: higher stays longer when it is narrow; 0: never */
    unsigned panels;           /* 1 << panel for those that it matters to; 0: all */
    const char *help;
};

extern const struct key keys[];
extern const size_t key_count;

/* ACTION_NONE where a key has no meaning. */
enum action keys_action(uint32_t code);
const struct key *keys_find(enum action action);

/* "p", "F10", "C-l", "Up", "Esc"; out[size]. */
char *keycode_name(uint32_t code, char *out, size_t size);
/* All names of one row: "q F10". */
char *key_names(const struct key *key, char *out, size_t size);

#endif
