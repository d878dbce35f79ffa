/* dashboard: shows a run on the screen, with keys to control it.
 *
 * Before anything is loaded, dashboard_check says whether a dashboard can be shown here at all. The
 * caller then creates the run, which dashboard_run starts; it returns when the user leaves.
 *
 *     if (dashboard_check(&error)) return;
 *     run_create(&run, &config, &error);
 *     dashboard_run(run, &options, &result, &error);
 *     if (result.is_urgent) _exit(result.exit_status);
 *     run_finish(run, false, &error);
 *     exit(result.exit_status);
 *
 * The terminal is restored when dashboard_run returns and on every other way out (signals,
 * crashes).  What was written to stderr meanwhile appears in the log panel and is written to the
 * real stderr at the end; two or three closing lines (export, checkpoint) go to stdout.
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
