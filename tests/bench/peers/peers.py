"""Start the peers that peers.sh found, let them and qatop do the same work in turn, and print the
medians and the ratios, run by run, of several runs.  peers.py PEER=PYTHON..."""

import json
import os
import statistics
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
QATOP = os.environ.get("QATOP", "./qatop")
SHARED = os.environ.get("QATOP_SHARED", "../shared")
DIGITS = os.path.join(SHARED, "data", "mnist")
RUNS = int(os.environ.get("RUNS", "3"))
OUT = tempfile.mkdtemp(prefix="qatop-peers.")


def golden(model, name):
    return os.path.join(SHARED, "golden", model, name)


def qatop(*arguments):
    done = subprocess.run([QATOP, *arguments, "--json", "--data", DIGITS], check=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return json.loads(done.stdout)


def qat_epoch(model):
    """The second epoch: during the first the model as it came is evaluated as well."""
    told = qatop("run", "--quiet", "--epochs", "2", "--scheme", "tfmot", "--out", OUT,
                 golden(model, "model.h5"))
    return told["epochs"][1]["seconds"]


def int8_digits(model):
    return qatop("eval", "--threads", "1", "--runtime", "xnn",
                 golden(model, "model_int8.tflite"))["seconds"]


# (name, peer, model file, our command, the ratio to reach).
WORKS = [("QAT epoch, 60,000 digits, and validation", "tfmot", model, "model.h5", qat_epoch, goal)
         for model, goal in (("fc", 12), ("cnn", 4.5), ("cnn_bn", 5))]
WORKS += [("QAT epoch, 60,000 digits, and validation", "pytorch", model, "model.h5", qat_epoch, goal)
          for model, goal in (("fc", 6), ("cnn", 5))]
WORKS += [("INT8, 10,000 digits, one thread", "litert", model, "model_int8.tflite", int8_digits, goal)
          for model, goal in (("fc", 1.3), ("cnn", 1.7), ("cnn_bn", 2))]


class Peer:
    def __init__(self, python, peer, model_path):
        script = os.path.join(FOLDER, "peer_%s.py" % peer)
        self.process = subprocess.Popen([python, "-B", script, model_path, DIGITS], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE if not os.environ.get("VERBOSE")
                                        else None)
        self.about = self.answer()["about"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            said = self.process.stderr.read() if self.process.stderr else ""
            raise RuntimeError(said.strip().splitlines()[-1] if said.strip() else "it gave no answer")
        return json.loads(line)

    def seconds(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(work, pythons):
    name, peer, model, file, ours, goal = work
    try:
        other = Peer(pythons[peer], peer, golden(model, file))
        pairs = [(other.seconds(), ours(model)) for _ in range(RUNS)]
        other.close()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print("SKIPPED %s with %s: %s" % (model, peer, error), flush=True)
        return
    theirs, own = (statistics.median(column) for column in zip(*pairs))
    ratios = sorted(a / b for a, b in pairs)
    print("%-42s %-7s %-28s %9.3f s %9.3f s  %6.2f (%.2f..%.2f)  %5.1f" %
          (name, model, other.about, theirs, own, statistics.median(ratios), ratios[0], ratios[-1],
           goal), flush=True)


def main():
    pythons = dict(argument.split("=", 1) for argument in sys.argv[1:])
    models = os.environ.get("MODELS", "fc cnn cnn_bn").split()
    print("# medians of %d runs in turn; ratio: theirs / ours, (least..most), and its goal" % RUNS)
    print("%-42s %-7s %-28s %11s %11s  %s" % ("work", "model", "peer", "peer's", "qatop's", "ratio"))
    for work in WORKS:
        if work[1] in pythons and work[2] in models:
            compare(work, pythons)


main()
