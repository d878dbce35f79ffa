#include "bench/measure.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kernel/list.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

double peak_of_core(void) {
    enum { READINGS = 31, PRODUCTS = 10000 };
    static float a[64], b[64], c[1024];
    const struct kernels *k = kernels_chosen();
    const struct strip strip = {.rows = k->strip_rows,
                                .columns = k->strip_columns,
                                .outer = 1,
                                .middle = 1,
                                .inner = PRODUCTS,
                                .a = a,
                                .b = b,
                                .c = c,
                                .c_row = (ptrdiff_t)k->strip_columns};
    double best = 0;
    for (int i = 0; i < READINGS; i++) {
        double begin = clock_seconds();
        for (int j = 0; j < 10; j++) k->strip(&strip);
        double rate = 10 * 2.0 * (double)(k->strip_rows * k->strip_columns) * PRODUCTS /
                      (clock_seconds() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}
