"""PyTorch: one epoch of quantization-aware training and its validation.  peer_pytorch.py MODEL.h5 DIGITS
Weights symmetric and per tensor, activations by moving averages, 8 bits, as TFMOT's default."""

import sys

import h5py
import torch
import torch.ao.quantization as quantization
from torch import nn

from peer_digits import read_digits, serve

BATCH = 32
model_path, folder = sys.argv[1:]


def is_cnn(path):
    with h5py.File(path) as file:
        return "Conv2D" in file.attrs["model_config"]


def layers():
    if is_cnn(model_path):
        return [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10)]
    return [nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)]


def prepare(modules):
    model = nn.Sequential(quantization.QuantStub(), *modules, quantization.DeQuantStub()).train()
    pairs = [[str(i), str(i + 1)] for i in range(1, len(modules) + 1)
             if isinstance(model[i], (nn.Conv2d, nn.Linear)) and isinstance(model[i + 1], nn.ReLU)]
    model = quantization.fuse_modules_qat(model, pairs)
    model.qconfig = quantization.get_default_qat_qconfig("x86")
    return quantization.prepare_qat(model)


model = prepare(layers())
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.CrossEntropyLoss()
x, y = (torch.from_numpy(a) for a in read_digits(folder, "train"))
test_x, test_y = (torch.from_numpy(a) for a in read_digits(folder, "t10k"))
x, test_x, y, test_y = x.unsqueeze(1), test_x.unsqueeze(1), y.long(), test_y.long()


def train(count):
    model.train()
    order = torch.randperm(count)
    for i in range(0, count, BATCH):
        some = order[i : i + BATCH]
        optimizer.zero_grad(set_to_none=True)
        criterion(model(x[some]), y[some]).backward()
        optimizer.step()


def epoch():
    train(len(x))
    model.eval()
    with torch.no_grad():
        for i in range(0, len(test_x), BATCH):
            model(test_x[i : i + BATCH])


train(640)
serve(epoch, "PyTorch " + torch.__version__.split("+")[0])
