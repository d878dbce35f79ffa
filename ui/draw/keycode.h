/* keycode: the keys of a terminal as numbers, and what is printed on them. */
#ifndef UI_DRAW_KEYCODE_H
#define UI_DRAW_KEYCODE_H

#include <stddef.h>
#include <stdint.h>

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

/* "p", "F10", "C-l", "Up", "Esc"; out[size]. */
char *keycode_name(uint32_t code, char *out, size_t size);

#endif
