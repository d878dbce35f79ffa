"""LiteRT runs every kind of file that qatop exports and must give the bits that qatop's engine
gives, and so it must with files that are odd; flatc decodes them to what LiteRT's own reader finds;
h5py reads every .h5 that qatop writes.  TAP on standard output; started by interop.sh."""

import copy
import gzip
import json
import os
import re
import shutil
import subprocess
import sys

import flatbuffers
import h5py
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

QATOP = os.environ["QATOP"]
ASSETS = os.environ["ASSETS"]
RUNTIMES = {"ref": OpResolverType.BUILTIN_REF, "xnn": OpResolverType.AUTO}
TYPES = {"float": np.float32, "int8": np.int8, "uint8": np.uint8}
MODELS = ["fc", "cnn"]
GOLDEN = os.path.join(ASSETS, "..", "tests", "golden")
FLATC = shutil.which("flatc")
FLATC_SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tflite.fbs")
# With BatchNormalization, depthwise and strided convolutions, average pooling.
DEEP = os.path.abspath(
    os.path.join(os.environ.get("QATOP_SHARED", ""), "golden", "cnn_bn", "model.h5"))
# A graph that branches, with Add.
BRANCHED = os.path.join(os.path.dirname(ASSETS), "tests", "golden", "residual", "model.h5")

# The versions that the TFLite converter writes; an interpreter refuses newer ones than its own.
VERSIONS = {"QUANTIZE": 1, "DEQUANTIZE": 2, "FULLY_CONNECTED": 4, "CONV_2D": 3, "MAX_POOL_2D": 2,
            "RESHAPE": 1, "SOFTMAX": 2, "DEPTHWISE_CONV_2D": 3, "AVERAGE_POOL_2D": 2, "MEAN": 2,
            "REDUCE_MAX": 2, "RELU": 2, "PAD": 2, "ADD": 2}

count = failures = 0


def check(good, name, remark=""):
    global count, failures
    count += 1
    failures += not good
    print("ok" if good else "not ok", count, "-", name, flush=True)
    if not good and remark:
        print("#  ", remark)


def qatop(*arguments):
    done = subprocess.run([QATOP, *arguments], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        check(False, "qatop " + " ".join(arguments), done.stderr.decode(errors="replace"))
        raise SystemExit(1)


def read_digits():
    path = os.path.join(ASSETS, "mnist-5k", "t10k-images-idx3-ubyte.gz")
    with gzip.open(path) as file:
        header = np.frombuffer(file.read(16), ">i4")
        return np.frombuffer(file.read(), np.uint8).reshape(header[1], -1)


def pixels_as(detail, digits):
    """What an application feeds: pixel / 255, or the integer that stands for it."""
    pixels = digits.astype(np.float32) / np.float32(255)
    if detail["dtype"] == np.float32:
        return pixels
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    integers = np.round(pixels / np.float32(scale)) + zero_point
    return np.clip(integers, limits.min, limits.max).astype(detail["dtype"])


def litert(path, runtime, digits, batch):
    """All outputs, `batch` digits at a time (0: as the file says), and the operators that were run."""
    interpreter = Interpreter(model_path=path, num_threads=1,
                              experimental_op_resolver_type=RUNTIMES[runtime])
    detail = interpreter.get_input_details()[0]
    result = interpreter.get_output_details()[0]["index"]
    if not batch:
        batch = detail["shape"][0]
    shape = [batch, *detail["shape"][1:]]
    if batch != detail["shape"][0]:
        interpreter.resize_tensor_input(detail["index"], shape, strict=True)
    interpreter.allocate_tensors()
    values = pixels_as(detail, digits)
    outputs = []
    for at in range(0, len(values), batch):
        interpreter.set_tensor(detail["index"], values[at:at + batch].reshape(shape))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result).copy())
    names = [operator["op_name"] for operator in interpreter._get_ops_details()]
    return np.concatenate(outputs), names


