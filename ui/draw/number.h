/* number: values in the digits that fit, and round numbers for axes. */
#ifndef UI_DRAW_NUMBER_H
#define UI_DRAW_NUMBER_H

#include <stddef.h>

/* `value` in at most `width` columns: with `decimals` places where they fit, more (up to 7) where
 * the value would show fewer than three significant digits, an exponent where nothing else can
 * show it.  Exactly 0 is "0"; NaN is "NaN", infinities "inf" and "-inf"; what cannot be shown in
 * the width is "#".  Writes to out[size] and returns out. */
char *number_fit(double value, int width, int decimals, char *out, size_t size);

/* Multiples of a round step (1, 2, 5 times a power of ten) inside [low, high], ascending, at most
 * `max_count` of them; *decimals places show them exactly.  Returns how many. */
int number_ticks(double low, double high, int max_count, double *ticks, int *decimals);

/* The same for a logarithmic axis, 0 < low: powers of ten, with 2 and 5 times them where there is
 * room. */
int number_log_ticks(double low, double high, int max_count, double *ticks);

/* The same for seconds: steps are seconds, minutes, hours a person counts in. */
int number_time_ticks(double low, double high, int max_count, double *ticks);

#endif
