/* screen: the whole dashboard except the terminal: events and keys go in, a canvas comes out.
 *
 * Tests can thus drive it at any size and with a clock of their own.
 */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include "ui/control.h"
#include "ui/draw/terminal.h"
#include "ui/header.h"

struct screen {
    struct store store;
    struct store frozen; /* what the panels show while the view is frozen */
    struct control control;
    struct session session;
    const struct panel *panels[PANELS]; /* the real ones, until a test puts others here */
    void *states[PANELS];               /* the panels' own */
    struct canvas base;                 /* panels, header, footer */
    struct canvas shown;                /* the same under menus and help */
    struct layout layout;
    struct terminal_abilities abilities;
    enum panel_id focus;
    bool is_maximised;
    unsigned dirty; /* 1 << panel for each to be drawn again */
    bool is_dirty;  /* header, footer or menus are to be drawn again */
    int help_first;
    char typed[sizeof((struct session *)0)->search]; /* at the search prompt */
    bool wants_redraw, wants_suspend;                /* for the dashboard to do, and clear */
    double notice_until;                             /* a notice is on the screen until then */
};

/* False when memory is short (the screen is then zeroed). */
bool screen_create(struct screen *screen, const struct run_info *info, send_command *send,
                   void *context, struct terminal_abilities abilities) MUST_USE;
void screen_free(struct screen *screen);

/* False when memory is short: the old size stays. */
bool screen_resize(struct screen *screen, int rows, int columns) MUST_USE;

/* Take in one event; the caller still releases it. */
void screen_event(struct screen *screen, const struct event *event, double now);
/* A line that went to stderr. */
void screen_stderr(struct screen *screen, const char *line);
void screen_key(struct screen *screen, uint32_t code, double now);
void screen_signal(struct screen *screen, int signal_number, double now);
/* About once a second: what changes without events. */
void screen_tick(struct screen *screen);

/* Draw what is dirty into screen->shown; false when there was nothing to draw. */
bool screen_draw(struct screen *screen, double now);

#endif
