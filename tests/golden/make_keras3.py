#!/usr/bin/env python3
"""Make the goldens of a small residual network as Keras 3 saves it.

    make_keras3.py ASSETS/mnist-5k OUT

writes OUT/residual_keras3/:

    model.h5, model.keras  a Functional model with random weights: Add of three ways, two by two,
                           one of them an operator `+`
    probs.f32              its outputs on every 20th test digit, float32

Keras 3 describes calls of layers otherwise than tf_keras does (make.py).  Written with VERSIONS.
"""

import os
import sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import gzip

import keras
import numpy as np
from keras import layers

VERSIONS = 'keras 3.15.1, tensorflow-cpu 2.21.0'
EVERY = 20


def network():
    x = inputs = layers.Input((28, 28, 1), name='digit')
    x = layers.Conv2D(4, 3, strides=2, padding='same', activation='relu', name='stem')(x)
    y = layers.Conv2D(4, 3, padding='same', use_bias=False, name='near')(x)
    y = layers.BatchNormalization(name='near_bn')(y)
    z = layers.DepthwiseConv2D(3, padding='same', name='far')(x)
    x = layers.Add(name='sum')([y, x])
    x = layers.ReLU(name='sum_relu')(x) + z
    x = layers.Dropout(0.25, name='drop')(x)
    y = layers.MaxPooling2D(2, name='most')(x)
    z = layers.AveragePooling2D(2, name='mean')(x)
    x = layers.Add(name='pools')([y, z])
    x = layers.Flatten(name='flat')(x)
    x = layers.Dense(10, activation='softmax', name='classes')(x)
    return keras.Model(inputs, x, name='residual_keras3')


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = os.path.join(sys.argv[2], 'residual_keras3')
    os.makedirs(folder, exist_ok=True)
    with gzip.open(os.path.join(sys.argv[1], 't10k-images-idx3-ubyte.gz'), 'rb') as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)[::EVERY]
    model = network()
    random = np.random.default_rng(3)
    model.set_weights([random.uniform(0.02, 0.2, w.shape) * random.choice([1, -1], w.shape)
                       if not w.name.startswith('moving_variance') else
                       random.uniform(0.5, 2, w.shape) for w in model.weights])
    model.save(os.path.join(folder, 'model.h5'), include_optimizer=False)
    model.save(os.path.join(folder, 'model.keras'), include_optimizer=False)
    probabilities = model.predict(images.astype(np.float32) / np.float32(255), verbose=0)
    probabilities.tofile(os.path.join(folder, 'probs.f32'))


if __name__ == '__main__':
    main()
