/* interrupt: Ctrl-C and kill, turned into a wish that long work looks at between its steps. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

/* From now on the first SIGINT, SIGTERM or SIGHUP is remembered; a second one of the same kind
 * ends the program at once, as it would have without this. */
void interrupt_catch(void);

/* The signal that arrived, 0 for none. */
int interrupt_signal(void);

#endif
