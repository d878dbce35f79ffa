#!/usr/bin/env python3
"""Make operators.bin of this folder with TensorFlow: single operators and what TFLite makes of them.

    make_operators.py OUT/operators.bin

holds one record after the other: three little endian u32 (bytes of the program, of its input, of one
output), the .tflite, the input, the output of TFLite's reference kernels and that of the default
interpreter.  Written with tensorflow-cpu 2.21.0.
"""

import os
import struct
import sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

OPS, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
TYPES = {np.dtype(np.int8): schema.TensorType.INT8, np.dtype(np.int32): schema.TensorType.INT32,
         np.dtype(np.float32): schema.TensorType.FLOAT32}
random = np.random.default_rng(3)
file = None


class Program:
    """One operator; tensors are (shape, dtype, scales, zero point, data)."""

    def __init__(self):
        self.buffers, self.tensors = [schema.BufferT()], []

    def tensor(self, shape, dtype, scales=None, zero_point=0, data=None, axis=0):
        t, buffer = schema.TensorT(), schema.BufferT()
        t.shape, t.type, t.name, t.hasRank = list(shape), TYPES[np.dtype(dtype)], '', True
        if data is not None:
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
        t.quantization = schema.QuantizationParametersT()
        if scales is not None:
            scales = np.ravel(scales)
            t.quantization.scale = [float(s) for s in scales]
            t.quantization.zeroPoint = [int(zero_point)] * len(scales)
            t.quantization.quantizedDimension = axis
        self.buffers.append(buffer)
        t.buffer = len(self.buffers) - 1
        self.tensors.append(t)
        return len(self.tensors) - 1

    def build(self, code, version, inputs, output, options=None):
        op, entry, graph, model = (schema.OperatorT(), schema.OperatorCodeT(),
                                   schema.SubGraphT(), schema.ModelT())
        op.opcodeIndex, op.inputs, op.outputs = 0, inputs, [output]
        if options:
            op.builtinOptionsType, op.builtinOptions = options
        entry.deprecatedBuiltinCode = entry.builtinCode = code
        entry.version = version
        graph.name, graph.tensors, graph.operators = 'main', self.tensors, [op]
        graph.inputs, graph.outputs = [inputs[0]], [output]
        model.version, model.description = 3, ''
        model.operatorCodes, model.subgraphs, model.buffers = [entry], [graph], self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b'TFL3')
        return bytes(builder.Output())


def run(content, x, resolver):
    interpreter = tf.lite.Interpreter(model_content=content,
                                      experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]['index'], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]['index'])


def record(content, x):
    resolvers = tf.lite.experimental.OpResolverType
    ref, xnn = run(content, x, resolvers.BUILTIN_REF), run(content, x, resolvers.AUTO)
    file.write(struct.pack('<3I', len(content), x.nbytes, ref.nbytes))
    file.write(content + x.tobytes() + ref.tobytes() + xnn.tobytes())


CODES = np.arange(-128, 128, dtype=np.int8)[None]
FLOATS = np.concatenate([random.uniform(-9, 9, 250), [0, -0.0, 6, -1, 1, 100]]).astype(np.float32)[None]


def any_scale():
    return np.float32(np.exp(random.uniform(np.log(1e-3), np.log(0.3))))


def any_zero():
    return int(random.integers(-128, 128))


def unary(code, version, scale_in, zero_in, scale_out, zero_out):
    p = Program()
    x = p.tensor(CODES.shape, np.int8, scale_in, zero_in)
    record(p.build(code, version, [x], p.tensor(CODES.shape, np.int8, scale_out, zero_out)), CODES)


def unary_float(code):
    p = Program()
    x = p.tensor(FLOATS.shape, np.float32)
    record(p.build(code, 1, [x], p.tensor(FLOATS.shape, np.float32)), FLOATS)


def leaky(dtype, x, alpha, scale_in=None, zero_in=0, scale_out=None, zero_out=0):
    options = schema.LeakyReluOptionsT()
    options.alpha = alpha
    p = Program()
    i = p.tensor(x.shape, dtype, scale_in, zero_in)
    out = p.tensor(x.shape, dtype, scale_out, zero_out)
    record(p.build(OPS.LEAKY_RELU, 2, [i], out, (OPTIONS.LeakyReluOptions, options)), x)


def limit(code, dtype, x, other, scale=None, zero_point=0):
    p = Program()
    i = p.tensor(x.shape, dtype, scale, zero_point)
    o = p.tensor((), dtype, scale, zero_point, data=np.array(other, dtype))
    out = p.tensor(x.shape, dtype, scale, zero_point)
    options = (OPTIONS.MaximumMinimumOptions, schema.MaximumMinimumOptionsT())
    record(p.build(code, 2, [i, o], out, options), x)


