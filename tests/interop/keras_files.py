"""tf_keras 2 and Keras 3 against qatop, with the files of either read by the other: whatever Keras
saves has the loss and accuracy in qatop that Keras itself finds, and so has what qatop saves in both
Kerases; what TFMOT trained is evaluated and converted as TensorFlow does it.  TAP on standard
output; started by keras.sh."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

QATOP = os.environ["QATOP"]
ASSETS = os.environ["ASSETS"]
GOLDEN = os.path.join(ASSETS, "..", "tests", "golden")
DEEP = os.path.abspath(
    os.path.join(os.environ.get("QATOP_SHARED", ""), "golden", "cnn_bn", "model.h5"))
KERASES = {"tf_keras": tf_keras, "Keras 3": keras}
LOSS = "sparse_categorical_crossentropy"

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
        return None
    return done.stdout


def read(name):
    with gzip.open(os.path.join(ASSETS, "mnist-5k", name)) as file:
        data = np.frombuffer(file.read(), np.uint8)
    if data[3] == 1:
        return data[8:]
    return data[16:].reshape(-1, 28, 28).astype(np.float32) / np.float32(255)


class Digits:
    train, train_labels = read("train-images-idx3-ubyte.gz"), read("train-labels-idx1-ubyte.gz")
    test, test_labels = read("t10k-images-idx3-ubyte.gz"), read("t10k-labels-idx1-ubyte.gz")


def shaped(model, digits):
    return digits.reshape(-1, *model.input_shape[1:])


def evaluate(model):
    """Loss, and how many of the test digits are right."""
    model.compile("adam", LOSS, metrics=["accuracy"])
    loss, accuracy = model.evaluate(shaped(model, Digits.test), Digits.test_labels, verbose=0)
    return float(loss), round(float(accuracy) * len(Digits.test))


def compare(name, path, wanted):
    found = qatop("eval", "--json", path)
    if found is None:
        return
    found = json.loads(found)
    same = abs(found["loss"] - wanted[0]) <= 1e-5 * wanted[0] and found["correct"] == wanted[1]
    check(same, f"{name}: loss {wanted[0]:.5f}, {wanted[1]} right of {len(Digits.test)}",
          f"qatop: loss {found['loss']}, {found['correct']} right")


# ---- what Keras saves ----

def sequential(k, **options):
    layers = k.layers
    return k.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", **options),
        layers.Conv2D(8, 1, use_bias=False, **options),
        layers.BatchNormalization(**options),
        layers.ReLU(6.0, **options),
        layers.DepthwiseConv2D(3, depth_multiplier=2, **options),
        layers.SpatialDropout2D(0.25),
        layers.MaxPooling2D(2, **options),
        layers.Flatten(**options),
        layers.Dropout(0.5, **options),
        layers.Dense(10, activation="softmax", **options),
    ])


def functional(k, **options):
    layers = k.layers
    digit = layers.Input((28, 28, 1), name="digit")
    x = layers.ZeroPadding2D(1, **options)(digit)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="stem", **options)(x)
    x = layers.BatchNormalization(**options)(x)
    x = layers.AveragePooling2D(2, **options)(x)
    x = layers.Conv2D(16, 3, dilation_rate=2, activation="relu", **options)(x)
    x = layers.GlobalAveragePooling2D(**options)(x)
    x = layers.Dense(10, **options)(x)
    return k.Model(digit, layers.Softmax(**options)(x))


def trained(k, make):
    k.utils.set_random_seed(3)
    model = make(k)
    model.compile("adam", LOSS)
    model.fit(Digits.train[..., None], Digits.train_labels, batch_size=64, epochs=2, verbose=0)
    return model


def with_fixed_strings(path, copy):
    """As Keras and h5py wrote them of old: attributes of one length, padded with zeros."""
    shutil.copy(path, copy)
    with h5py.File(copy, "r+") as file:
        objects = [file]
        file.visititems(lambda name, item: objects.append(item))
        for item in objects:
            for key, value in list(item.attrs.items()):
                if isinstance(value, str):
                    value = np.bytes_(value.encode())
                elif np.asarray(value).dtype.kind in "OSU":
                    value = np.array([text.encode() if isinstance(text, str) else text
                                      for text in value], "S")
                else:
                    continue
                del item.attrs[key]
                item.attrs[key] = value
    return copy


def with_old_folder(path, copy):
    """As Keras 2.12 called the folder of the layers."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as old:
        for member in archive.namelist():
            data = archive.read(member)
            if member == "model.weights.h5":
                image = io.BytesIO(data)
                with h5py.File(image, "r+") as file:
                    file.move("layers", "_layer_checkpoint_dependencies")
                data = image.getvalue()
            old.writestr(member, data)
    return copy


