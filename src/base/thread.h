/* thread: what all threads of the program have in common. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

/* Name the calling thread, in at most 15 bytes, for top -H, debuggers and profilers; does nothing
 * where the system has no thread names. */
void thread_set_name(const char *name);

#endif
