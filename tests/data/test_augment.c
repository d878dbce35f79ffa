#include "test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "data/augment.h"
#include "data/image.h"

enum { SIDE = DIGIT_SIDE, DRAWS = 2000 };

static void augment_digit(enum augmentation kind, uint64_t seed, uint64_t step, uint32_t index,
                          const unsigned char *from, unsigned char *to) {
    const struct augment augment = {kind, {3, {SIDE, SIDE, 1}}, seed};
    augment_image(&augment, step, index, from, to);
}

static void fill_noise(unsigned char *image) {
    uint32_t state = 1;
    for (int i = 0; i < DIGIT_PIXELS; i++) {
        state = state * 1664525u + 1013904223u;
        image[i] = (unsigned char)(state >> 24);
    }
}

static void augmentation_none_copies_the_digit(void **state) {
    (void)state;
    unsigned char from[DIGIT_PIXELS], to[DIGIT_PIXELS];
    fill_noise(from);
    augment_digit(AUGMENT_NONE, 1, 2, 3, from, to);
    assert_memory_equal(from, to, DIGIT_PIXELS);
}

/* Each channel of a wide image moves as a grey image of that size does. */
static void every_channel_of_any_shape_moves_alike(void **state) {
    (void)state;
    enum { HEIGHT = 9, WIDTH = 14, CHANNELS = 3, PIXELS = HEIGHT * WIDTH };
    unsigned char from[PIXELS * CHANNELS], to[PIXELS * CHANNELS];
    for (int i = 0; i < PIXELS * CHANNELS; i++) from[i] = (unsigned char)(i * 37 + i / 7);
    for (enum augmentation kind = AUGMENT_NONE; kind < AUGMENTATIONS; kind++)
        for (uint32_t draw = 0; draw < 200; draw++) {
            const struct augment colour = {kind, {3, {HEIGHT, WIDTH, CHANNELS}}, 5};
            const struct augment grey = {kind, {3, {HEIGHT, WIDTH, 1}}, 5};
            augment_image(&colour, 7, draw, from, to);
            for (int c = 0; c < CHANNELS; c++) {
                unsigned char plane[PIXELS], moved[PIXELS];
                for (int i = 0; i < PIXELS; i++) plane[i] = from[i * CHANNELS + c];
                augment_image(&grey, 7, draw, plane, moved);
                for (int i = 0; i < PIXELS; i++) assert_int_equal(to[i * CHANNELS + c], moved[i]);
            }
        }
}

static void names_are_those_of_the_command_line(void **state) {
    (void)state;
    assert_string_equal(augmentation_name(AUGMENT_NONE), "none");
    assert_string_equal(augmentation_name(AUGMENT_SHIFT), "shift");
    assert_string_equal(augmentation_name(AUGMENT_AFFINE), "affine");
}

static int pixel(const unsigned char *image, int y, int x) {
    return y < 0 || y >= SIDE || x < 0 || x >= SIDE ? 0 : image[y * SIDE + x];
}

static bool is_moved(const unsigned char *from, const unsigned char *to, int down, int right) {
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (to[y * SIDE + x] != pixel(from, y - down, x - right)) return false;
    return true;
}

static void shift_moves_by_up_to_one_pixel_each_way_and_all_ways_come_up(void **state) {
    (void)state;
    unsigned char from[DIGIT_PIXELS], to[DIGIT_PIXELS];
    int seen[3][3] = {{0}};
    fill_noise(from);
    for (uint32_t draw = 0; draw < DRAWS; draw++) {
        int ways = 0;
        augment_digit(AUGMENT_SHIFT, 7, draw / 32, draw % 32, from, to);
        for (int down = -1; down <= 1; down++)
            for (int right = -1; right <= 1; right++) {
                if (!is_moved(from, to, down, right)) continue;
                seen[down + 1][right + 1]++;
                ways++;
            }
        assert_int_equal(ways, 1);
    }
    /* 222 expected of each; 5 standard deviations either way */
    for (int i = 0; i < 9; i++) assert_in_range(seen[i / 3][i % 3], 152, 292);
}

/* Blending keeps a plane a plane: the map's row can be read off it. */
struct plane {
    double level, by_x, by_y; /* at the centre; a pixel */
};

