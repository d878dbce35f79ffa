#!/usr/bin/env python3
"""Make the small goldens of this folder with TensorFlow, from the bundled digits.

    make.py ASSETS/mnist-5k OUT [NAME...]

writes OUT/NAME/ for each network below (default: all):

    model.h5             the float model of tf_keras, trained for a short while
    summary.txt          what its summary() prints
    fp32_probs.f32       its outputs on DIGITS test digits spread evenly (0, 10, 20, ...), float32
    qat.h5               TFMOT's QAT model after STEPS steps, as model.save writes it
    steps.jsonl          loss and accuracy of each step, all ranges after the first and the last
    fakequant_probs.f32  the QAT model's outputs on those digits
    model_int8.tflite    converted from it, float32 input and output
    model_int8_io.tflite the same with int8 input and output
    model_ptq.tflite     the float model quantized after training, the first 500 training digits
    model_fp32.tflite    the float model converted
    *.ref.*, *.xnn.*     outputs of TFLite's reference kernels and of the default interpreter

of the networks of WITHOUT_QAT only the float model and what the converter makes of it.
Steps are of 32 digits in file order, without shuffling, Dropout's rate set to 0.  Written with
Python 3.11 and the packages of VERSIONS; other versions give other files.
"""

import json
import os
import sys

os.environ['TF_USE_LEGACY_KERAS'] = '1'
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import gzip

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tf_keras import layers

VERSIONS = 'tensorflow-cpu 2.21.0, tf_keras 2.21.0, tensorflow-model-optimization 0.8.1'
DIGITS = 100
STEPS = 40
CALIBRATION = 500


def residual():
    """Functional: a block with BatchNormalization, one with a projection, Add with and without ReLU."""
    x = inputs = layers.Input((28, 28, 1), name='digit')
    x = layers.Conv2D(8, 3, strides=2, padding='same', use_bias=False, name='stem')(x)
    x = layers.BatchNormalization(name='stem_bn')(x)
    x = layers.ReLU(name='stem_relu')(x)
    y = layers.Conv2D(8, 3, padding='same', use_bias=False, name='a1')(x)
    y = layers.BatchNormalization(name='a1_bn')(y)
    y = layers.ReLU(name='a1_relu')(y)
    y = layers.Conv2D(8, 3, padding='same', name='a2')(y)
    y = layers.BatchNormalization(name='a2_bn')(y)
    x = layers.Add(name='a_add')([x, y])
    x = layers.ReLU(name='a_relu')(x)
    y = layers.Conv2D(16, 3, strides=2, padding='same', activation='relu', name='b1')(x)
    y = layers.Conv2D(16, 3, padding='same', name='b2')(y)
    z = layers.Conv2D(16, 1, strides=2, name='b_projection')(x)
    x = layers.Add(name='b_add')([z, y])
    x = layers.GlobalAveragePooling2D(name='average')(x)
    x = layers.Dense(10, activation='softmax', name='classes')(x)
    return tf_keras.Model(inputs, x, name='residual')


def separable():
    """Depthwise filters of every kind, averages before and after ranges of their own."""
    return tf_keras.Sequential([
        layers.Input((28, 28, 1), name='digit'),
        layers.SeparableConv2D(6, 3, strides=2, depth_multiplier=2, activation='relu',
                               name='first'),
        layers.AveragePooling2D(2, strides=1, padding='same', name='smooth'),
        layers.SeparableConv2D(8, 3, padding='same', activation='tanh', use_bias=False,
                               name='second'),
        layers.AveragePooling2D(3, strides=2, padding='same', name='halve'),
        layers.DepthwiseConv2D(3, padding='same', depth_multiplier=2, name='third'),
        layers.BatchNormalization(name='third_bn'),
        layers.ReLU(name='third_relu'),
        layers.MaxPooling2D(2, padding='same', name='most'),
        layers.AveragePooling2D(2, strides=1, name='smooth_most'),
        layers.Conv2D(12, 2, strides=2, padding='same', activation='relu', name='fourth'),
        layers.Reshape((-1,), name='row'),
        layers.Dense(10, activation='softmax', name='classes'),
    ], name='separable')