def check_outputs(name, path, digits):
    for runtime in RUNTIMES:
        qatop("eval", "--runtime", runtime, "--outputs", "outputs", path)
        for batch, some in ((1, digits[:100]), (32, digits[:992])):
            theirs, names = litert(path, runtime, some, batch)
            ours = np.fromfile("outputs", theirs.dtype)[:theirs.size]
            differing = theirs.size if ours.size != theirs.size else int(
                np.count_nonzero(ours.view(np.uint8) != theirs.reshape(-1).view(np.uint8)))
            check(differing == 0,
                  f"{name}: {theirs.size} outputs by {runtime} in batches of {batch}, "
                  f"differing: {differing}")
        check(("DELEGATE" in names) == (runtime == "xnn"),
              f"{name}: {'the delegate took part' if runtime == 'xnn' else 'no delegate took part'}",
              str(names))


# ---- flatc ----

ENUMS = {"type": "TensorType", "builtin_code": "BuiltinOperator", "padding": "Padding",
         "activation": "ActivationFunctionType", "options_type": "BuiltinOptions"}
FIELDS = {"activation": "fused_activation_function", "options": "builtin_options",
          "options_type": "builtin_options_type", "dilation_w": "dilation_w_factor",
          "dilation_h": "dilation_h_factor"}


def camel(name):
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def differing(decoded, generated, place):
    """Places where flatc's JSON and the objects of LiteRT's generated reader are not the same, and
    how many values were compared."""
    if isinstance(decoded, dict):
        found, compared = [], 0
        for key, value in decoded.items():
            if key in ENUMS and isinstance(value, str):
                value = getattr(getattr(schema, ENUMS[key]), value)
            if key == "scale":
                value = np.array(value, np.uint32).view(np.float32).tolist()
            wrong, more = differing(value, getattr(generated, camel(FIELDS.get(key, key))),
                                    f"{place}.{key}")
            found += wrong
            compared += more
        return found, compared
    if isinstance(decoded, list):
        others = [] if generated is None else list(generated)
        if len(others) != len(decoded):
            return [f"{place}: {len(decoded)} and {len(others)}"], 1
        pairs = [differing(value, other, f"{place}[{i}]")
                 for i, (value, other) in enumerate(zip(decoded, others))]
        return sum((wrong for wrong, _ in pairs), []), sum(more for _, more in pairs)
    if isinstance(decoded, str):
        generated = text(generated)
        if decoded == "NONE" and not generated:
            return [], 1
    if isinstance(decoded, float):
        decoded, generated = np.float32(decoded), np.float32(generated)
    return ([] if decoded == generated else [f"{place}: {decoded} and {generated}"]), 1


def check_flatc(name, path):
    if not FLATC:
        check(True, f"{name} # SKIP no interop: there is no flatc (package flatbuffers-compiler)")
        return
    subprocess.run([FLATC, "--json", "--strict-json", "--defaults-json", "--raw-binary", "-o",
                    "flatc", FLATC_SCHEMA, "--", path], check=True, capture_output=True)
    base = os.path.splitext(os.path.basename(path))[0]
    with open(os.path.join("flatc", base + ".json")) as file:
        decoded = json.load(file)
    with open(path, "rb") as file:
        generated = schema.ModelT.InitFromPackedBuf(file.read(), 0)
    graph = decoded["subgraphs"][0]
    whole = (decoded["version"] == 3 and len(decoded["subgraphs"]) == 1 and
             len(graph["tensors"]) == len(generated.subgraphs[0].tensors) and
             len(graph["operators"]) == len(generated.subgraphs[0].operators))
    wrong, compared = differing(decoded, generated, "model")
    check(whole and not wrong and compared > 1000,
          f"{name}: flatc decodes {compared} values as LiteRT's reader does", "; ".join(wrong[:5]))


# ---- odd files ----

def write_tflite(model, path):
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(path, "wb") as file:
        file.write(builder.Output())


def is_constant(model, tensor):
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def without_names(model):
    """Nothing that is only informative, and one buffer for all that is computed."""
    graph = model.subgraphs[0]
    model.description = model.metadata = model.signatureDefs = graph.name = None
    for tensor in graph.tensors:
        tensor.name = tensor.shapeSignature = None
        if not is_constant(model, tensor):
            tensor.buffer = 0
        if tensor.quantization is not None and tensor.quantization.scale is None:
            tensor.quantization = None


