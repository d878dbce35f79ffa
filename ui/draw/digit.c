#include "ui/draw/digit.h"

#include "data/image.h"

static const struct digit_size sizes[] = {{56, 28}, {28, 14}, {14, 7}, {7, 4}};

struct digit_size digit_fit(int columns, int rows) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].columns <= columns && sizes[i].rows <= rows) return sizes[i];
    return (struct digit_size){0, 0};
}

/* Mean of side x side pixels; beyond the edge there is background. */
static unsigned char mean(const unsigned char *image, int y, int x, int side) {
    int sum = 0;
    for (int i = y; i < y + side && i < DIGIT_SIDE; i++)
        for (int j = x; j < x + side && j < DIGIT_SIDE; j++) sum += image[i * DIGIT_SIDE + j];
    return (unsigned char)((sum + side * side / 2) / (side * side));
}

static void draw_dots(struct canvas *canvas, int row, int column, const unsigned char *image) {
    static const unsigned char bits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    for (int y = 0; y < DIGIT_SIDE; y += 4) {
        for (int x = 0; x < DIGIT_SIDE; x += 2) {
            uint32_t dots = 0;
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 2; j++)
                    if (image[(y + i) * DIGIT_SIDE + x + j] >= 96) dots |= bits[i][j];
            canvas_put(canvas, row + y / 4, column + x / 2, dots ? 0x2800 | dots : ' ', COLOR_TEXT);
        }
    }
}

void digit_draw(struct canvas *canvas, int row, int column, struct digit_size size,
                const unsigned char *image) {
    if (size.columns < 1) return;
    if (size.columns == DIGIT_SIDE / 2 && canvas->glyphs == GLYPHS_BRAILLE &&
        (canvas->is_mono || !canvas->has_greys)) {
        draw_dots(canvas, row, column, image);
        return;
    }
    bool is_double = size.columns > DIGIT_SIDE;
    int side = is_double ? 1 : DIGIT_SIDE / size.columns;
    for (int y = 0; y < size.rows; y++) {
        for (int x = 0; x < size.columns; x++) {
            unsigned char upper, lower;
            if (is_double) {
                upper = lower = image[y * DIGIT_SIDE + x / 2];
            } else {
                upper = mean(image, 2 * y * side, x * side, side);
                lower = mean(image, (2 * y + 1) * side, x * side, side);
            }
            canvas_grey(canvas, row + y, column + x, upper, lower);
        }
    }
}
