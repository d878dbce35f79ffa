"""Makes the files beside it with the real thing; they come with the sources because a fresh clone
has no TensorFlow.  Made by tensorflow-cpu 2.21.0, tf_keras 2.21.0, tensorflow-model-optimization
0.8.1 and h5py 3.14:

    python3 tests/golden/make_saved.py tests/golden

qat.h5, qat.keras  one small model after an epoch of TFMOT's QAT on the 4,000 bundled digits, saved
                   whole, with every kind of wrapper: a convolution, BatchNormalization and ReLU; a
                   depthwise convolution; a convolution that TFMOT leaves alone because a ReLU layer
                   follows; pooling; Dense; Softmax
qat.tflite         what the TFLite converter makes of it
qat.json           its loss and accuracy on the 1,000 bundled test digits by Keras, and those of the
                   float weights in it
odd_subgraphs.tflite  qat.tflite without names and metadata, and a second subgraph, which leaves the
                   last operator out and whose signature comes first
odd_unused.tflite  qat.tflite and tensors of bool and int4 that nothing uses
odd_custom.tflite  nothing but an operator of a kind that nobody knows
odd_type.tflite    a pooling of int4
frozen.h5          a float model of which a Conv2D and both BatchNormalizations have trainable=False
frozen_after.h5    frozen.h5 after six steps of TFMOT's QAT, 32 bundled training digits each in
                   file order: all variables, saved whole
frozen.json        the loss of each of those steps
partial.h5         a QAT model of which only the last layer is annotated: the input has no range
"""

import gzip
import json
import os
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import copy

import flatbuffers
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow.lite.python import schema_py_generated as schema

layers = keras.layers
DIGITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../assets/mnist-5k")
LOSS = "sparse_categorical_crossentropy"


def read(name):
    with gzip.open(os.path.join(DIGITS, name)) as file:
        data = np.frombuffer(file.read(), np.uint8)
    if data[3] == 1:
        return data[8:]
    return data[16:].reshape(-1, 28, 28, 1).astype(np.float32) / np.float32(255)


def compile_model(model, **options):
    model.compile("adam", LOSS, metrics=["accuracy"], **options)
    return model


def small_model():
    return compile_model(keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(4, 3, strides=2, use_bias=False, name="stem"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(6.0, name="limit"),
        layers.DepthwiseConv2D(3, activation="relu", name="depth"),
        layers.Conv2D(4, 1, name="mix"),
        layers.ReLU(name="positive"),
        layers.AveragePooling2D(2, name="average"),
        layers.Flatten(name="flat"),
        layers.Dense(10, name="logits"),
        layers.Softmax(name="classes"),
    ], name="small"))


def make_qat(folder, train, train_labels, test, test_labels):
    keras.utils.set_random_seed(1)
    model = small_model()
    model.fit(train, train_labels, epochs=2, verbose=2)
    trained = compile_model(tfmot.quantization.keras.quantize_model(model))
    trained.fit(train, train_labels, epochs=1, verbose=2)
    # Once more without optimizer and metrics, which would double the files.
    model = tfmot.quantization.keras.quantize_model(model)
    model.set_weights(trained.get_weights())
    model.save(os.path.join(folder, "qat.h5"))
    model.save(os.path.join(folder, "qat.keras"))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with open(os.path.join(folder, "qat.tflite"), "wb") as file:
        file.write(converter.convert())
    loss, accuracy = trained.evaluate(test, test_labels, verbose=0)
    plain = small_model()
    values = {weight.name: weight.numpy() for weight in trained.weights}
    plain.set_weights([values[weight.name] for weight in plain.weights])
    plain_loss, plain_accuracy = plain.evaluate(test, test_labels, verbose=0)
    with open(os.path.join(folder, "qat.json"), "w") as file:
        json.dump({"loss": loss, "accuracy": accuracy,
                   "fp32": {"loss": plain_loss, "accuracy": plain_accuracy}}, file, indent=1)
        file.write("\n")


def write_tflite(model, path):
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(path, "wb") as file:
        file.write(builder.Output())


def make_odd_subgraphs(folder):
    with open(os.path.join(folder, "qat.tflite"), "rb") as file:
        model = schema.ModelT.InitFromPackedBuf(file.read(), 0)
    graph = model.subgraphs[0]
    model.description = model.metadata = graph.name = None
    for tensor in graph.tensors:
        tensor.name = None
        data = model.buffers[tensor.buffer].data
        if data is None or not len(data):
            tensor.buffer = 0
    second = copy.deepcopy(graph)
    second.outputs = second.operators.pop().inputs
    model.subgraphs.append(second)
    signature = copy.deepcopy(model.signatureDefs[0])
    signature.signatureKey, signature.subgraphIndex = "shorter", 1
    signature.outputs[0].tensorIndex = int(second.outputs[0])
    again = copy.deepcopy(model.signatureDefs[0])
    again.signatureKey = "again"
    model.signatureDefs = [signature, model.signatureDefs[0], again]
    write_tflite(model, os.path.join(folder, "odd_subgraphs.tflite"))


