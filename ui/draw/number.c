#include "ui/draw/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_DECIMALS 7

/* Significant digits that `decimals` places show of a value. */
static int significant(double value, int decimals) {
    return (int)floor(log10(fabs(value))) + 1 + decimals;
}

static bool shows_only_zeros(const char *text) {
    return !strpbrk(text, "123456789");
}

char *number_fit(double value, int width, int decimals, char *out, size_t size) {
    char text[64];
    if (size == 0) return out;
    if (isnan(value))
        snprintf(text, sizeof text, "NaN");
    else if (isinf(value))
        snprintf(text, sizeof text, "%s", value > 0 ? "inf" : "-inf");
    else if (!(fabs(value) > 0))
        snprintf(text, sizeof text, "0");
    else {
        while (decimals < MAX_DECIMALS && significant(value, decimals) < 3) decimals++;
        text[0] = 0;
        if (fabs(value) < 1e15) {
            do snprintf(text, sizeof text, "%.*f", decimals, value);
            while ((int)strlen(text) > width && decimals-- > 0);
        }
        if ((int)strlen(text) > width || shows_only_zeros(text))
            snprintf(text, sizeof text, "%.1e", value);
        if ((int)strlen(text) > width) snprintf(text, sizeof text, "%.0e", value);
    }
    if ((int)strlen(text) > width) snprintf(text, sizeof text, "#");
    snprintf(out, size, "%s", width > 0 ? text : "");
    return out;
}

/* All multiples of step in [low, high]; count only when ticks is NULL. */
static int multiples(double low, double high, double step, int max_count, double *ticks) {
    /* A little slack, so that an end that is a multiple but for rounding counts. */
    double first = ceil(low / step - 1e-9), last = floor(high / step + 1e-9);
    if (!(last >= first)) return 0;
    if (last - first + 1 > max_count) return max_count + 1;
    int count = (int)(last - first) + 1;
    for (int i = 0; ticks && i < count; i++) ticks[i] = (first + i) * step;
    return count;
}

int number_ticks(double low, double high, int max_count, double *ticks, int *decimals) {
    *decimals = 0;
    if (!(high > low) || !isfinite(high - low) || max_count < 1) return 0;
    static const double factors[] = {1, 2, 5};
    int power = (int)floor(log10((high - low) / max_count)) - 1;
    if (power < -30) return 0;
    for (int i = 0; i < 12; i++) {
        int exponent = power + i / 3;
        /* 10^-n by division is the nearest double; pow is not always. */
        double step =
            exponent < 0 ? factors[i % 3] / pow(10, -exponent) : factors[i % 3] * pow(10, exponent);
        if (multiples(low, high, step, max_count, NULL) > max_count) continue;
        *decimals = exponent < 0 ? -exponent : 0;
        return multiples(low, high, step, max_count, ticks);
    }
    return 0;
}

int number_log_ticks(double low, double high, int max_count, double *ticks) {
    if (!(low > 0) || !(high > low) || !isfinite(high) || max_count < 1) return 0;
    static const int sets[][4] = {{3, 1, 2, 5}, {2, 1, 3}, {1, 1}};
    int first = (int)floor(log10(low)), last = (int)ceil(log10(high));
    for (int set = 0; set < 3; set++) {
        for (int stride = 1; stride <= (set < 2 ? 1 : last - first + 1); stride++) {
            int count = 0;
            for (int power = first; power <= last; power++) {
                if (power % stride != 0) continue;
                for (int i = 1; i <= sets[set][0]; i++) {
                    double value = sets[set][i] * pow(10, power);
                    if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
                    if (count < max_count) ticks[count] = value;
                    count++;
                }
            }
            if (count <= max_count) return count;
        }
    }
    return 0;
}

int number_time_ticks(double low, double high, int max_count, double *ticks) {
    static const int steps[] = {1,   2,   5,    10,   15,   30,    60,    120,  300,
                                600, 900, 1800, 3600, 7200, 10800, 21600, 43200};
    if (!(high > low) || !isfinite(high - low) || max_count < 1) return 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (multiples(low, high, steps[i], max_count, NULL) <= max_count)
            return multiples(low, high, steps[i], max_count, ticks);
    for (double step = 86400; step < 1e12; step *= 2)
        if (multiples(low, high, step, max_count, NULL) <= max_count)
            return multiples(low, high, step, max_count, ticks);
    return 0;
}
