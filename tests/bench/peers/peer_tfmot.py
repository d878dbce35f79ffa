"""TFMOT: one epoch of quantization-aware training and its validation.  peer_tfmot.py MODEL.h5 DIGITS"""

import os
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from peer_digits import read_digits, serve

model_path, folder = sys.argv[1:]
model = tf_keras.models.load_model(model_path, compile=False)
shape = (-1,) + tuple(model.input_shape[1:])
x, y = read_digits(folder, "train")
test_x, test_y = read_digits(folder, "t10k")
x, test_x = x.reshape(shape), test_x.reshape(shape)
quantized = tfmot.quantization.keras.quantize_model(model)
quantized.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
quantized.fit(x[:640], y[:640], batch_size=32, verbose=0, validation_data=(test_x[:64], test_y[:64]))


def epoch():
    quantized.fit(x, y, batch_size=32, epochs=1, verbose=0, validation_data=(test_x, test_y))


serve(epoch, "TensorFlow %s, TFMOT %s" % (tf.__version__, tfmot.__version__))