def check_saved():
    for name, k in KERASES.items():
        for make in (sequential, functional):
            model = trained(k, make)
            what = f"{name} {make.__name__}"
            wanted = evaluate(model)
            for form in ("h5", "keras"):
                model.save("model." + form)
                compare(f"{what} .{form}", "model." + form, wanted)
            compare(f"{what} .h5 with strings of fixed length",
                    with_fixed_strings("model.h5", "fixed.h5"), wanted)
            compare(f"{what} .keras with the folder of Keras 2.12",
                    with_old_folder("model.keras", "old.keras"), wanted)
            for kind in ("float16", "bfloat16", "float64"):
                narrow = make(k, dtype=kind)
                narrow.set_weights(model.get_weights())
                # The values as a float32 model sees them.
                wide = make(k)
                wide.set_weights([np.asarray(w).astype(np.float32) for w in narrow.get_weights()])
                wanted_kind = evaluate(wide)
                for form in ("h5", "keras"):
                    narrow.save("narrow." + form)
                    compare(f"{what} {kind} .{form}", "narrow." + form, wanted_kind)


# ---- what qatop saves ----

def check_loads(name, path):
    found = qatop("eval", "--json", path)
    if found is None:
        return
    found = json.loads(found)
    for version, k in KERASES.items():
        loss, right = evaluate(k.models.load_model(path, compile=False))
        check(abs(found["loss"] - loss) <= 1e-5 * loss and found["correct"] == right,
              f"{name} in {version}: loss {loss:.5f}, {right} right of {len(Digits.test)}",
              f"qatop: loss {found['loss']}, {found['correct']} right")


def check_saves():
    models = {"fc": "fc", "cnn": "cnn", "with layers that are not trainable":
              os.path.join(GOLDEN, "frozen.h5")}
    if os.path.exists(DEEP):
        models["cnn_bn"] = DEEP
    else:
        check(True, f"cnn_bn # SKIP there is no {DEEP}")
    for name, operand in models.items():
        qatop("run", "--quiet", "--steps", "20", "--out", "run", operand)
        qatop("export", "run", "-o", "ours.h5")
        check_loads(f"fine-tuned {name}", "ours.h5")
        check_loads(f"a checkpoint of {name}", os.path.join("run", "checkpoint.h5"))
    for name in ("fc", "cnn"):
        qatop("train", "--quiet", "--arch", name, "--steps", "40", "-o", "ours.h5")
        check_loads(f"trained {name}", "ours.h5")
    # What is not trainable is not trainable in Keras either.
    qatop("run", "--quiet", "--steps", "1", "--out", "run", os.path.join(GOLDEN, "frozen.h5"))
    qatop("export", "run", "-o", "ours.h5")
    for version, k in KERASES.items():
        model = k.models.load_model("ours.h5", compile=False)
        kept = [layer.name for layer in model.layers if not layer.trainable]
        check(kept == ["free_norm", "fixed", "fixed_norm"],
              f"{version} finds the layers that are not trainable", str(kept))


# ---- what TFMOT trains ----

def outputs_of(path, runtime):
    qatop("eval", "--runtime", runtime, "--outputs", "outputs", path)
    with open("outputs", "rb") as file:
        return file.read()


def check_trains_on(model, path):
    """Ten more steps from where the file stands, with a fresh Adam in both."""
    qatop("run", "--quiet", "--scheme", "tfmot", "--no-shuffle", "--steps", "10", "--trace",
          "trace.jsonl", "--out", "run", path)
    with open("trace.jsonl") as file:
        ours = [json.loads(line)["loss"] for line in file]
    model.compile(tf_keras.optimizers.Adam(), LOSS)
    digits = shaped(model, Digits.train)
    theirs = [float(model.train_on_batch(digits[at:at + 32], Digits.train_labels[at:at + 32],
                                         reset_metrics=True)) for at in range(0, 320, 32)]
    worst = max(abs(a - b) / b for a, b in zip(ours, theirs))
    check(len(ours) == len(theirs) and worst <= 1e-4,
          f"{path} is trained on as TFMOT does: 10 losses differ by {worst:.1e} at most",
          f"{ours} and {theirs}")


def check_qat():
    for name in ("fc", "cnn"):
        plain = tf_keras.models.load_model(
            os.path.join(ASSETS, "models", f"mnist_{name}.h5"), compile=False)
        model = tfmot.quantization.keras.quantize_model(plain)
        model.compile("adam", LOSS, metrics=["accuracy"])
        model.fit(shaped(model, Digits.train), Digits.train_labels, epochs=1, verbose=0)
        loss, right = evaluate(model)
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        with open("theirs.tflite", "wb") as file:
            file.write(converter.convert())
        for form in ("h5", "keras"):
            model.save("qat." + form)
            compare(f"{name} after TFMOT's QAT, .{form}", "qat." + form, (loss, right))
            qatop("export", "qat." + form, "-o", "ours.tflite")
            for runtime in ("ref", "xnn"):
                theirs, ours = (outputs_of(path + ".tflite", runtime)
                                for path in ("theirs", "ours"))
                check(theirs == ours,
                      f"{name} .{form}: {len(theirs) // 4} outputs by {runtime} equal those of "
                      "TensorFlow's conversion")
        if name == "fc":  # cnn drops, and not the same as Keras
            check_trains_on(model, "qat.h5")


os.chdir(sys.argv[1])
try:
    check_saved()
    check_saves()
    check_qat()
finally:
    print(f"1..{count}", flush=True)
sys.exit(failures > 0)
