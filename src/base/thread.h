/* thread: what all threads of the program have in common. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

/* Name the calling thread, at most 15 bytes, for top -H, debuggers and profilers; where the system
 * has no such names, nothing happens. */
void thread_set_name(const char *name);

#endif
