/* control: the dashboard's state machine, without screen, clock or thread: keys and signals become
 * commands to the run, whose acknowledgements it follows.
 *
 * A command is a request: until the run acknowledges it, control says "pausing...".  No single key
 * can lose work: quit and stop open a menu whose confirming keys differ from the one that opened
 * it; the menu ignores all others.
 */
#ifndef UI_CONTROL_H
#define UI_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "run/command.h"
#include "ui/panel.h"

enum modal { MODAL_NONE, MODAL_QUIT, MODAL_UNSAVED, MODAL_STOP, MODAL_HELP, MODAL_SEARCH };

#define MODAL_DEAF_SECONDS 0.150 /* a menu ignores keys typed before it opened */
#define CONTROL_WAITING    8
#define NOTICE_SECONDS     8.0

/* run_send, or a test's. */
typedef uint32_t send_command(void *context, struct command command);

struct control {
    send_command *send;
    void *context;
    enum modal modal;
    double modal_since;
    bool is_frozen;
    bool is_leaving; /* quit was confirmed or a signal came; waits for the checkpoint */
    bool is_done;    /* leave now */
    bool leaves_after_export;
    int signal; /* that made it leave, or 0 */
    struct {
        uint32_t number;
        enum command_kind kind;
    } waiting[CONTROL_WAITING];
    uint32_t checkpoint; /* the command that leaving waits for */
    char notice[256];    /* what just happened, shown for a few seconds */
    enum color notice_color;
    double notice_until;
};

void control_init(struct control *control, send_command *send, void *context);

/* True when the action was one of control's own. */
bool control_act(struct control *control, struct store *store, enum action action, double now);

/* A key while a menu is open (all but help and search, which the dashboard draws and moves).
 * Never passed on. */
void control_answer(struct control *control, struct store *store, uint32_t code, double now);

/* SIGINT, SIGTERM, SIGHUP: stop, checkpoint, leave. */
void control_signal(struct control *control, struct store *store, int signal_number, double now);

/* Follow an event, after the store has taken it in. */
void control_event(struct control *control, struct store *store, const struct event *event,
                   double now);

/* "pausing...", "exporting...", "" */
const char *control_waiting(const struct control *control);
/* Whether a command was not answered yet. */
bool control_is_waiting(const struct control *control);
/* The notice while it is fresh, else "". */
const char *control_notice(const struct control *control, double now);
void control_say(struct control *control, enum color color, double now, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* What a menu offers: lines ended by a NULL key. */
struct choice {
    const char *key;  /* "y" */
    const char *text; /* "stop after this batch, write a checkpoint, quit" */
};
const struct choice *control_choices(enum modal modal, const char **title);

/* The next step of the ladder 1 2 5 10 20 ... PACE_MAX above or below `pace`; `rate`: batches a
 * second now, where the pace is not a number. */
double control_pace(double pace, double rate, bool faster);

#endif
