/* panel: columns of a matrix as strips read them, as many as a strip is wide. */
#ifndef KERNEL_PANEL_H
#define KERNEL_PANEL_H

#include <stddef.h>

/* Copy a panel so that its rows follow each other: to[r][c] = from[r * row + c * column] for
 * c < columns, 0 from there up to `width`. */
void panel_pack(size_t rows, size_t columns, size_t width, const float *from, size_t row,
                size_t column, float *to);

#endif