def with_batch_of_8(model):
    without_names(model)
    for tensor in model.subgraphs[0].tensors:
        if not is_constant(model, tensor):
            tensor.shape = [8, *tensor.shape[1:]]


def with_second_subgraph(model):
    other = copy.deepcopy(model.subgraphs[0])
    other.outputs = other.operators.pop().inputs
    model.subgraphs.append(other)
    signature = copy.deepcopy(model.signatureDefs[0])
    signature.signatureKey, signature.subgraphIndex = "other", 1
    signature.outputs[0].tensorIndex = int(other.outputs[0])
    model.signatureDefs.insert(0, signature)


def with_old_codes(model):
    for code in model.operatorCodes:
        code.builtinCode = 0


def with_options_of_reshape(model):
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.RESHAPE:
            operator.inputs = operator.inputs[:1]
            operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
            operator.builtinOptions = schema.ReshapeOptionsT()
            operator.builtinOptions.newShape = [
                -1, *map(int, graph.tensors[operator.outputs[0]].shape[1:])]


def check_odd(digits):
    path = os.path.join(GOLDEN, "qat.tflite")
    for change in (without_names, with_batch_of_8, with_second_subgraph, with_old_codes,
                   with_options_of_reshape):
        with open(path, "rb") as file:
            model = schema.ModelT.InitFromPackedBuf(file.read(), 0)
        change(model)
        write_tflite(model, "odd.tflite")
        for runtime in RUNTIMES:
            qatop("eval", "--runtime", runtime, "--outputs", "outputs", "odd.tflite")
            theirs, _ = litert("odd.tflite", runtime, digits, 0)
            ours = np.fromfile("outputs", theirs.dtype)
            check(ours.size == theirs.size and
                  np.array_equal(ours.view(np.uint8), theirs.reshape(-1).view(np.uint8)),
                  f"a file {change.__name__.replace('_', ' ')}: {theirs.size} outputs by {runtime}")


# ---- every export ----

def check_file(name, path, io):
    """The schema's own reader, and what a user of the interpreter relies on."""
    with open(path, "rb") as file:
        data = file.read()
    check(schema.Model.ModelBufferHasIdentifier(data, 0), f"{name}: has the identifier TFL3")
    model = schema.Model.GetRootAs(data, 0)
    names = {value: key for key, value in vars(schema.BuiltinOperator).items()
             if not key.startswith("_")}
    versions = {names[model.OperatorCodes(i).BuiltinCode()]: model.OperatorCodes(i).Version()
                for i in range(model.OperatorCodesLength())}
    check(all(version <= VERSIONS.get(key, 0) for key, version in versions.items()),
          f"{name}: operators have the converter's versions", str(versions))
    base = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    places = [model.Buffers(i).DataAsNumpy() for i in range(model.BuffersLength())
              if model.Buffers(i).DataLength()]
    check(len(places) > 0 and
          all((place.__array_interface__["data"][0] - base) % 16 == 0 for place in places),
          f"{name}: its buffers are aligned to 16 bytes")
    interpreter = Interpreter(model_path=path)
    ends = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    check(all(end["dtype"] == TYPES[io] for end in ends), f"{name}: takes and gives {io}")
    signature = interpreter.get_signature_list().get("serving_default", {})
    check(len(signature.get("inputs", ())) == len(signature.get("outputs", ())) == 1,
          f"{name}: has the signature serving_default", str(signature))


# ---- Keras files ----

def text(value):
    return value.decode() if isinstance(value, bytes) else value


def weights_of(file):
    """Arrays by layer, in the order that the attributes give."""
    root = file["model_weights"]
    return {text(layer): [np.asarray(root[text(layer)][text(weight)])
                          for weight in root[text(layer)].attrs["weight_names"]]
            for layer in root.attrs["layer_names"]}


def activate(values, name):
    if name == "relu":
        return np.maximum(values, 0)
    if name == "softmax":
        powers = np.exp(values - values.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)
    return values


def windows(values, size, stride):
    view = np.lib.stride_tricks.sliding_window_view(values, size, axis=(1, 2))
    return view[:, ::stride[0], ::stride[1]]


