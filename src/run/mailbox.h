/* mailbox: queue of commands to the worker; any thread sends, one thread takes.
 *
 * Bounded: sending to a full mailbox fails, it does not wait.  Commands are taken in the order they
 * were sent.  The worker checks it between batches and sleeps in mailbox_wait when it has nothing
 * to train.
 */
#ifndef RUN_MAILBOX_H
#define RUN_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "run/command.h"

#define MAILBOX_SLOTS 64

struct mailbox; /* opaque */

struct mailbox *mailbox_create(void) MUST_USE; /* NULL if out of memory */
void mailbox_destroy(struct mailbox *mailbox); /* NULL is harmless */

/* Any thread.  The command's number (1, 2, ...; 0 is never given), or 0 if the mailbox is full. */
uint32_t mailbox_send(struct mailbox *mailbox, struct command command);

/* The taker only.  False if there is none. */
bool mailbox_take(struct mailbox *mailbox, struct command *command, uint32_t *number);

/* The taker only.  Sleep until there is a command, mailbox_wake was called since the last wait,
 * or `seconds` have passed (negative: for ever). */
void mailbox_wait(struct mailbox *mailbox, double seconds);

/* Any thread.  End the current wait or, if there is none, the next one immediately. */
void mailbox_wake(struct mailbox *mailbox);

#endif
