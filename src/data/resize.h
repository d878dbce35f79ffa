/* resize: pictures scaled as Keras does it when it loads a folder of them: tf.image.resize with
 * method "bilinear" and antialias False, bit for bit.
 *
 * Output pixel (x, y) shows the place ((x + .5) * width / to_width - .5, the same for y) of the
 * input, between whose four neighbours it is interpolated in float32, first along x; places beyond
 * the rim show the rim.  Reducing to less than half the size passes over pixels, as TensorFlow
 * does.
 */
#ifndef DATA_RESIZE_H
#define DATA_RESIZE_H

#include "base/error.h"

struct resize {
    int height, width;       /* of the input, each at least 1 */
    int to_height, to_width; /* of the output, each at least 1 */
    int channels;
};

/* to[to_height][to_width][channels] from from[height][width][channels].  `where` is for the error,
 * which can only be a lack of memory, for the weights of one row. */
enum status resize_to_floats(const struct resize *resize, const unsigned char *from, float *to,
                             const char *where, struct error *error);

/* The same rounded to whole numbers, halves to even as tf.round does: at most 1/2 from what Keras
 * feeds to a model, in a quarter of the memory. */
enum status resize_to_bytes(const struct resize *resize, const unsigned char *from,
                            unsigned char *to, const char *where, struct error *error);

#endif
