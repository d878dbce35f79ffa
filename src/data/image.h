/* image: read PNG files, and convert any image of a digit to one like MNIST's.
 *
 * MNIST's digits are light on dark, fit into 20x20 pixels and have their centre of mass in the
 * middle of 28x28.  Other images rarely do; image_to_digit processes them as MNIST's were.
 */
#ifndef DATA_IMAGE_H
#define DATA_IMAGE_H

#include <stdbool.h>

#include "base/error.h"

#define DIGIT_SIDE    28
#define DIGIT_PIXELS  (DIGIT_SIDE * DIGIT_SIDE)
#define DIGIT_CLASSES 10

#define MAX_IMAGE_FILE   ((size_t)64 << 20) /* bytes of a file */
#define MAX_IMAGE_SIDE   8192
#define MAX_IMAGE_PIXELS (1 << 24)

struct image {
    int width, height;
    unsigned char *pixels; /* [height][width], 0 = black, 255 = white */
};

/* Read a PNG of any format as grey.  Transparent pixels become white, or black where the image
 * would vanish on white.  Takes at most 64 MiB in addition to the file's bytes, and image_to_digit
 * 48 MiB more.  The caller frees it with image_free; on failure *image is zeroed. */
enum status image_read_png(const char *path, struct image *image, struct error *error);
void image_free(struct image *image);

/* What image_to_digit found and did. */
struct image_report {
    int width, height;               /* size of the image */
    int left, top, right, bottom;    /* bounding box of the ink; right and bottom are exclusive */
    int scaled_width, scaled_height; /* size of that box in the digit */
    bool is_inverted;                /* it was dark on light */
    bool is_unchanged;               /* it already was like MNIST's (except for is_inverted) */
};

/* Whether the ink is darker than what surrounds it. */
bool image_is_dark_on_light(const struct image *image);

/* digit[28][28], light on dark: the ink's bounding box is scaled to fit 20x20 by area averaging and
 * centred by mass.  A 28x28 image that already is like that keeps its pixels.  `report` may be
 * NULL.  STATUS_FORMAT when all pixels are nearly the same; `path` is for the message. */
enum status image_to_digit(const struct image *image, const char *path,
                           unsigned char digit[DIGIT_PIXELS], struct image_report *report,
                           struct error *error);

#endif
