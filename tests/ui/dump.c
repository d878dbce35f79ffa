#include "ui/dump.h"

#include "test.h"

#include <stdlib.h>

char *canvas_dump(const struct canvas *canvas) {
    size_t rows = (size_t)canvas->rows, columns = (size_t)canvas->columns;
    char *text = malloc(rows * (columns * 4 + 1) + 1), *out = text;
    assert_non_null(text);
    for (size_t row = 0; row < rows; row++) {
        const struct cell *cells = canvas->cells + row * (size_t)canvas->stride;
        size_t end = columns;
        while (end > 0 && (cells[end - 1].glyph == ' ' || !cells[end - 1].glyph)) end--;
        for (size_t column = 0; column < end; column++) {
            out += utf8_put(cells[column].glyph ? cells[column].glyph : ' ', out);
        }
        *out++ = '\n';
    }
    *out = 0;
    return text;
}
