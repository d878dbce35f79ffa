"""LiteRT with XNNPACK: all test digits, one thread, in batches of 1,000.  peer_litert.py MODEL DIGITS"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from peer_digits import read_digits, serve

BATCH = 1000
model_path, folder = sys.argv[1:]
interpreter = Interpreter(model_path, num_threads=1)
detail = interpreter.get_input_details()[0]
output = interpreter.get_output_details()[0]["index"]
interpreter.resize_tensor_input(detail["index"], [BATCH] + list(detail["shape"][1:]))
interpreter.allocate_tensors()
x, _ = read_digits(folder, "t10k")
x = x.reshape([-1] + list(detail["shape"][1:])).astype(np.float32)


def digits():
    for i in range(0, len(x), BATCH):
        interpreter.set_tensor(detail["index"], x[i : i + BATCH])
        interpreter.invoke()
        interpreter.get_tensor(output)


digits()
serve(digits, "LiteRT with XNNPACK")
