#include "kernel/panel.h"

#include <string.h>

void panel_pack(size_t rows, size_t columns, size_t width, const float *from, size_t row,
                size_t column, float *to) {
    if (column == 1) {
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < width; c++)
                to[r * width + c] = c < columns ? from[r * row + c] : 0;
        return;
    }
    size_t c = 0;
    for (; c + 4 <= columns; c += 4, from += 4 * column) {
        for (size_t r = 0; r < rows; r++) {
            const float *x = from + r * row;
            const float four[4] = {x[0], x[column], x[2 * column], x[3 * column]};
            memcpy(to + r * width + c, four, sizeof four);
        }
    }
    for (; c < width; c++, from += column)
        for (size_t r = 0; r < rows; r++) to[r * width + c] = c < columns ? from[r * row] : 0;
}
