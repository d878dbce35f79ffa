#include "test.h"

#include <string.h>

#include "data/dataset.h"
#include "data/image.h"
#include "ui/draw/digit.h"
#include "ui/fixture.h"

static struct fixture fixture; /* only its canvas */

static const struct cell *cell(int row, int column) {
    return &fixture.canvas.cells[row * fixture.canvas.stride + column];
}

static void largest_picture_that_fits_is_taken(void **state) {
    (void)state;
    static const int want[][4] = {{56, 28, 56, 28}, {200, 100, 56, 28}, {55, 28, 28, 14},
                                  {28, 14, 28, 14}, {27, 14, 14, 7},    {14, 13, 14, 7},
                                  {13, 7, 7, 4},    {7, 4, 7, 4},       {6, 40, 0, 0},
                                  {40, 3, 0, 0},    {0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct digit_size size = digit_fit(want[i][0], want[i][1]);
        assert_int_equal(size.columns, want[i][2]);
        assert_int_equal(size.rows, want[i][3]);
    }
}

static void two_pixels_share_a_cell_and_one_takes_two_columns(void **state) {
    (void)state;
    unsigned char image[DIGIT_PIXELS];
    memset(image, 0, sizeof image);
    image[9 * DIGIT_SIDE + 5] = 255; /* lower half of cell (4, 5) */
    fixture_canvas(&fixture, 28, 56, GLYPHS_BRAILLE, false);
    digit_draw(&fixture.canvas, 0, 0, (struct digit_size){28, 14}, image);
    fixture_check_guard(&fixture);
    for (int row = 0; row < 14; row++) {
        for (int column = 0; column < 28; column++) {
            bool is_it = row == 4 && column == 5;
            assert_int_equal(cell(row, column)->color, COLOR_GREY);
            assert_int_equal(cell(row, column)->ink, 0);
            assert_int_equal(cell(row, column)->paper, is_it ? 23 : 0);
        }
    }
    digit_draw(&fixture.canvas, 0, 0, (struct digit_size){56, 28}, image);
    fixture_check_guard(&fixture);
    for (int column = 9; column <= 12; column++) {
        assert_int_equal(cell(9, column)->ink, column == 10 || column == 11 ? 23 : 0);
        assert_int_equal(cell(9, column)->paper, column == 10 || column == 11 ? 23 : 0);
    }
}

/* A thumbnail shows means: one white pixel of four is 255 / 4 = 64, the 6th of 24 greys. */
static void thumbnail_shows_means(void **state) {
    (void)state;
    unsigned char image[DIGIT_PIXELS];
    memset(image, 0, sizeof image);
    image[0] = 255;
    fixture_canvas(&fixture, 7, 14, GLYPHS_BLOCK, false);
    digit_draw(&fixture.canvas, 0, 0, (struct digit_size){14, 7}, image);
    fixture_check_guard(&fixture);
    assert_int_equal(cell(0, 0)->ink, 6);
    assert_int_equal(cell(0, 0)->paper, 0);
    assert_int_equal(cell(0, 1)->ink, 0);
}

/* Without greys a braille thumbnail still has every pixel. */
static void thumbnail_without_colours_has_a_dot_for_every_pixel(void **state) {
    (void)state;
    unsigned char image[DIGIT_PIXELS];
    fixture_canvas(&fixture, 7, 14, GLYPHS_BRAILLE, true);
    int dots = 0;
    for (int pixel = 0; pixel < DIGIT_PIXELS; pixel++) {
        memset(image, 0, sizeof image);
        image[pixel] = 255;
        digit_draw(&fixture.canvas, 0, 0, (struct digit_size){14, 7}, image);
        const struct cell *here = cell(pixel / DIGIT_SIDE / 4, pixel % DIGIT_SIDE / 2);
        unsigned bits = here->glyph - 0x2800;
        assert_in_range(bits, 1, 255);
        assert_int_equal(bits & (bits - 1), 0);
        dots++;
    }
    assert_int_equal(dots, DIGIT_PIXELS);
    fixture_check_guard(&fixture);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(largest_picture_that_fits_is_taken),
    cmocka_unit_test(two_pixels_share_a_cell_and_one_takes_two_columns),
    cmocka_unit_test(thumbnail_shows_means),
    cmocka_unit_test(thumbnail_without_colours_has_a_dot_for_every_pixel),
};
TEST_MAIN(tests)
