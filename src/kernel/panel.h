/* panel: a group of matrix columns, as wide as a strip, packed for it. */
#ifndef KERNEL_PANEL_H
#define KERNEL_PANEL_H

#include <stddef.h>

/* Pack a panel: to[r][c] = from[r * row + c * column] for c < columns, 0 from there up to
 * `width`. */
void panel_pack(size_t rows, size_t columns, size_t width, const float *from, size_t row,
                size_t column, float *to);

#endif
