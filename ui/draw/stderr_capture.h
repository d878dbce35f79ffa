/* stderr_capture: what the process writes to file descriptor 2 while the screen is up.
 *
 * A library's message would tear the screen.  It goes into a pipe instead, is handed out line by
 * line for the log panel, and is written to the real stderr at the end.  A writer never waits:
 * when nobody reads, what does not fit into the pipe is lost.
 */
#ifndef UI_DRAW_STDERR_CAPTURE_H
#define UI_DRAW_STDERR_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Once at a time. */
enum status stderr_capture_start(struct error *error);

/* The next whole line, cut to size; false when there is none now. */
bool stderr_capture_line(char *line, size_t size);

/* fd 2 is the real stderr again; writes to it all that was captured (at most the last 64 KiB).
 * Harmless when nothing was started. */
void stderr_capture_stop(void);

/* Only puts fd 2 back: for signal handlers. */
void stderr_capture_abandon(void);

#endif
