/* measure: what the benchmarks share: medians, and how fast a core can multiply. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

/* Of `count` > 0 values, which are sorted. */
double median_of(double *values, int count);

/* Floating point operations a second of one core at the chosen instruction set level: a kernel
 * whose operands never leave the first cache, the best of several readings. */
double peak_of_core(void);

#endif
