#include "ui/control.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ui/draw/format.h"
#include "ui/keys.h"

void control_init(struct control *control, send_command *send, void *context) {
    memset(control, 0, sizeof *control);
    control->send = send;
    control->context = context;
}

void control_say(struct control *control, enum color color, double now, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(control->notice, sizeof control->notice, format, arguments);
    va_end(arguments);
    control->notice_color = color;
    control->notice_until = now + NOTICE_SECONDS;
}

const char *control_notice(const struct control *control, double now) {
    return now < control->notice_until ? control->notice : "";
}

const char *control_waiting(const struct control *control) {
    static const char *const words[] = {
        [COMMAND_PAUSE] = "pausing...",
        [COMMAND_RESUME] = "resuming...",
        [COMMAND_STEP] = "stepping...",
        [COMMAND_STOP_EPOCH] = "stopping at the end of the epoch...",
        [COMMAND_STOP_NOW] = "stopping...",
        [COMMAND_STOP_RESTORE] = "going back to the best epoch...",
        [COMMAND_TRAIN_ON] = "training on...",
        [COMMAND_EXPORT] = "exporting...",
        [COMMAND_EVALUATE] = "evaluating...",
        [COMMAND_CHECKPOINT] = "saving...",
        [COMMAND_LEARNING_RATE] = "",
        [COMMAND_PACE] = "",
    };
    for (int i = CONTROL_WAITING - 1; i >= 0; i--) {
        if (control->waiting[i].number && *words[control->waiting[i].kind]) {
            return words[control->waiting[i].kind];
        }
    }
    return "";
}

bool control_is_waiting(const struct control *control) {
    for (int i = 0; i < CONTROL_WAITING; i++)
        if (control->waiting[i].number) return true;
    return false;
}

static uint32_t send(struct control *control, enum command_kind kind, double argument, double now) {
    uint32_t number = control->send(control->context, (struct command){kind, argument});
    if (!number) {
        control_say(control, COLOR_WARNING, now,
                    "the run is busy with earlier commands: try again in a moment");
        return 0;
    }
    for (int i = 0; i < CONTROL_WAITING; i++) {
        if (control->waiting[i].number) continue;
        control->waiting[i].number = number;
        control->waiting[i].kind = kind;
        break;
    }
    return number;
}

static void open_modal(struct control *control, enum modal modal, double now) {
    control->modal = modal;
    control->modal_since = now;
}

static bool is_saved(const struct store *store) {
    return !store->step || store->saved_step >= store->step;
}

/* Write a checkpoint and leave when that is acknowledged.  Meanwhile training pauses: stopping
 * would begin with a last evaluation, which nobody is going to look at. */
static void leave(struct control *control, const struct store *store, double now) {
    control->modal = MODAL_NONE;
    if (control->is_leaving) return;
    control->is_leaving = true;
    if (store->is_over && is_saved(store)) {
        control->is_done = true;
        return;
    }
    control->checkpoint = send(control, COMMAND_CHECKPOINT, 0, now);
    if (control->checkpoint && store->state == STATE_TRAIN) send(control, COMMAND_PAUSE, 0, now);
    if (!control->checkpoint)
        control->is_leaving = false; /* said so; the user may ask again */
    else
        control_say(control, COLOR_STRONG, now,
                    "finishing this batch, then writing a checkpoint and quitting");
}

static void quit(struct control *control, const struct store *store, double now) {
    if (control->is_leaving) return;
    if (!store->is_over)
        open_modal(control, MODAL_QUIT, now);
    else if (store->state != STATE_DONE || is_saved(store))
        control->is_done = true;
    else
        open_modal(control, MODAL_UNSAVED, now);
}

static void train_on(struct control *control, struct store *store, double now) {
    if (!store->is_over) {
        control_say(control, COLOR_TEXT, now, "still training: T adds an epoch after the last one");
    } else {
        send(control, COMMAND_TRAIN_ON, 1, now);
    }
}