def sigmoid():
    """sigmoid and tanh as an argument and as layers, after all that may stand before them."""
    return tf_keras.Sequential([
        layers.Input((28, 28, 1), name='digit'),
        layers.Conv2D(6, 5, strides=2, activation='sigmoid', name='first'),
        layers.MaxPooling2D(2, name='most'),
        layers.ZeroPadding2D(1, name='margin'),
        layers.Conv2D(8, 3, name='second'),
        layers.BatchNormalization(name='second_bn'),
        layers.Activation('tanh', name='second_tanh'),
        layers.DepthwiseConv2D(3, activation='tanh', name='third'),
        layers.MaxPooling2D(2, strides=1, name='third_most'),
        layers.Activation('relu', name='third_relu'),
        layers.Flatten(name='flat'),
        layers.Dense(16, name='fourth'),
        layers.Activation('sigmoid', name='fourth_sigmoid'),
        layers.Dropout(0.25, name='drop'),
        layers.Dense(16, activation='tanh', name='fifth'),
        layers.Activation('sigmoid', name='fifth_sigmoid'),
        layers.Dense(12, activation='sigmoid', name='sixth'),
        layers.Dense(10, name='classes'),
        layers.Activation('softmax', name='softmax'),
    ], name='sigmoid')


def leaky():
    """LeakyReLU after a convolution, BatchNormalization, pooling and Dense."""
    return tf_keras.Sequential([
        layers.Input((28, 28, 1), name='digit'),
        layers.Conv2D(6, 3, strides=2, name='first'),
        layers.LeakyReLU(0.1, name='first_leaky'),
        layers.Conv2D(8, 3, name='second'),
        layers.BatchNormalization(name='second_bn'),
        layers.LeakyReLU(name='second_leaky'),
        layers.MaxPooling2D(2, name='most'),
        layers.LeakyReLU(0.5, name='most_leaky'),
        layers.Flatten(name='flat'),
        layers.Dense(12, name='third'),
        layers.LeakyReLU(0.2, name='third_leaky'),
        layers.Dense(10, activation='softmax', name='classes'),
    ], name='leaky')


def limited():
    """ReLU with limits that no operator knows."""
    return tf_keras.Sequential([
        layers.Input((28, 28, 1), name='digit'),
        layers.Conv2D(6, 3, strides=2, name='first'),
        layers.ReLU(max_value=0.75, name='first_relu'),
        layers.Conv2D(8, 3, strides=2, name='second'),
        layers.BatchNormalization(name='second_bn'),
        layers.ReLU(max_value=1, name='second_relu'),
        layers.MaxPooling2D(2, name='most'),
        layers.ReLU(max_value=0.5, name='most_relu'),
        layers.Flatten(name='flat'),
        layers.Dense(10, activation='softmax', name='classes'),
    ], name='limited')


def dilated():
    """Dilation of both kinds of convolution."""
    return tf_keras.Sequential([
        layers.Input((28, 28, 1), name='digit'),
        layers.Conv2D(6, 3, strides=2, activation='relu', name='first'),
        layers.Conv2D(6, 3, dilation_rate=2, padding='same', activation='relu', name='second'),
        layers.DepthwiseConv2D(3, dilation_rate=2, depth_multiplier=2, activation='relu',
                               name='third'),
        layers.Conv2D(6, (2, 3), dilation_rate=(3, 2), name='fourth'),
        layers.GlobalAveragePooling2D(name='average'),
        layers.Dense(10, activation='softmax', name='classes'),
    ], name='dilated')


NETWORKS = {f.__name__: f for f in (residual, separable, sigmoid, leaky, limited, dilated)}

EPOCHS = {'sigmoid': 40}

# TFMOT trains these, but the converter then leaves convolutions in float.
WITHOUT_QAT = ('limited', 'dilated')


def read_idx(path):
    with gzip.open(path, 'rb') as file:
        data = file.read()
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], 'big') for i in range(rank)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_digits(folder, part):
    images = read_idx(os.path.join(folder, part + '-images-idx3-ubyte.gz'))
    labels = read_idx(os.path.join(folder, part + '-labels-idx1-ubyte.gz'))
    images = images.astype(np.float32)[..., None] / np.float32(255)
    return images, np.eye(10, dtype=np.float32)[labels]


def compiled(model):
    model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
    return model


