#!/usr/bin/env python3
"""Make keras3_spatial.{h5,keras,f32} of this folder with Keras 3: SpatialDropout2D in its own words.

    make_spatial.py ASSETS/mnist-5k OUT

The .f32 holds the model's outputs on every tenth test digit.  Written with keras 3.15.1, jax 0.10.2.
"""

import gzip
import os
import sys

os.environ.setdefault('KERAS_BACKEND', 'jax')

import keras
import numpy as np
from keras import layers


def main(digits, out):
    keras.utils.set_random_seed(1)
    with gzip.open(os.path.join(digits, 't10k-images-idx3-ubyte.gz')) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(6, 3, strides=2, bias_initializer='random_normal'),
        layers.BatchNormalization(),
        layers.SpatialDropout2D(0.25),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.SpatialDropout2D(0.5, name='channels'),
        layers.Flatten(),
        layers.Dense(10, activation='softmax'),
    ], name='spatial')
    for ending in ('h5', 'keras'):
        model.save(os.path.join(out, 'keras3_spatial.' + ending))
    x = pixels[::10].astype(np.float32) / np.float32(255)
    model.predict(x, verbose=0).tofile(os.path.join(out, 'keras3_spatial.f32'))


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