double control_pace(double pace, double rate, bool faster) {
    static const double ladder[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
    const int steps = sizeof ladder / sizeof ladder[0];
    if (!(pace > 0)) { /* as fast as it can, or automatic */
        if (faster && pace == PACE_MAX) return PACE_MAX;
        pace = rate;
        if (!(pace > 0)) return faster ? PACE_MAX : 100;
    }
    if (faster) {
        for (int i = 0; i < steps; i++) {
            if (ladder[i] > pace * 1.001) return ladder[i];
        }
        return PACE_MAX;
    }
    for (int i = steps - 1; i >= 0; i--) {
        if (ladder[i] < pace * 0.999) return ladder[i];
    }
    return ladder[0];
}

static void change_pace(struct control *control, struct store *store, bool faster, double now) {
    double pace = control_pace(store->pace, store_rate(store), faster);
    if (!send(control, COMMAND_PACE, pace, now)) return;
    store->pace = pace;
    if (pace > 0)
        control_say(control, COLOR_TEXT, now, "pace: at most %.0f batches/s", pace);
    else
        control_say(control, COLOR_TEXT, now, "pace: full speed");
}

bool control_act(struct control *control, struct store *store, enum action action, double now) {
    switch (action) {
    case ACTION_QUIT:
        quit(control, store, now);
        return true;
    case ACTION_STOP:
        if (store->is_over) {
            control_say(control, COLOR_TEXT, now, "not training: there is nothing to stop");
        } else {
            open_modal(control, MODAL_STOP, now);
        }
        return true;
    case ACTION_PAUSE:
        if (store->is_over) {
            control_say(control, COLOR_TEXT, now, "not training: T trains one more epoch");
        } else {
            send(control, store->state == STATE_PAUSED ? COMMAND_RESUME : COMMAND_PAUSE, 0, now);
        }
        return true;
    case ACTION_STEP:
        if (store->is_over)
            control_say(control, COLOR_TEXT, now, "not training: T trains one more epoch");
        else
            send(control, COMMAND_STEP, 0, now);
        return true;
    case ACTION_EXPORT:
        send(control, COMMAND_EXPORT, 0, now);
        return true;
    case ACTION_CHECKPOINT:
        send(control, COMMAND_CHECKPOINT, 0, now);
        return true;
    case ACTION_EVALUATE:
        send(control, COMMAND_EVALUATE, 0, now);
        return true;
    case ACTION_TRAIN_ON:
        train_on(control, store, now);
        return true;
    case ACTION_FASTER:
        change_pace(control, store, true, now);
        return true;
    case ACTION_SLOWER:
        change_pace(control, store, false, now);
        return true;
    case ACTION_INTERRUPT:
        control_signal(control, store, SIGINT, now);
        return true;
    case ACTION_FREEZE:
        control->is_frozen = !control->is_frozen;
        if (!control->is_frozen) control_say(control, COLOR_TEXT, now, "the view is live again");
        return true;
    case ACTION_ACKNOWLEDGE:
        store_acknowledge(store);
        return true;
    default:
        return false;
    }
}

void control_answer(struct control *control, struct store *store, uint32_t code, double now) {
    enum modal modal = control->modal;
    if (code == KEYCODE_ESCAPE || code == KEYCODE_BACKSPACE) { /* safe at any time */
        control->modal = MODAL_NONE;
        return;
    }
    if (now < control->modal_since + MODAL_DEAF_SECONDS) return;
    if (modal == MODAL_QUIT && code == 'y') {
        leave(control, store, now);
    } else if (modal == MODAL_UNSAVED && code == 'y') {
        control->is_done = true;
    } else if (modal == MODAL_UNSAVED && code == 'e') {
        control->modal = MODAL_NONE;
        control->leaves_after_export = send(control, COMMAND_EXPORT, 0, now) != 0;
    } else if (modal == MODAL_STOP && (code == 'e' || code == 'n' || code == 'x')) {
        control->modal = MODAL_NONE;
        send(control,
             code == 'e'   ? COMMAND_STOP_EPOCH
             : code == 'n' ? COMMAND_STOP_NOW
                           : COMMAND_STOP_RESTORE,
             0, now);
    }
}

void control_signal(struct control *control, struct store *store, int signal_number, double now) {
    control->signal = signal_number;
    leave(control, store, now);
    if (!control->is_leaving) control->is_done = true; /* nobody left to ask */
}

static void follow_export(struct control *control, const struct export_result *written,
                          double now) {
    char size[16];
    const char *slash = strrchr(written->path, '/'); /* the log has the whole path */
    control_say(control, written->differing ? COLOR_ALARM : COLOR_OK, now,
                "wrote %s  %s  INT8 %.2f %%  %s: %u differ", slash ? slash + 1 : written->path,
                format_bytes(written->bytes, size, sizeof size), 100 * written->accuracy,
                written->differing ? "NOT EQUAL" : "verified", (unsigned)written->differing);
    control->notice_until = now + 2 * NOTICE_SECONDS;
    if (control->leaves_after_export) control->is_done = true;
    control->leaves_after_export = false;
}

static void follow_acknowledge(struct control *control, struct store *store,
                               const struct event *event, double now) {
    uint32_t number = event->acknowledge.command;
    bool is_refused = event->acknowledge.status != STATUS_OK;
    const char *what = "refused";
    for (int i = 0; i < CONTROL_WAITING; i++) {
        if (!number || control->waiting[i].number != number) continue;
        control->waiting[i].number = 0;
        enum command_kind kind = control->waiting[i].kind;
        if (kind == COMMAND_TRAIN_ON && !is_refused) store_extend(store, 1);
        if (kind == COMMAND_EXPORT && is_refused) control->leaves_after_export = false;
        what = kind == COMMAND_EXPORT       ? "export failed"
               : kind == COMMAND_CHECKPOINT ? "checkpoint failed"
               : kind == COMMAND_EVALUATE   ? "evaluation failed"
                                            : "refused";
    }
    if (is_refused) {
        control_say(control, *what == 'r' ? COLOR_WARNING : COLOR_ALARM, now, "%s: %s", what,
                    event->acknowledge.text);
    }
    /* Carried out or refused: there is nothing more to wait for. */
    if (control->is_leaving && number && number == control->checkpoint) control->is_done = true;
}

void control_event(struct control *control, struct store *store, const struct event *event,
                   double now) {
    /* Why one failed comes with its acknowledgement. */
    if (event->kind == EVENT_EXPORT && event->export_.is_ok) {
        follow_export(control, &event->export_, now);
    } else if (event->kind == EVENT_CHECKPOINT && event->checkpoint.is_ok) {
        control_say(control, COLOR_OK, now, "wrote checkpoint %s", event->checkpoint.path);
    } else if (event->kind == EVENT_ACKNOWLEDGE) {
        follow_acknowledge(control, store, event, now);
    } else if (event->kind == EVENT_STATE && event->state == STATE_DONE && !control->is_leaving) {
        control_say(control, COLOR_OK, now,
                    "training finished: e exports, T trains on, n shows mistakes, q quits");
    } else if (event->kind == EVENT_STATE && event->state == STATE_FAILED) {
        control_say(control, COLOR_ALARM, now, "training failed: see the log (5)");
    }
    if (store->is_over && control->modal == MODAL_STOP) control->modal = MODAL_NONE;
}

const struct choice *control_choices(enum modal modal, const char **title) {
    static const struct choice quit_choices[] = {
        {"y", "stop after this batch, write a checkpoint, quit"},
        {"Esc", "continue training"},
        {NULL, NULL}};
    static const struct choice unsaved_choices[] = {{"e", "export the INT8 .tflite, then quit"},
                                                    {"y", "quit without exporting"},
                                                    {"Esc", "stay"},
                                                    {NULL, NULL}};
    static const struct choice stop_choices[] = {
        {"e", "at the end of this epoch, keep the weights"},
        {"n", "now, keep the weights"},
        {"x", "now, restore the best epoch's weights"},
        {"Esc", "continue training"},
        {NULL, NULL}};
    *title = modal == MODAL_QUIT      ? "Quit while training?"
             : modal == MODAL_UNSAVED ? "These weights have not been exported"
                                      : "Stop training";
    return modal == MODAL_QUIT      ? quit_choices
           : modal == MODAL_UNSAVED ? unsaved_choices
                                    : stop_choices;
}
