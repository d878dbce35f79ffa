/* run: one training from start to end, with its threads.
 *
 * The worker thread owns the trainer, publishes events and reads commands between batches; the
 * shadow thread evaluates snapshots and writes exports.  A run has two readers: the screen (a
 * dashboard or a progress line), which is never waited for, and the run writer, which records
 * everything.
 *
 * run_create loads and checks all that can fail for the user's reasons; after run_start everything
 * is told through events.  All functions belong to one thread, the caller's, except where noted.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "run/command.h"
#include "run/config.h"
#include "run/event.h"
#include "run/info.h"
#include "run/outlet.h"

struct run;

enum status run_create(struct run **run, const struct run_config *config, struct error *error);
const struct run_info *run_info(const struct run *run);
enum status run_start(struct run *run, struct error *error);

/* One line of what a step's memory consists of, planned at creation: line 0, 1, ... until false. */
bool run_memory(const struct run *run, int line, char *text, size_t size);

/* Take the next event for the screen; false when there is none now.  Release it with
 * event_release.  run_wait sleeps until there is one or `seconds` have passed. */
bool run_poll(struct run *run, struct event *event);
bool run_wait(struct run *run, struct event *event, double seconds);

/* Queue a command; returns its number for the acknowledgement, 0 when the mailbox is full.
 * Any thread; async-signal-safe it is not. */
uint32_t run_send(struct run *run, struct command command);

/* How far the screen has fallen behind. */
struct outlet_pressure run_pressure(const struct run *run);

/* End it: as STOP_NOW where it still trains, wait for both threads, free everything.  With
 * `checkpoint`, writes one first.  NULL is harmless. */
enum status run_finish(struct run *run, bool checkpoint, struct error *error);

#endif
