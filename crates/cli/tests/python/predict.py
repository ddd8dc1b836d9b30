"""Decides the class of labelled rows with weights that zkdl exported, in integers and in float32.

usage: predict.py MODEL_DIRECTORY TABLE.csv

Prints one JSON object: the classes that each network decides, and the labels.
"""

import json
import sys

import numpy as np
from safetensors import safe_open


def tensors(path):
    with safe_open(path, framework="np") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


def layers(weights):
    return [(weights[f"layers.{i}.weight"], weights[f"layers.{i}.bias"]) for i in range(len(weights) // 2)]


def integer_network(weights, x, about):
    fraction, f_a = int(about["zkdl.fraction_bits"]), int(about["zkdl.activation_fraction_bits"])
    a = x << (f_a - int(about["zkdl.input_fraction_bits"]))
    for weight, bias in weights:
        z = a @ weight.T + (bias << f_a)
        a = np.maximum((z + (1 << (fraction - 1))) >> fraction, 0)
    return z


def float_network(weights, x, about):
    a = x.astype(np.float32) / np.float32(2 ** int(about["zkdl.input_fraction_bits"]))
    for weight, bias in weights:
        z = a @ weight.T + bias
        a = np.maximum(z, np.float32(0))
    return z


def main():
    directory, table = sys.argv[1:]
    table = np.loadtxt(table, delimiter=",", skiprows=1, dtype=np.int64)
    x, labels = table[:, :-1], table[:, -1]
    about, integers = tensors(f"{directory}/integers.safetensors")
    _, floats = tensors(f"{directory}/weights.safetensors")
    assert all(t.dtype == np.int64 for t in integers.values()) and all(t.dtype == np.float32 for t in floats.values())
    exact = integer_network(layers(integers), x, about).argmax(axis=1)
    rounded = float_network(layers(floats), x, about).argmax(axis=1)
    print(json.dumps({"integers": exact.tolist(), "floats": rounded.tolist(), "labels": labels.tolist()}))


main()
