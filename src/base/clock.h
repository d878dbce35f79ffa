/* clock: monotonic time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Seconds since some fixed moment; never goes backwards. */
double clock_seconds(void);

/* Sleep; returns early only when a signal arrives. */
void clock_sleep(double seconds);

#endif
