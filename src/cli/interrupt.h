/* interrupt: Ctrl-C and kill set a flag that long work checks between steps. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

/* From now on the first SIGINT, SIGTERM or SIGHUP sets the flag; a second one of the same kind
 * ends the program at once, as by default. */
void interrupt_catch(void);

/* The signal that was received; 0: none. */
int interrupt_signal(void);

#endif
