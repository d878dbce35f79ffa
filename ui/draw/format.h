/* format: short readable numbers.  All functions write to out[size] and return out. */
#ifndef UI_DRAW_FORMAT_H
#define UI_DRAW_FORMAT_H

#include <stddef.h>

/* "317 B", "24.6 KiB", "1.20 MiB": three digits. */
char *format_bytes(double bytes, char *out, size_t size);
/* "4.2s", "36s", "1m36s", "2h05m"; "--" for negative numbers and NaN. */
char *format_duration(double seconds, char *out, size_t size);
/* "00:01:36": of fixed width. */
char *format_clock(double seconds, char *out, size_t size);
/* "950", "4.73k", "12.3k", "1.20M": three digits; "--" for NaN and infinity. */
char *format_count(double count, char *out, size_t size);
/* "13.5 ms", "420 us", "1.20 s": three digits. */
char *format_time(double seconds, char *out, size_t size);

#endif
