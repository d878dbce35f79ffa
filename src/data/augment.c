#include "data/augment.h"

#include <string.h>

#include "base/random.h"
#include "data/dataset.h"

#define SHIFT_MOST 1 /* pixels */
/* Limits of an affine map: matrix entries in 1/256, translations in 1/512 of a pixel. */
#define ENTRY_MOST 26
#define MOVE_MOST  768
/* More than the map can reach beyond the image: 2 x 13.5 x 26/256 + 1.5 pixels, and one to
 * blend. */
#define BORDER 6
#define SIDE   (DIGIT_SIDE + 2 * BORDER)
#define ONE    512u /* a pixel */

const char *augmentation_name(enum augmentation augmentation) {
    static const char *const names[] = {"none", "shift", "affine"};
    return names[augmentation];
}

/* A number in -most..most from 16 bits. */
static int between(uint32_t bits, int most) {
    return (int)((bits & 0xffff) * (uint32_t)(2 * most + 1) >> 16) - most;
}

/* Moves all rows at once; what this carries from one row into the next is then cleared. */
static void shift(int down, int right, const unsigned char *from, unsigned char *to) {
    int by = down * DIGIT_SIDE + right;
    size_t lost = (size_t)(by < 0 ? -by : by);
    if (by < 0) {
        memcpy(to, from + lost, DIGIT_PIXELS - lost);
        memset(to + DIGIT_PIXELS - lost, 0, lost);
    } else {
        memset(to, 0, lost);
        memcpy(to + lost, from, DIGIT_PIXELS - lost);
    }
    for (int x = 0; x < right; x++)
        for (int y = 0; y < DIGIT_SIDE; y++) to[y * DIGIT_SIDE + x] = 0;
    for (int x = DIGIT_SIDE + right; x < DIGIT_SIDE; x++)
        for (int y = 0; y < DIGIT_SIDE; y++) to[y * DIGIT_SIDE + x] = 0;
}

/* The pixel at (x, y) shows the point map * ((x, y) - centre) + centre + move of `from`. */
static void transform(const int map[2][2], const int move[2], const unsigned char *from,
                      unsigned char *to) {
    unsigned char padded[SIDE * SIDE] = {0};
    for (int y = 0; y < DIGIT_SIDE; y++)
        memcpy(padded + (y + BORDER) * SIDE + BORDER, from + y * DIGIT_SIDE, DIGIT_SIDE);
    /* Twice the distance from the centre is an integer, and 256 times 2 is ONE. */
    const int last = DIGIT_SIDE - 1, centre = (int)(last * ONE / 2 + BORDER * ONE);
    for (int y = 0; y < DIGIT_SIDE; y++) {
        int at_x = centre + move[0] - map[0][0] * last + map[0][1] * (2 * y - last);
        int at_y = centre + move[1] - map[1][0] * last + map[1][1] * (2 * y - last);
        for (int x = 0; x < DIGIT_SIDE; x++, at_x += 2 * map[0][0], at_y += 2 * map[1][0]) {
            /* never negative, thanks to the border: unsigned divisions compile to shifts */
            unsigned row = (unsigned)at_y, column = (unsigned)at_x;
            const unsigned char *p = padded + row / ONE * SIDE + column / ONE;
            unsigned right = column % ONE, down = row % ONE;
            unsigned upper = p[0] * (ONE - right) + p[1] * right;
            unsigned lower = p[SIDE] * (ONE - right) + p[SIDE + 1] * right;
            unsigned sum = upper * (ONE - down) + lower * down;
            to[y * DIGIT_SIDE + x] = (unsigned char)((sum + ONE * ONE / 2) / (ONE * ONE));
        }
    }
}

void augment_digit(enum augmentation augmentation, uint64_t seed, uint64_t step, uint32_t index,
                   const unsigned char *from, unsigned char *to) {
    uint32_t words[4];
    if (augmentation == AUGMENT_NONE) {
        memcpy(to, from, DIGIT_PIXELS);
        return;
    }
    random_philox(seed, RANDOM_AUGMENT, step, index, words);
    if (augmentation == AUGMENT_SHIFT) {
        shift(between(words[0], SHIFT_MOST), between(words[0] >> 16, SHIFT_MOST), from, to);
        return;
    }
    const int map[2][2] = {
        {256 + between(words[0], ENTRY_MOST), between(words[0] >> 16, ENTRY_MOST)},
        {between(words[1], ENTRY_MOST), 256 + between(words[1] >> 16, ENTRY_MOST)},
    };
    const int move[2] = {between(words[2], MOVE_MOST), between(words[2] >> 16, MOVE_MOST)};
    transform(map, move, from, to);
}
