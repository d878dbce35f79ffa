#include "run/event.h"

static const char *const state_names[STATES] = {
    [STATE_STARTING] = "STARTING", [STATE_TRAIN] = "TRAIN",       [STATE_PAUSED] = "PAUSED",
    [STATE_EVAL] = "EVAL",         [STATE_STOPPING] = "STOPPING", [STATE_DONE] = "DONE",
    [STATE_FAILED] = "FAILED",
};

const char *run_state_name(enum run_state state) {
    return (unsigned)state < STATES ? state_names[state] : "?";
}

const char *log_level_name(enum log_level level) {
    switch (level) {
    case LOG_INFO:
        return "info";
    case LOG_WARNING:
        return "warn";
    case LOG_ERROR:
        return "error";
    case LOG_CRITICAL:
        return "critical";
    }
    return "?";
}

void event_retain(const struct event *event) {
    if (event->kind == EVENT_EVALUATION && event->evaluation)
        (void)evaluation_retain(event->evaluation);
}

void event_release(struct event *event) {
    if (event->kind != EVENT_EVALUATION) return;
    evaluation_release(event->evaluation);
    event->evaluation = NULL;
}
