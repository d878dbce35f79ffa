#!/usr/bin/env python3
"""Ask TensorFlow what tf.image.resize (bilinear, no antialias) makes of pictures of many sizes.

    make_resize.py OUT

writes OUT/resize.txt: a line for each size,

    height width channels to_height to_width
    sha256 of the float32 result (little endian), sha256 of tf.cast(tf.round(result), tf.uint8)
    five values of the result, at 0, 1/4, 1/2, 3/4 and the end, as C's hexadecimal floats

of the picture whose byte i is (i * i * 31 + i * 7 + 3) / 8 modulo 256, in 32 bits.

Written with tensorflow-cpu 2.21.0, whose results are the same with and without oneDNN.
"""

import hashlib
import os
import sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import numpy as np
import tensorflow as tf

SIZES = ((1, 1, 3, 5), (2, 3, 7, 4), (3, 2, 1, 1), (5, 7, 28, 28), (13, 19, 8, 8), (28, 28, 14, 14),
         (28, 28, 32, 32), (32, 32, 28, 28), (31, 17, 32, 32), (50, 50, 28, 28), (64, 48, 10, 9),
         (96, 96, 96, 96), (33, 40, 96, 96), (301, 451, 96, 96), (480, 640, 32, 32),
         (1000, 3, 49, 10), (7, 2000, 10, 49), (255, 257, 256, 256), (720, 1280, 224, 224))


def main(out):
    with open(os.path.join(out, 'resize.txt'), 'w') as file:
        for height, width, to_height, to_width in SIZES:
            for channels in (1, 3):
                i = np.arange(height * width * channels, dtype=np.uint32)
                picture = ((i * i * 31 + i * 7 + 3) >> 3 & 255).astype(np.uint8)
                picture = picture.reshape(height, width, channels)
                result = tf.cast(tf.image.resize(picture, (to_height, to_width)), tf.float32)
                rounded = tf.cast(tf.round(result), tf.uint8).numpy().tobytes()
                flat = result.numpy().ravel()
                some = [flat[k * (len(flat) - 1) // 4] for k in range(5)]
                print(height, width, channels, to_height, to_width,
                      hashlib.sha256(flat.astype('<f4').tobytes()).hexdigest(),
                      hashlib.sha256(rounded).hexdigest(),
                      *(float(value).hex() for value in some), file=file)


main(sys.argv[1])