def without_dropout(model):
    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, layers.Dropout):
            config['rate'] = 0.0
        return layer.__class__.from_config(config)
    copy = tf_keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def ranges_of(model):
    """All variables that are no trained weight: ranges, moving statistics."""
    return {v.name: [float(x) for x in np.ravel(v.numpy())] for v in model.non_trainable_variables}


def train_qat(model, images, labels, path):
    qat = compiled(tfmot.quantization.keras.quantize_model(without_dropout(model)))
    with open(path, 'w') as file:
        for step in range(STEPS):
            part = slice(step * 32, step * 32 + 32)
            qat.reset_metrics()
            loss, accuracy = qat.train_on_batch(images[part], labels[part])
            line = {'step': step + 1, 'loss': float(loss), 'accuracy': float(accuracy)}
            if step + 1 in (1, STEPS):
                line['ranges'] = ranges_of(qat)
            file.write(json.dumps(line) + '\n')
    return qat


def convert(model, images=None, io=None, quantized=True):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if images is not None:
        converter.representative_dataset = lambda: ([x[None]] for x in images)
    if io:
        converter.inference_input_type = converter.inference_output_type = io
    return converter.convert()


def run_tflite(content, images, resolver):
    interpreter = tf.lite.Interpreter(model_content=content,
                                      experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for image in images:
        x = image[None]
        if source['dtype'] != np.float32:
            scale, zero_point = source['quantization']
            info = np.iinfo(source['dtype'])
            x = np.clip(np.round(x / scale) + zero_point, info.min, info.max)
        interpreter.set_tensor(source['index'], x.astype(source['dtype']))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(sink['index'])[0])
    return np.array(outputs)


def write_tflite(folder, name, content, images):
    with open(os.path.join(folder, name + '.tflite'), 'wb') as file:
        file.write(content)
    resolvers = tf.lite.experimental.OpResolverType
    for suffix, resolver in (('ref', resolvers.BUILTIN_REF), ('xnn', resolvers.AUTO)):
        outputs = run_tflite(content, images, resolver)
        ending = {'float32': 'f32', 'int8': 'i8', 'uint8': 'u8'}[str(outputs.dtype)]
        outputs.tofile(os.path.join(folder, '%s.%s.%s' % (name, suffix, ending)))


def make(name, digits, out):
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(1)
    images, labels = read_digits(digits, 'train')
    order = np.random.default_rng(1).permutation(len(images))
    images, labels = images[order], labels[order]
    test_images, test_labels = read_digits(digits, 't10k')
    shown = test_images[::len(test_images) // DIGITS]
    model = compiled(NETWORKS[name]())
    model.fit(images, labels, epochs=EPOCHS.get(name, 4), verbose=0)
    model.save(os.path.join(folder, 'model.h5'), include_optimizer=False)
    with open(os.path.join(folder, 'summary.txt'), 'w') as file:
        model.summary(print_fn=lambda line: file.write(line + '\n'))
    model.predict(shown, verbose=0).tofile(os.path.join(folder, 'fp32_probs.f32'))
    train_images, train_labels = read_digits(digits, 'train')
    calibration = train_images[:CALIBRATION]
    write_tflite(folder, 'model_ptq', convert(model, images=calibration), shown)
    write_tflite(folder, 'model_fp32', convert(model, quantized=False), shown)
    accuracy = model.evaluate(test_images, test_labels, verbose=0)[1]
    print('%s: float %.4f' % (name, accuracy), flush=True)
    if name in WITHOUT_QAT:
        return
    qat = train_qat(model, train_images, train_labels, os.path.join(folder, 'steps.jsonl'))
    qat.save(os.path.join(folder, 'qat.h5'), include_optimizer=False)
    qat.predict(shown, verbose=0).tofile(os.path.join(folder, 'fakequant_probs.f32'))
    write_tflite(folder, 'model_int8', convert(qat), shown)
    write_tflite(folder, 'model_int8_io', convert(qat, io=tf.int8), shown)
    after = qat.evaluate(test_images, test_labels, verbose=0)[1]
    print('%s: QAT %.4f' % (name, after), flush=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for name in sys.argv[3:] or NETWORKS:
        make(name, sys.argv[1], sys.argv[2])


if __name__ == '__main__':
    main()
