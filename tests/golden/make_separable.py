#!/usr/bin/env python3
"""Make keras3_separable.{h5,keras,f32} of this folder with Keras 3: layers in its own words.

    make_separable.py ASSETS/mnist-5k OUT

The .f32 holds the model's outputs on every tenth test digit.  Written with keras 3.15.1.
"""

import gzip
import os
import sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import keras
import numpy as np
from keras import layers


def main(digits, out):
    keras.utils.set_random_seed(1)
    with gzip.open(os.path.join(digits, 't10k-images-idx3-ubyte.gz')) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.SeparableConv2D(5, 3, depth_multiplier=2, strides=2, activation='relu',
                               bias_initializer='random_normal', name='first'),
        layers.SeparableConv2D(5, 3, padding='same', activation='tanh', name='second'),
        layers.LeakyReLU(0.2),
        layers.ReLU(max_value=0.5),
        layers.SeparableConv2D(5, 3, use_bias=False, activation='sigmoid', name='third'),
        layers.Flatten(),
        layers.Dense(10, activation='softmax'),
    ])
    for ending in ('h5', 'keras'):
        model.save(os.path.join(out, 'keras3_separable.' + ending))
    x = pixels[::10].astype(np.float32) / np.float32(255)
    model.predict(x, verbose=0).tofile(os.path.join(out, 'keras3_separable.f32'))


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
