/* terminal: the one real terminal, and the only module that knows ncurses.
 *
 * A canvas goes out, key codes come in.  ncurses sends only what changed.  The terminal is restored
 * exactly once, however the program ends.
 */
#ifndef UI_DRAW_TERMINAL_H
#define UI_DRAW_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ui/draw/canvas.h"
#include "ui/draw/theme.h"

/* Whether a screen is possible here (stdin and stdout are terminals, TERM is known and can place
 * the cursor); changes and writes nothing. */
enum status terminal_check(struct error *error);

/* What this terminal can show; fill a canvas's fields with it. */
struct terminal_abilities {
    enum glyph_level glyphs;
    bool is_mono, has_greys;
    int colors;
};

/* Take over the screen, stderr and the signals.  On failure nothing has changed. */
enum status terminal_open(const struct theme *theme, bool no_color, bool ascii,
                          struct error *error);
/* Give them back; harmless when it is not open. */
void terminal_close(void);

struct terminal_abilities terminal_abilities(void);
void terminal_size(int *rows, int *columns);

/* The next key (ui/draw/keycode.h), waiting at most `seconds`; KEYCODE_NONE when none came or a
 * signal did. */
uint32_t terminal_key(double seconds);
/* Discard what was typed ahead. */
void terminal_forget_keys(void);

/* Show the canvas, which has the terminal's size. */
void terminal_show(const struct canvas *canvas);
/* Send everything again with the next terminal_show. */
void terminal_redraw(void);
/* Stop the process for the shell; returns when it is continued. */
void terminal_suspend(void);

#endif