def forward(config, weights, digits):
    """The model by numpy, in float64."""
    values = digits / 255.0
    for layer in config["config"]["layers"]:
        kind, options = layer["class_name"], layer["config"]
        if kind == "InputLayer":
            shape = options.get("batch_input_shape") or options["batch_shape"]
            values = values.reshape(-1, *shape[1:])
        elif kind == "Dense":
            kernel, bias = weights[options["name"]]
            values = activate(values @ kernel + bias, options["activation"])
        elif kind == "Conv2D":
            kernel, bias = weights[options["name"]]
            assert options["padding"] == "valid"
            view = windows(values, kernel.shape[:2], options["strides"])
            values = np.einsum("nyxchw,hwco->nyxo", view, kernel, optimize=True) + bias
            values = activate(values, options["activation"])
        elif kind == "MaxPooling2D":
            view = windows(values, tuple(options["pool_size"]), options["strides"])
            values = view.max(axis=(-2, -1))
        elif kind == "Flatten":
            values = values.reshape(len(values), -1)
        else:
            assert kind == "Dropout", kind
    return values


def check_keras(name, path, digits):
    with h5py.File(path, "r") as file:
        config = json.loads(file.attrs["model_config"])
        weights = weights_of(file)
        check({"keras_version", "backend"} <= set(file.attrs),
              f"{name}: h5py finds Keras' attributes")
    arrays = [array for layer in weights.values() for array in layer]
    check(len(arrays) > 0 and all(array.dtype == np.float32 and np.isfinite(array).all()
                                  for array in arrays), f"{name}: its weights are finite float32")
    qatop("eval", "--outputs", "outputs", path)
    ours = np.fromfile("outputs", np.float32).reshape(-1, 10)[:len(digits)]
    worst = np.abs(forward(config, weights, digits) - ours).max()
    check(worst < 1e-5, f"{name}: numpy gives qatop's probabilities from it to 1e-5", str(worst))


def check_exports(model, operand, digits):
    for scheme in ("qatop", "tfmot"):
        run = f"{model}-{scheme}"
        qatop("run", "--quiet", "--steps", "20", "--scheme", scheme, "--out", run, operand)
        for io in TYPES:
            name = f"{model} {scheme} {io}"
            qatop("export", run, "--io", io, "-o", "model.tflite")
            check_file(name, "model.tflite", io)
            check_flatc(name, "model.tflite")
            check_outputs(name, "model.tflite", digits)
    for io in TYPES:
        name = f"{model} ptq {io}"
        qatop("ptq", "--quiet", "--io", io, "-o", "model.tflite", operand)
        check_file(name, "model.tflite", io)
        check_flatc(name, "model.tflite")
        check_outputs(name, "model.tflite", digits)


def main():
    digits = read_digits()
    if os.path.exists(DEEP):
        check_exports("cnn_bn", DEEP, digits)
    else:
        check(True, f"cnn_bn # SKIP there is no {DEEP}")
    # A small version of the same, without the goldens: Keras' own QAT model.
    small = os.path.join(GOLDEN, "qat.h5")
    check_exports("small", small, digits)
    qatop("export", small, "-o", "model.tflite")
    check_outputs("small as TFMOT left it", "model.tflite", digits)
    check_odd(digits)
    check_exports("residual", BRANCHED, digits)
    for model in MODELS:
        check_exports(model, model, digits)
        qatop("export", f"{model}-qatop", "-o", "model.h5")
        check_keras(f"{model} fine-tuned", "model.h5", digits[:200])
        qatop("train", "--quiet", "--arch", model, "--steps", "5", "-o", "model.h5")
        check_keras(f"{model} trained", "model.h5", digits[:200])
    for model in MODELS:
        qatop("run", "--quiet", "--steps", "20", "--bits", "4", "--out", "narrow", model)
        check_flatc(f"{model} with 4-bit weights", "narrow/model_int8.tflite")
        check_outputs(f"{model} with 4-bit weights", "narrow/model_int8.tflite", digits)
    with h5py.File("narrow/checkpoint.h5", "r") as file:
        check(len(file) > 0, "h5py opens a checkpoint")


os.chdir(sys.argv[1])
try:
    main()
finally:
    print(f"1..{count}", flush=True)
sys.exit(failures > 0)
