/* augment: training images shifted or deformed a little, differently each time they are used, so
 * that a model cannot memorize them.
 *
 *   none    the image as it is
 *   shift   shifted by -1..1 pixels along each axis, filled with 0
 *   affine  rotated, sheared and scaled by up to about a tenth (each entry of the matrix differs
 *           from the identity's by up to 26/256), shifted by up to 1.5 pixels, bilinear
 *
 * Integer arithmetic only: the result is a function of the arguments, the same on every machine.
 */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include <stdint.h>

#include "base/shape.h"

enum augmentation { AUGMENT_NONE, AUGMENT_SHIFT, AUGMENT_AFFINE, AUGMENTATIONS };

const char *augmentation_name(enum augmentation augmentation); /* "none", ... */

/* How the images of one training are changed. */
struct augment {
    enum augmentation kind;
    struct shape shape; /* of bytes; rows of features are left as they are */
    uint64_t seed;
};

/* `from` and `to` hold one image each and must not overlap.  `step` counts batches, `index` the
 * images of a batch; each pair gives other random numbers. */
void augment_image(const struct augment *augment, uint64_t step, uint32_t index,
                   const unsigned char *from, unsigned char *to);

#endif
