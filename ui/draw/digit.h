/* digit: a picture of 28x28 greys in character cells. */
#ifndef UI_DRAW_DIGIT_H
#define UI_DRAW_DIGIT_H

#include "ui/draw/canvas.h"

/* Cells a picture takes.  56x28: a pixel is two columns; 28x14: two pixels share a cell, upper
 * half over lower half; smaller ones show means of 2x2 and 4x4 pixels, or, where a terminal has
 * braille but no greys, every pixel as a dot (14x7). */
struct digit_size {
    int columns, rows;
};

/* The largest picture for so much room; 0x0 when not even the smallest fits. */
struct digit_size digit_fit(int columns, int rows);

/* image[28][28], 0 background .. 255 ink, with its top left corner at (row, column). */
void digit_draw(struct canvas *canvas, int row, int column, struct digit_size size,
                const unsigned char *image);

#endif
