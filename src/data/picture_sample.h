/* picture_sample: a PNG or JPEG file as the bytes of one sample of a given shape. */
#ifndef DATA_PICTURE_SAMPLE_H
#define DATA_PICTURE_SAMPLE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/shape.h"

/* The shape [height, width, channels] of pictures for a model's input: grey or RGB; for a model
 * that takes a row of numbers, a square image of as many.  `where` names the pictures in the
 * refusal. */
enum status picture_sample_shape(const struct shape *input, const char *where, struct shape *shape,
                                 struct error *error);

/* Whether a model of this input shape and so many classes may be one of MNIST's digits. */
bool picture_sample_may_be_digit(const struct shape *shape, int classes);

enum picture_fit {
    PICTURE_RESIZE,      /* as resize.h says */
    PICTURE_DIGIT,       /* a digit like MNIST's: centred, light on dark, as image.h says */
    PICTURE_DIGIT_AS_IS, /* the same, but a 28x28 picture keeps its pixels, inverted if it is dark
                            on light */
};

/* to[height][width][channels], which is [28][28][1] for digits. */
enum status picture_sample_read(const char *path, const struct shape *shape, enum picture_fit fit,
                                unsigned char *to, struct error *error);

#endif