def make_odd_unused(folder):
    with open(os.path.join(folder, "qat.tflite"), "rb") as file:
        model = schema.ModelT.InitFromPackedBuf(file.read(), 0)
    graph = model.subgraphs[0]
    for kind, shape, data in ((schema.TensorType.BOOL, [], None),
                              (schema.TensorType.INT4, [3, 5], range(8))):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.shape, tensor.type, tensor.name = shape, kind, "spare"
        tensor.buffer, tensor.hasRank = len(model.buffers), True
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.5], [3]
        if data:
            buffer.data = np.array(data, np.uint8)
        model.buffers.append(buffer)
        graph.tensors.append(tensor)
    write_tflite(model, os.path.join(folder, "odd_unused.tflite"))


def one_operator(code, custom=None, kind=schema.TensorType.FLOAT32):
    model, graph, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    entry = schema.OperatorCodeT()
    entry.builtinCode = entry.deprecatedBuiltinCode = code
    entry.customCode = custom
    graph.tensors = [schema.TensorT(), schema.TensorT()]
    for tensor in graph.tensors:
        tensor.shape, tensor.type = [1, 28, 28, 1], kind
    operator.inputs, operator.outputs = [0], [1]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model.version, model.operatorCodes, model.subgraphs = 3, [entry], [graph]
    model.buffers = [schema.BufferT()]
    return model


def make_odd(folder):
    make_odd_subgraphs(folder)
    make_odd_unused(folder)
    write_tflite(one_operator(schema.BuiltinOperator.CUSTOM, "Wobble"),
                 os.path.join(folder, "odd_custom.tflite"))
    write_tflite(one_operator(schema.BuiltinOperator.MAX_POOL_2D, kind=schema.TensorType.INT4),
                 os.path.join(folder, "odd_type.tflite"))


def make_frozen(folder, train, train_labels):
    keras.utils.set_random_seed(2)
    model = compile_model(keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(2, 3, strides=2, name="free"),
        layers.BatchNormalization(name="free_norm"),
        layers.ReLU(name="free_relu"),
        layers.Conv2D(3, 3, strides=2, name="fixed"),
        layers.BatchNormalization(name="fixed_norm"),
        layers.ReLU(name="fixed_relu"),
        layers.Flatten(name="flat"),
        layers.Dense(10, activation="softmax", name="logits"),
    ], name="frozen"))
    model.fit(train[:1024], train_labels[:1024], epochs=1, verbose=2)
    for name in ("free_norm", "fixed", "fixed_norm"):
        model.get_layer(name).trainable = False
    model.save(os.path.join(folder, "frozen.h5"), include_optimizer=False)
    model = compile_model(tfmot.quantization.keras.quantize_model(model))
    losses = [float(model.train_on_batch(train[at:at + 32], train_labels[at:at + 32],
                                         reset_metrics=True)[0]) for at in range(0, 192, 32)]
    model.save(os.path.join(folder, "frozen_after.h5"), include_optimizer=False)
    with open(os.path.join(folder, "frozen.json"), "w") as file:
        json.dump({"losses": losses}, file, indent=1)
        file.write("\n")


def make_partial(folder, train, train_labels):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.AveragePooling2D(7, name="small"),
        layers.Flatten(name="flat"),
        layers.Dense(6, activation="relu", name="plain"),
        layers.Dense(10, activation="softmax", name="logits"),
    ], name="partial")
    quantization = tfmot.quantization.keras

    def annotate(layer):
        return quantization.quantize_annotate_layer(layer) if layer.name == "logits" else layer

    model = compile_model(quantization.quantize_apply(
        keras.models.clone_model(model, clone_function=annotate)))
    model.fit(train[:1024], train_labels[:1024], epochs=1, verbose=2)
    model.save(os.path.join(folder, "partial.h5"), include_optimizer=False)


def main():
    folder = sys.argv[1]
    train, train_labels = read("train-images-idx3-ubyte.gz"), read("train-labels-idx1-ubyte.gz")
    test, test_labels = read("t10k-images-idx3-ubyte.gz"), read("t10k-labels-idx1-ubyte.gz")
    make_qat(folder, train, train_labels, test, test_labels)
    make_odd(folder)
    make_frozen(folder, train, train_labels)
    make_partial(folder, train, train_labels)


main()
