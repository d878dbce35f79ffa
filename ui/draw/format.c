#include "ui/draw/format.h"

#include <math.h>
#include <stdio.h>

/* Three significant digits, never in powers of ten. */
static const char *three(double value, char *out, size_t size) {
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(out, size, "%.*f", decimals, value);
    return out;
}

char *format_bytes(double bytes, char *out, size_t size) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    char number[32];
    if (!(bytes >= 0) || isinf(bytes)) {
        snprintf(out, size, "--");
        return out;
    }
    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    if (unit)
        snprintf(out, size, "%s %s", three(bytes, number, sizeof number), units[unit]);
    else
        snprintf(out, size, "%.0f B", bytes);
    return out;
}

char *format_duration(double seconds, char *out, size_t size) {
    if (!(seconds >= 0) || seconds > 3.6e6) {
        snprintf(out, size, "--");
        return out;
    }
    if (seconds < 9.95) {
        snprintf(out, size, "%.1f s", seconds);
        return out;
    }
    long whole = (long)(seconds + 0.5);
    if (whole < 60)
        snprintf(out, size, "%ld s", whole);
    else if (whole < 3600)
        snprintf(out, size, "%ldm%02lds", whole / 60, whole % 60);
    else
        snprintf(out, size, "%ldh%02ldm", whole / 3600, whole / 60 % 60);
    return out;
}

char *format_clock(double seconds, char *out, size_t size) {
    long whole = seconds > 0 && seconds < 3.6e6 ? (long)seconds : 0;
    snprintf(out, size, "%02ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    return out;
}

char *format_count(double count, char *out, size_t size) {
    char number[32];
    double absolute = fabs(count);
    if (!isfinite(count))
        snprintf(out, size, "--");
    else if (absolute < 999.5)
        snprintf(out, size, "%.0f", count);
    else if (absolute < 999.5e3) {
        snprintf(out, size, "%sk", three(count / 1e3, number, sizeof number));
    } else {
        snprintf(out, size, "%sM", three(count / 1e6, number, sizeof number));
    }
    return out;
}

char *format_time(double seconds, char *out, size_t size) {
    char number[32];
    if (!(seconds >= 0) || isinf(seconds))
        snprintf(out, size, "--");
    else if (seconds < 999.5e-6) {
        snprintf(out, size, "%s us", three(seconds * 1e6, number, sizeof number));
    } else if (seconds < 0.9995) {
        snprintf(out, size, "%s ms", three(seconds * 1e3, number, sizeof number));
    } else {
        snprintf(out, size, "%s s", three(seconds, number, sizeof number));
    }
    return out;
}
