/* image: pictures in, and from any picture of a digit to one like MNIST's.
 *
 * MNIST's digits are light on dark, fit into 20x20 pixels and have their centre of mass in the
 * middle of 28x28.  A picture that people make is none of that; image_to_digit does the same to it
 * as was done to theirs.
 */
#ifndef DATA_IMAGE_H
#define DATA_IMAGE_H

#include <stdbool.h>

#include "base/error.h"
#include "data/dataset.h"

#define MAX_IMAGE_FILE   ((size_t)64 << 20) /* bytes of a file */
#define MAX_IMAGE_SIDE   8192
#define MAX_IMAGE_PIXELS (1 << 24)

struct image {
    int width, height;
    unsigned char *pixels; /* [height][width], 0 = black, 255 = white */
};

/* Read a PNG of any kind as grey.  What is transparent becomes white, or black where the picture
 * would vanish in white.  Takes at most 64 MiB beside the file's bytes, and image_to_digit 48 MiB
 * more.  The caller frees with image_free; on failure *image is zeroed. */
enum status image_read_png(const char *path, struct image *image, struct error *error);
void image_free(struct image *image);

/* What image_to_digit found and did. */
struct image_report {
    int width, height;               /* the picture */
    int left, top, right, bottom;    /* the ink's box in it; right and bottom are excluded */
    int scaled_width, scaled_height; /* the ink's box in the digit */
    bool is_inverted;                /* it was dark on light */
    bool is_unchanged;               /* it was like MNIST already (but for is_inverted) */
};

/* Whether the ink is darker than what surrounds it. */
bool image_is_dark_on_light(const struct image *image);

/* digit[28][28], light on dark: the ink's box is scaled to fit 20x20 by area averaging and centred
 * by mass.  A 28x28 picture that is so already keeps its pixels.  `report` may be NULL.
 * STATUS_FORMAT when all pixels are about the same; `path` is for the message. */
enum status image_to_digit(const struct image *image, const char *path,
                           unsigned char digit[DIGIT_PIXELS], struct image_report *report,
                           struct error *error);

#endif
