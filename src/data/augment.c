#include "data/augment.h"

#include <string.h>

#include "base/random.h"

#define MAX_SHIFT 1 /* pixels */
/* Of an affine map: entries in 1/256, moves in 1/512 of a pixel. */
#define MAX_ENTRY 26
#define MAX_MOVE  768
#define ONE       512 /* a pixel */
/* Added so that places beyond the image are positive too: more than any side. */
#define AWAY 16384

const char *augmentation_name(enum augmentation augmentation) {
    static const char *const names[] = {"none", "shift", "affine"};
    return names[augmentation];
}

/* A number in -most..most from 16 bits. */
static int between(uint32_t bits, int most) {
    return (int)((bits & 0xffff) * (uint32_t)(2 * most + 1) >> 16) - most;
}

/* All rows at once, which brings what leaves one row into the next: that is cleared. */
static void shift(int down, int right, const struct shape *shape, const unsigned char *from,
                  unsigned char *to) {
    size_t channels = (size_t)shape_channels(shape), row = (size_t)shape->size[1] * channels;
    size_t all = shape_count(shape);
    int by = (down * shape->size[1] + right) * (int)channels;
    size_t lost = (size_t)(by < 0 ? -by : by);
    if (lost > all) lost = all;
    if (by < 0) {
        memcpy(to, from + lost, all - lost);
        memset(to + all - lost, 0, lost);
    } else {
        memset(to, 0, lost);
        memcpy(to + lost, from, all - lost);
    }
    size_t edge = (size_t)(right < 0 ? -right : right) * channels;
    if (edge > row) edge = row;
    for (size_t y = 0; edge && y < (size_t)shape->size[0]; y++)
        memset(to + y * row + (right < 0 ? row - edge : 0), 0, edge);
}

struct place {
    int row, column;
    unsigned down, right; /* of ONE, to the next */
};

static unsigned pixel(const struct shape *shape, const unsigned char *from, int row, int column,
                      int channel) {
    if (row < 0 || row >= shape->size[0] || column < 0 || column >= shape->size[1]) return 0;
    return from[(row * shape->size[1] + column) * shape_channels(shape) + channel];
}

/* Bilinear, 0 beyond the image. */
static unsigned char blend(const struct shape *shape, const unsigned char *from,
                           const struct place *at, int channel) {
    int row = at->row, column = at->column;
    unsigned upper = pixel(shape, from, row, column, channel) * (ONE - at->right) +
                     pixel(shape, from, row, column + 1, channel) * at->right;
    unsigned lower = pixel(shape, from, row + 1, column, channel) * (ONE - at->right) +
                     pixel(shape, from, row + 1, column + 1, channel) * at->right;
    unsigned sum = upper * (ONE - at->down) + lower * at->down;
    return (unsigned char)((sum + ONE * ONE / 2) / (ONE * ONE));
}

/* The pixel at (x, y) shows the place map * ((x, y) - centre) + centre + move of `from`. */
static void transform(const int map[2][2], const int move[2], const struct shape *shape,
                      const unsigned char *from, unsigned char *to) {
    /* Twice the distance from the centre is whole, and 256 times 2 is ONE. */
    const int last_y = shape->size[0] - 1, last_x = shape->size[1] - 1;
    const int channels = shape_channels(shape);
    for (int y = 0; y <= last_y; y++) {
        int at_x = last_x * ONE / 2 + move[0] - map[0][0] * last_x + map[0][1] * (2 * y - last_y);
        int at_y = last_y * ONE / 2 + move[1] - map[1][0] * last_x + map[1][1] * (2 * y - last_y);
        for (int x = 0; x <= last_x; x++, at_x += 2 * map[0][0], at_y += 2 * map[1][0]) {
            unsigned row = (unsigned)(at_y + AWAY * ONE), column = (unsigned)(at_x + AWAY * ONE);
            struct place place = {(int)(row / ONE) - AWAY, (int)(column / ONE) - AWAY, row % ONE,
                                  column % ONE};
            for (int c = 0; c < channels; c++) *to++ = blend(shape, from, &place, c);
        }
    }
}

void augment_image(const struct augment *augment, uint64_t step, uint32_t index,
                   const unsigned char *from, unsigned char *to) {
    const struct shape *shape = &augment->shape;
    uint32_t words[4];
    if (augment->kind == AUGMENT_NONE || shape->rank < 2) {
        memcpy(to, from, shape_count(shape));
        return;
    }
    random_philox(augment->seed, RANDOM_AUGMENT, step, index, words);
    if (augment->kind == AUGMENT_SHIFT) {
        shift(between(words[0], MAX_SHIFT), between(words[0] >> 16, MAX_SHIFT), shape, from, to);
        return;
    }
    const int map[2][2] = {
        {256 + between(words[0], MAX_ENTRY), between(words[0] >> 16, MAX_ENTRY)},
        {between(words[1], MAX_ENTRY), 256 + between(words[1] >> 16, MAX_ENTRY)},
    };
    const int move[2] = {between(words[2], MAX_MOVE), between(words[2] >> 16, MAX_MOVE)};
    transform(map, move, shape, from, to);
}
