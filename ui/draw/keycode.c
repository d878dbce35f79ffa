#include "ui/draw/keycode.h"

#include <stdio.h>

char *keycode_name(uint32_t code, char *out, size_t size) {
    static const char *const names[] = {[KEYCODE_UP - KEYCODE_SPECIAL] = "Up",
                                        [KEYCODE_DOWN - KEYCODE_SPECIAL] = "Down",
                                        [KEYCODE_LEFT - KEYCODE_SPECIAL] = "Left",
                                        [KEYCODE_RIGHT - KEYCODE_SPECIAL] = "Right",
                                        [KEYCODE_HOME - KEYCODE_SPECIAL] = "Home",
                                        [KEYCODE_END - KEYCODE_SPECIAL] = "End",
                                        [KEYCODE_PAGE_UP - KEYCODE_SPECIAL] = "PgUp",
                                        [KEYCODE_PAGE_DOWN - KEYCODE_SPECIAL] = "PgDn",
                                        [KEYCODE_BACKTAB - KEYCODE_SPECIAL] = "S-Tab",
                                        [KEYCODE_BACKSPACE - KEYCODE_SPECIAL] = "Backspace",
                                        [KEYCODE_DELETE - KEYCODE_SPECIAL] = "Del"};
    if (code == KEYCODE_ESCAPE)
        snprintf(out, size, "Esc");
    else if (code == KEYCODE_ENTER)
        snprintf(out, size, "Enter");
    else if (code == KEYCODE_TAB)
        snprintf(out, size, "Tab");
    else if (code == ' ')
        snprintf(out, size, "Space");
    else if (code < ' ')
        snprintf(out, size, "C-%c", (char)(code + 'a' - 1));
    else if (code < 127)
        snprintf(out, size, "%c", (char)code);
    else if (code >= KEYCODE_F1 && code <= KEYCODE_F12) {
        snprintf(out, size, "F%d", (int)(code - KEYCODE_F1 + 1));
    } else if (code > KEYCODE_SPECIAL && code <= KEYCODE_DELETE) {
        snprintf(out, size, "%s", names[code - KEYCODE_SPECIAL]);
    } else {
        snprintf(out, size, "?");
    }
    return out;
}
