/* internal: what the kernels' drivers share. */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include "kernel/list.h"

/* Widest strip of any level, and what scratch sizes are rounded up to. */
#define MOST_STRIP_COLUMNS 32

/* Into how many parts to cut `work` so that each is worth waking a thread for: `least` per part.
 * Never more than there are threads. */
int parts_for(const struct pool *pool, size_t work, size_t least);

size_t round_up(size_t count, size_t multiple);

/* Extremes of nothing, and their union as min_max defines it. */
void extremes_clear(struct extremes *e);
void extremes_range(const struct extremes *e, int count, float range[2]);

/* One panel of a right-hand matrix, made contiguous: to[r][c] = from[r * row + c * column] for
 * c < columns, 0 up to `width`. */
void pack_panel(size_t rows, size_t columns, size_t width, const float *from, size_t row,
                size_t column, float *to);

#endif