static struct plane fit(const unsigned char *image) {
    const int first = 8, last = 19; /* nothing from outside reaches here */
    struct plane plane = {0, 0, 0};
    double squares = 0;
    for (int y = first; y <= last; y++)
        for (int x = first; x <= last; x++) {
            double value = image[y * SIDE + x];
            plane.level += value / 144;
            plane.by_x += value * (x - 13.5);
            plane.by_y += value * (y - 13.5);
            squares += (x - 13.5) * (x - 13.5);
        }
    plane.by_x /= squares;
    plane.by_y /= squares;
    for (int y = first; y <= last; y++)
        for (int x = first; x <= last; x++)
            assert_near(image[y * SIDE + x],
                        plane.level + plane.by_x * (x - 13.5) + plane.by_y * (y - 13.5), 1.0);
    return plane;
}

static void affine_turns_scales_and_moves_a_plane_within_its_bounds(void **state) {
    (void)state;
    unsigned char across[DIGIT_PIXELS], down[DIGIT_PIXELS], to[DIGIT_PIXELS];
    for (int i = 0; i < DIGIT_PIXELS; i++) {
        across[i] = (unsigned char)(20 + 8 * (i % SIDE));
        down[i] = (unsigned char)(20 + 8 * (i / SIDE));
    }
    double most_turn = 0, most_scale = 0, most_move = 0;
    for (uint32_t draw = 0; draw < DRAWS; draw++) {
        augment_digit(AUGMENT_AFFINE, 3, draw, 5, across, to);
        struct plane row = fit(to);
        augment_digit(AUGMENT_AFFINE, 3, draw, 5, down, to);
        struct plane column = fit(to);
        const double got[] = {row.by_x / 8 - 1, row.by_y / 8, column.by_x / 8, column.by_y / 8 - 1};
        for (int i = 0; i < 4; i++) assert_near(got[i], 0, 26.0 / 256 + 0.01);
        const double middle = 20 + 8 * 13.5;
        assert_near((row.level - middle) / 8, 0, 1.5 + 0.02);
        assert_near((column.level - middle) / 8, 0, 1.5 + 0.02);
        most_turn = fmax(most_turn, fabs(got[1]));
        most_scale = fmax(most_scale, fabs(got[3]));
        most_move = fmax(most_move, fabs(row.level - middle) / 8);
    }
    assert_true(most_turn > 0.09 && most_scale > 0.09 && most_move > 1.4);
}

static void what_comes_in_from_outside_is_background(void **state) {
    (void)state;
    unsigned char ink[DIGIT_PIXELS], to[DIGIT_PIXELS];
    memset(ink, 255, sizeof ink);
    int dark = 0;
    for (uint32_t draw = 0; draw < 200; draw++) {
        augment_digit(AUGMENT_AFFINE, 1, draw, 0, ink, to);
        for (int i = 0; i < DIGIT_PIXELS; i++) dark += to[i] < 255;
        for (int y = 8; y < 20; y++)
            for (int x = 8; x < 20; x++) assert_int_equal(to[y * SIDE + x], 255);
    }
    assert_true(dark > 0);
    memset(ink, 0, sizeof ink);
    augment_digit(AUGMENT_AFFINE, 1, 0, 0, ink, to);
    assert_memory_equal(ink, to, DIGIT_PIXELS);
}

static void same_numbers_give_the_same_digit_and_others_another(void **state) {
    (void)state;
    unsigned char from[DIGIT_PIXELS], to[DIGIT_PIXELS], again[DIGIT_PIXELS];
    fill_noise(from);
    augment_digit(AUGMENT_AFFINE, 1, 2, 3, from, to);
    augment_digit(AUGMENT_AFFINE, 1, 2, 3, from, again);
    assert_memory_equal(to, again, DIGIT_PIXELS);
    augment_digit(AUGMENT_AFFINE, 2, 2, 3, from, again);
    assert_memory_not_equal(to, again, DIGIT_PIXELS);
    augment_digit(AUGMENT_AFFINE, 1, 3, 3, from, again);
    assert_memory_not_equal(to, again, DIGIT_PIXELS);
    augment_digit(AUGMENT_AFFINE, 1, 2, 4, from, again);
    assert_memory_not_equal(to, again, DIGIT_PIXELS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(augmentation_none_copies_the_digit),
    cmocka_unit_test(every_channel_of_any_shape_moves_alike),
    cmocka_unit_test(names_are_those_of_the_command_line),
    cmocka_unit_test(shift_moves_by_up_to_one_pixel_each_way_and_all_ways_come_up),
    cmocka_unit_test(affine_turns_scales_and_moves_a_plane_within_its_bounds),
    cmocka_unit_test(what_comes_in_from_outside_is_background),
    cmocka_unit_test(same_numbers_give_the_same_digit_and_others_another),
};

TEST_MAIN(tests)
