/* augment: training digits moved or bent a little, another way each time they are seen, so that a
 * model cannot learn them by heart.
 *
 *   none    the digit as it is
 *   shift   moved by -1..1 pixels along each axis; what leaves the image is lost, 0 comes in
 *   affine  turned, sheared and scaled by up to about a tenth (each entry of the matrix differs
 *           from the identity's by up to 26/256), moved by up to 1.5 pixels, bilinear
 *
 * Whole numbers only: the result is a function of its arguments, the same on every machine.
 */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include <stdint.h>

enum augmentation { AUGMENT_NONE, AUGMENT_SHIFT, AUGMENT_AFFINE, AUGMENTATIONS };

const char *augmentation_name(enum augmentation augmentation); /* "none", ... */

/* to[28][28] from from[28][28], which must not overlap.  `step` counts batches, `index` the digits
 * of a batch; each pair gives other random numbers. */
void augment_digit(enum augmentation augmentation, uint64_t seed, uint64_t step, uint32_t index,
                   const unsigned char *from, unsigned char *to);

#endif
