/* run: one training from start to end, with its threads.
 *
 * The worker thread owns the trainer, publishes events and reads commands between batches; the
 * shadow thread evaluates snapshots and writes exports.  A run has two readers: the screen (a
 * dashboard or a progress line), which it never waits for, and the record, which gets every event.
 *
 * run_create loads and checks everything that can be the user's mistake; after run_start everything
 * is reported through events.  Call all functions from one thread, except where noted.
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

/* A breakdown of a step's memory, allocated at creation: line 0, 1, ... until false. */
bool run_memory(const struct run *run, int line, char *text, size_t size);

/* Take the next event for the screen; false if there is none.  Release it with event_release.
 * run_wait waits up to `seconds` for one. */
bool run_poll(struct run *run, struct event *event);
bool run_wait(struct run *run, struct event *event, double seconds);

/* Queue a command; returns its number for the acknowledgement, 0 if the mailbox is full.  Any
 * thread; not async-signal-safe. */
uint32_t run_send(struct run *run, struct command command);

/* How far the screen has fallen behind. */
struct outlet_pressure run_pressure(const struct run *run);

/* End the run: stop now if it still trains, wait for both threads, free everything.  With
 * `checkpoint`, write one first.  NULL is harmless. */
enum status run_finish(struct run *run, bool checkpoint, struct error *error);

#endif
