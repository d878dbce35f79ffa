#!/usr/bin/env python3
"""Ask TFLite what ADD of two int8 tensors gives, for all 65,536 pairs of values.

    make_add.py OUT

writes OUT/add.txt: a line for each choice of quantization,

    scale zero_point (first input) scale zero_point (second) scale zero_point (output) activation
    sha256 of the outputs of the reference kernel, the same of the default interpreter (XNNPACK)

with scales as C's hexadecimal floats, activation 0 (none), 1 (RELU) or 3 (RELU6), and the outputs
as int8[first][second], both values from -128 up.  Written with tensorflow-cpu 2.21.0.
"""

import hashlib
import os
import sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

VALUES = np.arange(-128, 128).astype(np.int8)
COUNT = 72


def tensor(name, buffer, scale, zero_point):
    t = schema.TensorT()
    t.name, t.buffer, t.type = name, buffer, schema.TensorType.INT8
    t.shape = [1, 65536]
    t.quantization = schema.QuantizationParametersT()
    t.quantization.scale = [scale]
    t.quantization.zeroPoint = [zero_point]
    return t


def program(case):
    """A .tflite of one ADD."""
    model, graph, op = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    code, options = schema.OperatorCodeT(), schema.AddOptionsT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 2
    options.fusedActivationFunction = case[6]
    op.inputs, op.outputs = [0, 1], [2]
    op.builtinOptionsType, op.builtinOptions = schema.BuiltinOptions.AddOptions, options
    graph.tensors = [tensor('abc'[i], i + 1, case[2 * i], case[2 * i + 1]) for i in range(3)]
    graph.inputs, graph.outputs, graph.operators = [0, 1], [2], [op]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT() for _ in range(4)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b'TFL3')
    return bytes(builder.Output())


def run(content, resolver):
    interpreter = tf.lite.Interpreter(model_content=content,
                                      experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    first, second = interpreter.get_input_details()
    interpreter.set_tensor(first['index'], np.repeat(VALUES, 256)[None])
    interpreter.set_tensor(second['index'], np.tile(VALUES, 256)[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]['index'])[0]


def cases():
    """Equal scales, powers of two, ties, the ends of what XNNPACK takes, and random ones."""
    random = np.random.default_rng(11)
    float32 = np.float32
    yield from [(1, 0, 1, 0, 1, 0, 0), (1, 0, 1, 0, 2, 0, 0), (0.5, -128, 0.25, 127, 1, 5, 0),
                (12 / 255, -128, 12 / 255, -128, 12 / 255, -128, 3),
                (0.1, 3, 0.1, 3, 0.1, 3, 0), (0.1, 3, 0.1, 3, 0.1, 3, 1),
                (6 / 126.5, -128, 6 / 126.5, -128, 6 / 126.5, -128, 3),
                (6 / 100.5, -128, 6 / 80, 5, 6 / 100.5, -128, 3),
                (1, 0, 1 / 1024, 0, 1, 0, 0), (1, 0, 1 / 1025, 0, 1, 0, 0),
                (1, 0, 1 / 1000, 9, 1, -7, 0), (255.9, 0, 1, 0, 1, 0, 0), (1, 3, 1e-6, 0, 2, 5, 0),
                (0.3, 4, 1.1e-4, -100, 0.2, 9, 0), (8.01e-7, 122, 0.01839, 110, 0.01485, 115, 0),
                (0.3792, 29, 8.207e-6, 108, 0.1832, -46, 0), (1e-3, 4, 1e-3, -4, 0.9, 0, 0)]
    while True:
        scales = np.exp(random.uniform(np.log(0.004), np.log(0.5), 3))
        if random.integers(4) == 0:
            scales[2] = max(scales[:2]) * random.uniform(1, 2)
        zeros = random.integers(-128, 128, 3)
        yield (*np.ravel(list(zip(scales, zeros))).tolist(), int(random.choice([0, 0, 1, 3])))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    resolvers = tf.lite.experimental.OpResolverType
    with open(os.path.join(sys.argv[1], 'add.txt'), 'w') as file:
        for _, case in zip(range(COUNT), cases()):
            case = [float(np.float32(x)) if i in (0, 2, 4) else int(x) for i, x in enumerate(case)]
            outputs = [run(program(case), r) for r in (resolvers.BUILTIN_REF, resolvers.AUTO)]
            words = [float(x).hex() if i in (0, 2, 4) else str(x) for i, x in enumerate(case)]
            words += [hashlib.sha256(x.tobytes()).hexdigest() for x in outputs]
            print(' '.join(words), file=file)


if __name__ == '__main__':
    main()
