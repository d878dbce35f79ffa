/* dashboard: a run on the screen, with the keys that steer it.
 *
 *     if (dashboard_check(&error)) ...            before anything is loaded: can it be shown at
 * all? run_create(&run, &config, &error)           the caller dashboard_run(run, &options, &result,
 * ...)  starts the run, returns when the user leaves if (!result.is_urgent) run_finish(run, false,
 * ...) exit with result.exit_status
 *
 * The terminal is as it was whenever dashboard_run returns, and on every other way out (signals,
 * crashes).  What the program wrote to stderr meanwhile is in the log panel and is written again
 * to the real stderr at the end; two or three closing lines (exports, checkpoint) go to stdout.
 */
#ifndef UI_DASHBOARD_H
#define UI_DASHBOARD_H

#include <stdbool.h>

#include "base/error.h"
#include "run/run.h"

struct dashboard_options {
    const char *theme;        /* a theme's name; NULL: dark */
    bool no_color;            /* also when the environment has a non-empty NO_COLOR */
    bool ascii;               /* no glyphs beyond ASCII, whatever the locale says */
    double frames_per_second; /* at most so many; 0: 10; cut to 1..30 */
};

struct dashboard_result {
    int exit_status; /* 0 left by the user, 1 the training failed, 130 Ctrl-C, 143 SIGTERM,
                        129 SIGHUP */
    bool is_urgent;  /* the terminal is gone and no checkpoint came: do not wait for the run's
                        threads, _exit at once (a second signal does so by itself) */
};

/* STATUS_OK, or why no dashboard can be shown here: stdin or stdout is no terminal, TERM is unset
 * or unknown.  Writes nothing and changes nothing. */
enum status dashboard_check(struct error *error);

/* "dark", "light", "mono", "colorblind"; NULL after the last. */
const char *dashboard_theme(int index);

/* Shows `run`, which was created and not yet started: starts it once the screen is open.  The run
 * stays the caller's.  A failure (dashboard_check's reasons, an unknown theme, memory, run_start)
 * leaves the terminal as it was; the run may or may not have been started, run_finish suits both.
 * For the main thread. */
enum status dashboard_run(struct run *run, const struct dashboard_options *options,
                          struct dashboard_result *result, struct error *error);

#endif
