/* signals: signals as flags for the main loop, and a terminal that is restored even when the
 * program crashes.
 *
 * SIGINT, SIGTERM, SIGHUP: the first sets a flag; a second one runs `restore` and leaves at once
 * with 128 + signal, even if the loop hangs.  SIGTSTP sets a flag.  SIGSEGV, SIGBUS, SIGILL, SIGFPE
 * and SIGABRT run `restore` and then whatever handled them before, so that a sanitizer still
 * reports and a core is still dumped.  SIGPIPE is ignored.
 */
#ifndef UI_DRAW_SIGNALS_H
#define UI_DRAW_SIGNALS_H

#include <stdbool.h>

/* `restore` must be async-signal-safe.  Handlers found before are kept for signals_restore. */
void signals_install(void (*restore)(void));
void signals_restore(void);

/* SIGINT, SIGTERM or SIGHUP since the start, the first that came, else 0. */
int signals_stop(void);
/* As if a signal had come: the terminal has gone. */
void signals_raise(int signal_number);
/* True once for each SIGTSTP. */
bool signals_suspend(void);
/* Stop the process as the shell expects; returns when it was continued. */
void signals_stop_process(void);

#endif