def convolution(height, channels, filters, window, stride, dilation, padding, multiplier=0):
    """Conv2D, or with a multiplier DepthwiseConv2D; one scale an output channel."""
    options = schema.DepthwiseConv2DOptionsT() if multiplier else schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME if padding == 'same' else schema.Padding.VALID
    options.strideW = options.strideH = stride
    options.dilationHFactor, options.dilationWFactor = dilation
    filters = channels * multiplier if multiplier else filters
    if multiplier:
        options.depthMultiplier = multiplier
    p = Program()
    shape = (1, height, height + 1, channels)
    x = random.integers(-128, 128, shape, dtype=np.int8)
    s_in, z_in = any_scale(), any_zero()
    s_w = np.float32(random.uniform(1e-3, 1e-2, filters))
    kernel = (1, *window, filters) if multiplier else (filters, *window, channels)
    w = random.integers(-127, 128, kernel, dtype=np.int8)
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    out = [-(-n // stride) if padding == 'same' else (n - r) // stride + 1
           for n, r in zip(shape[1:3], reach)]
    bias = random.integers(-2000, 2000, filters, dtype=np.int32)
    s_out = np.float32(s_in * s_w.mean() * 60 * np.sqrt(np.prod(kernel) / filters))
    inputs = [p.tensor(shape, np.int8, s_in, z_in),
              p.tensor(kernel, np.int8, s_w, 0, w, 3 if multiplier else 0),
              p.tensor((filters,), np.int32, s_in * s_w, 0, bias)]
    y = p.tensor((1, *out, filters), np.int8, s_out, any_zero())
    code = OPS.DEPTHWISE_CONV_2D if multiplier else OPS.CONV_2D
    kind = OPTIONS.DepthwiseConv2DOptions if multiplier else OPTIONS.Conv2DOptions
    record(p.build(code, 3, inputs, y, (kind, options)), x)


def average(height, channels, window, stride, padding):
    options = schema.Pool2DOptionsT()
    options.padding = schema.Padding.SAME if padding == 'same' else schema.Padding.VALID
    options.strideW = options.strideH = stride
    options.filterHeight, options.filterWidth = window
    p = Program()
    shape = (1, height, height + 2, channels)
    x = random.integers(-128, 128, shape, dtype=np.int8)
    scale, zero = any_scale(), any_zero()
    out = [-(-n // stride) if padding == 'same' else (n - k) // stride + 1
           for n, k in zip(shape[1:3], window)]
    i = p.tensor(shape, np.int8, scale, zero)
    y = p.tensor((1, *out, channels), np.int8, scale, zero)
    record(p.build(OPS.AVERAGE_POOL_2D, 2, [i], y, (OPTIONS.Pool2DOptions, options)), x)


def main():
    for i in range(12):
        # With a power of two some values lie half way between two codes.
        scale = np.float32(2.0 ** -(2 + i)) if i < 7 else any_scale()
        unary(OPS.LOGISTIC, 2, scale, any_zero(), 1 / 256, -128)
        unary(OPS.TANH, 2, scale, any_zero(), 1 / 128, 0)
    for i in range(4):
        for code in (OPS.RELU, OPS.RELU6):
            unary(code, 2, any_scale(), any_zero(), any_scale(), any_zero())
    unary(OPS.RELU6, 2, np.float32(0.03), -100, np.float32(0.03), -100)
    for code in (OPS.MINIMUM, OPS.MAXIMUM):
        limit(code, np.int8, CODES, any_zero(), any_scale(), any_zero())
        limit(code, np.float32, FLOATS, 0.75)
    for code in (OPS.LOGISTIC, OPS.TANH, OPS.RELU, OPS.RELU6, OPS.RELU_N1_TO_1):
        unary_float(code)
    for padding in ('same', 'valid'):
        for dilation in ((1, 1), (2, 2), (3, 1), (2, 3)):
            convolution(11, 3, 5, (3, 2), 1, dilation, padding)
            convolution(11, 3, 0, (2, 3), 1, dilation, padding, multiplier=1)
            convolution(11, 3, 0, (3, 3), 1, dilation, padding, multiplier=3)
        for stride in (2, 3):
            convolution(10, 4, 6, (3, 3), stride, (1, 1), padding)
            convolution(10, 4, 0, (3, 3), stride, (1, 1), padding, multiplier=2)
        average(9, 5, (2, 2), 1, padding)
        average(9, 5, (3, 2), 2, padding)
        average(9, 17, (4, 5), 3, padding)
    # The last: XNNPACK leaves an alpha below 1/256 to TFLite.
    for alpha in (0.3, 0.01, 0.2, 0.0, 0.5, 1.0, 0.003):
        scale = any_scale()
        leaky(np.int8, CODES, alpha, scale, any_zero(), np.float32(scale * 1.17), any_zero())
    leaky(np.float32, FLOATS, 0.3)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], 'wb') as file:
        main()
