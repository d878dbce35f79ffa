/* panel: one of the six parts of the dashboard, as a table of functions.
 *
 * A panel knows the store (what events reported) and the session (what the user chose), but no
 * layers, threads or ncurses.
 */
#ifndef UI_PANEL_H
#define UI_PANEL_H

#include <stdbool.h>

#include "ui/draw/canvas.h"
#include "ui/keys.h"
#include "ui/session.h"
#include "ui/store.h"

struct panel {
    const char *name; /* "curves" */
    unsigned events;  /* 1 << EVENT_... for each kind that changes what it shows */
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
