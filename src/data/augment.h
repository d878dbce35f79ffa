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

enum augmentation { AUGMENT_NONE, AUGMENT_SHIFT, AUGMENT_AFFINE, AUGMENTATIONS };

const char *augmentation_name(enum augmentation augmentation); /* "none", ... */

/* to[28][28] from from[28][28], which must not overlap.  `step` counts batches, `index` the images
 * of a batch; each pair gives different random numbers. */
void augment_digit(enum augmentation augmentation, uint64_t seed, uint64_t step, uint32_t index,
                   const unsigned char *from, unsigned char *to);

#endif
