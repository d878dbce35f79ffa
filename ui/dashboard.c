#include "ui/dashboard.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "ui/draw/format.h"
#include "ui/draw/signals.h"
#include "ui/draw/stderr_capture.h"
#include "ui/draw/terminal.h"
#include "ui/draw/theme.h"
#include "ui/keys.h"
#include "ui/screen.h"

#define DEFAULT_FRAMES     10.0
#define MAX_FRAMES         30.0
#define MAX_EVENTS_A_FRAME 8192 /* more wait for the next one, so that keys are never late */
#define ANSWER_SECONDS     0.01 /* how often a command's answer is looked for */
#define GONE_SECONDS       20.0 /* how long to wait for the checkpoint without a terminal */

/* For what happens once a second. */
struct tick {
    double last, cpu_seconds;
};

enum status dashboard_check(struct error *error) {
    return terminal_check(error);
}

const char *dashboard_theme(int index) {
    return index >= 0 && index < theme_count ? themes[index].name : NULL;
}

static uint32_t send_to_run(void *context, struct command command) {
    return run_send(context, command);
}

static double resident_bytes(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void tick(struct screen *screen, struct run *run, struct tick *tick, double now) {
    if (now - tick->last < 1) return;
    double cpu_seconds = (double)clock() / CLOCKS_PER_SEC;
    struct store_process *process = &screen->store.process;
    if (tick->last > 0) {
        process->busy_share = (cpu_seconds - tick->cpu_seconds) / (now - tick->last);
    }
    process->resident_bytes = resident_bytes();
    screen->store.pressure = run_pressure(run);
    tick->last = now;
    tick->cpu_seconds = cpu_seconds;
    screen_tick(screen);
}

/* True when something came that the user may be waiting for. */
static bool take_events(struct screen *screen, struct run *run, double now) {
    struct event event;
    bool is_answer = false;
    for (int i = 0; i < MAX_EVENTS_A_FRAME && run_poll(run, &event); i++) {
        is_answer = is_answer || event.kind == EVENT_STATE || event.kind == EVENT_ACKNOWLEDGE;
        screen_event(screen, &event, now);
        event_release(&event);
    }
    return is_answer;
}

static void take_stderr(struct screen *screen) {
    char line[sizeof((struct store_line *)0)->text];
    for (int i = 0; i < 100 && stderr_capture_line(line, sizeof line); i++) {
        screen_stderr(screen, line);
    }
}

static bool fit(struct screen *screen) {
    int rows, columns;
    terminal_size(&rows, &columns);
    return (screen->base.rows == rows && screen->base.columns == columns) ||
           screen_resize(screen, rows, columns);
}

/* One key, and what it asks of the terminal. */
static void take_key(struct screen *screen, uint32_t code, double now) {
    enum modal before = screen->control.modal;
    if (code == KEYCODE_GONE)
        signals_raise(SIGHUP);
    else if (code != KEYCODE_RESIZED)
        screen_key(screen, code, now);
    if (screen->control.modal != before && screen->control.modal != MODAL_NONE &&
        screen->control.modal != MODAL_SEARCH) {
        terminal_forget_keys();
    }
    if (screen->wants_redraw) terminal_redraw();
    if (screen->wants_suspend) terminal_suspend();
    screen->wants_redraw = screen->wants_suspend = false;
}

static void draw(struct screen *screen, double now) {
    double start = clock_seconds();
    if (!screen_draw(screen, now)) return;
    terminal_show(&screen->shown);
    screen->store.process.frame_seconds = clock_seconds() - start;
}

/* Until the user leaves; *is_urgent when there is no point in waiting for the run.  False when
 * memory is short. */
static bool loop(struct screen *screen, struct run *run, double frames, bool *is_urgent) {
    struct tick ticks = {0};
    double next_frame = 0, signal_time = 0;
    bool is_gone = false;
    int seen_signal = 0;
    while (!screen->control.is_done) {
        double now = clock_seconds();
        if (take_events(screen, run, now))
            next_frame = 0; /* shown at once, like the answer to a key */
        take_stderr(screen);
        tick(screen, run, &ticks, now);
        if (signals_suspend()) terminal_suspend();
        int signal_number = signals_stop();
        if (signal_number && !seen_signal) {
            seen_signal = signal_number;
            signal_time = now;
            is_gone = signal_number == SIGHUP;
            screen_signal(screen, signal_number, now);
        }
        if (is_gone && now - signal_time > GONE_SECONDS) {
            *is_urgent = true;
            break;
        }
        if (now >= next_frame) {
            if (!fit(screen)) return false;
            if (!is_gone) draw(screen, now);
            next_frame = now + 1 / frames;
        }
        if (is_gone) {
            clock_sleep(0.05);
            continue;
        }
        double wait = fmax(0, next_frame - clock_seconds());
        if (control_is_waiting(&screen->control)) wait = fmin(wait, ANSWER_SECONDS);
        uint32_t code = terminal_key(wait);
        for (int i = 0; code != KEYCODE_NONE && i < 64; i++) {
            take_key(screen, code, clock_seconds());
            next_frame = 0; /* an answer is shown at once */
            code = terminal_key(0);
        }
    }
    return true;
}

static void say_goodbye(const struct screen *screen) {
    const struct store *store = &screen->store;
    char size[16];
    if (store->has_export && store->last_export.is_ok) {
        printf("exported %s  %s  INT8 accuracy %.4f\n", store->last_export.path,
               format_bytes(store->last_export.bytes, size, sizeof size),
               store->last_export.accuracy);
    }
    if (store->checkpoint[0]) printf("checkpoint %s\n", store->checkpoint);
    if (screen->control.is_leaving && !store->checkpoint[0]) {
        printf("no checkpoint was written\n");
    }
    fflush(stdout);
}

static int exit_status_of(const struct screen *screen) {
    if (screen->control.signal) return 128 + screen->control.signal;
    return screen->store.state == STATE_FAILED ? 1 : 0;
}

enum status dashboard_run(struct run *run, const struct dashboard_options *options,
                          struct dashboard_result *result, struct error *error) {
    struct screen screen;
    *result = (struct dashboard_result){.exit_status = 1};
    const struct theme *theme = theme_find(options->theme);
    if (!theme) {
        return error_set(error, STATUS_USAGE, "--theme", "unknown theme '%.40s'", options->theme);
    }
    double frames = options->frames_per_second > 0 ? options->frames_per_second : DEFAULT_FRAMES;
    frames = fmin(fmax(frames, 1), MAX_FRAMES);
    enum status status = terminal_open(theme, options->no_color, options->ascii, error);
    if (status != STATUS_OK) return status;
    if (!screen_create(&screen, run_info(run), send_to_run, run, terminal_abilities()) ||
        !fit(&screen)) {
        status = error_memory(error, "dashboard", sizeof screen);
        goto done;
    }
    screen.store.process.frames_limit = frames;
    snprintf(screen.store.process.cpu, sizeof screen.store.process.cpu, "%s", cpu_model());
    status = run_start(run, error);
    if (status == STATUS_OK && !loop(&screen, run, frames, &result->is_urgent)) {
        status = error_memory(error, "dashboard", sizeof screen);
    }
done:
    terminal_close();
    if (status == STATUS_OK) {
        result->exit_status = exit_status_of(&screen);
        say_goodbye(&screen);
    }
    screen_free(&screen);
    return status;
}
