#!/usr/bin/env python3
"""Make dilated.bin of this folder with TensorFlow: dilated convolutions as its converter writes them.

    make_dilated.py OUT/dilated.bin

holds records as those of operators.bin (make_operators.py).  With a batch of any size the converter
leaves SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND, and behind them an ADD of the bias and
the activation; with a batch of 1 it makes one convolution of them.  Of a QAT model it leaves the
convolution in float32, behind a DEQUANTIZE after SPACE_TO_BATCH_ND.  Written with tensorflow-cpu
2.21.0, tf_keras 2.21.0 and tensorflow-model-optimization 0.8.1.
"""

import os
import struct
import sys

os.environ['TF_USE_LEGACY_KERAS'] = '1'
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tf_keras import layers

random = np.random.default_rng(5)


def convert_qat(model):
    converter = tf.lite.TFLiteConverter.from_keras_model(
        tfmot.quantization.keras.quantize_model(model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def convert(model, shape, is_int8, is_fixed):
    if is_fixed:
        call = tf.function(lambda x: model(x),
                           input_signature=[tf.TensorSpec((1, *shape), tf.float32)])
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [call.get_concrete_function()], model)
    else:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if is_int8:
        digits = random.normal(0.3, 1, (16, 1, *shape)).astype(np.float32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x] for x in digits)
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def run(content, x, resolver):
    interpreter = tf.lite.Interpreter(model_content=content,
                                      experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]['index'], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]['index'])


def record(file, content, shape, is_int8):
    x = random.integers(-128, 128, (1, *shape), dtype=np.int8)
    if not is_int8:
        x = (x / np.float32(40)).astype(np.float32)
    resolvers = tf.lite.experimental.OpResolverType
    ref, xnn = run(content, x, resolvers.BUILTIN_REF), run(content, x, resolvers.AUTO)
    file.write(struct.pack('<3I', len(content), x.nbytes, ref.nbytes))
    file.write(content + x.tobytes() + ref.tobytes() + xnn.tobytes())


def weigh(model):
    """Biases far from 0, so that they and the border's zero point can be told apart."""
    model.set_weights([random.normal(0, 0.3, w.shape).astype(np.float32)
                       for w in model.get_weights()])


def networks(padding):
    for rate in ((2, 2), (3, 1), (2, 3)):
        options = {'dilation_rate': rate, 'padding': padding}
        yield [layers.Conv2D(4, (3, 2), **options)]
        yield [layers.DepthwiseConv2D((2, 3), activation='relu', **options)]
    options = {'dilation_rate': 2, 'padding': padding}
    yield [layers.DepthwiseConv2D(3, depth_multiplier=2, activation='relu6', **options)]
    yield [layers.Conv2D(4, 3, use_bias=False, activation='relu', **options)]
    yield [layers.ZeroPadding2D(((1, 2), (0, 1))), layers.Conv2D(4, 3, **options),
           layers.DepthwiseConv2D(2, **options), layers.MaxPooling2D(2)]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    shape = (9, 10, 2)
    with open(sys.argv[1], 'wb') as file:
        for padding in ('same', 'valid'):
            for number, stack in enumerate(networks(padding)):
                model = tf_keras.Sequential([layers.Input(shape), *stack])
                weigh(model)
                for is_int8 in (False, True):
                    for is_fixed in (False, True) if number == 0 else (False,):
                        record(file, convert(model, shape, is_int8, is_fixed), shape, is_int8)
                if number == 0:
                    record(file, convert_qat(model), shape, True)


if __name__ == '__main__':
    main()
