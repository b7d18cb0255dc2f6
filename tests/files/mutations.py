"""Random changes to descriptions and to HDF5 files."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Random = random.Random

_SPECIAL = [
    None, True, False, "", "a", 0, 1, -1, 2, 3, 1.5, float("nan"), float("inf"), 10**6,
    10**9, 10**12, 2**31, 2**63 - 1, -(2**63), 2**64, 10**400, 1e308, -0.0, [], {}, [[]],
    [None], [None, 3], [None, 10**12], [0], [-1, -1], [10**9] * 4, [1.5], ["a"], "\0",
    "\ud800", "sigmoid", "float32", "int32", "object", "__class__", "__init__", "os.system",
    "tf", "valid", "same", "sum", "lambda", "concat", "zero", "one", "identity",
    {"function": "os.system", "token": None}, {"name": "l2", "l2": "x"},
    {"class_name": "Lambda", "config": {"function": "4gAAAA==", "function_type": "lambda"}},
    {"class_name": "Dense", "config": {"output_dim": 10**9, "input_dim": 10**9}},
    {"name": "WeightRegularizer", "l1": float("nan")}, {"name": []}, ["conv", 0, 0],
    [["shared", 0, 0]], [[["shared", 0, 0]]], [[["shared", 1, 0]]], [["input_1", 0, -1]],
]  # fmt: skip

NAMES = ["relu", "softmax", "hard_sigmoid", "uniform", "orthogonal", "identity", "glorot_normal",
         "l1", "activity_l2", "maxnorm", "valid", "same", "full", "th", "tf", "float64", "int32",
         "cpu", "mem", "gpu", "mul", "ave", "dot", "cos", "concat", "Dense", "LSTM", "Model",
         "Sequential", "Graph", "InputLayer", "Flatten", "mse", "rmsprop", "temporal"]  # fmt: skip

KEYS = (
    "name", "class_name", "config", "layers", "reused", "trainable", "inbound_nodes", "layer",
     "input_shape", "batch_input_shape", "input_dtype", "output_dim", "weights", "function",
     "custom_name", "optimizer", "loss", "keras_version", "nodes", "inputs", "stateful", "unroll",
)  # fmt: skip

SNIPPETS = (
    "{", "}", "[", "]", ",", ":", '"', "\\", "null", "NaN", "-", "1e999", "9" * 5000, "[" * 2000,
     "\n", "\t", "  ", "&a ", "*a", "&a [*a]", "<<: *a\n", "!!python/tuple ", "!!python/none ",
     "!!python/object/apply:os.system ['true']", "!!python/name:os.system ", "!!binary ", "!!set ",
     "!!python/module:os ", "!!timestamp ", "!!bool x", "!!int x", "!!omap ", "? ", "---\n", "%",
     "2001-01-01", "0x", "1:1:1", "|", ">", "\x00", "\ufeff", "\x85", "#", "'", "!<x> ", "@", "`",
)  # fmt: skip


def values_in(data: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of each value inside of data."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        keys = value if isinstance(value, dict) else range(len(value))
        for key in list(keys):
            yield value, key
            if isinstance(value[key], dict | list):
                waiting.append(value[key])


def _value(draw: Random) -> Any:
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: copy.deepcopy(draw.choice(_SPECIAL)),
        lambda: draw.randint(-(10**3), 10**3),
        lambda: _float(draw),
        lambda: "".join(chr(draw.choice([draw.randint(0, 127), draw.randint(0, 0x10FFFF)]))
                        for _ in range(draw.randint(0, 8))),
    )  # fmt: skip
    return draw.choice(kinds)()


def _float(draw: Random) -> float:
    return draw.choice([0.0, 1.0, -1.0, 1e300, float("nan"), draw.gauss(0.0, 1.0)])


def _alike(draw: Random, value: Any, found: list[tuple[Any, Any]]) -> Any:
    """A value of the same type, which comes further into a loader than others."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | None):
        return draw.choice([draw.randint(0, 9), None, -1, 100, 10**4, 10**6, 10**12])
    if isinstance(value, float):
        return _float(draw)
    if isinstance(value, str):
        texts = [one[key] for one, key in found if isinstance(one[key], str)]
        return draw.choice([*texts, *NAMES])
    if isinstance(value, list):
        return draw.choice([draw.sample(value, len(value)), value * 2, value[:-1]])
    return {**value, "trainable": False}


def changed_data(draw: Random, data: Any) -> Any:
    """The data with a few values, keys or parts changed."""
    data = copy.deepcopy(data)
    for _ in range(draw.randint(1, 3)):
        found = list(values_in(data))
        if not found:
            break
        container, key = draw.choice(found)
        kind = draw.choice(["value", "remove", "part", "wrap", "add", "rename", *["alike"] * 6])
        if kind == "alike":
            container[key] = _alike(draw, container[key], found)
        elif kind == "value":
            container[key] = _value(draw)
        elif kind == "remove":
            del container[key]
        elif kind == "part":
            other, other_key = draw.choice(found)
            container[key] = copy.deepcopy(other[other_key])
        elif kind == "wrap":
            for _ in range(draw.choice([1, 2, 100, 400])):
                container[key] = [container[key]]
        elif isinstance(container, dict):
            new = draw.choice(KEYS)
            container[new] = container.pop(key) if kind == "rename" else _value(draw)
        else:
            container.insert(key, _value(draw))
    return data


def changed_text(draw: Random, text: str) -> str:
    """The text with pieces put in, taken out, doubled, or cut off."""
    for _ in range(draw.randint(0, 3)):
        start, stop = sorted(draw.randint(0, len(text)) for _ in range(2))
        stop = min(stop, start + draw.choice([0, 1, 5, 50, 10**6]))
        piece = draw.choice([draw.choice(SNIPPETS), "", text[start:stop] * 2])
        text = text[:start] + piece + text[stop:]
    return text


def changed_bytes(draw: Random, content: bytes) -> bytes:
    """The bytes with some changed, and perhaps cut off."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, draw.randint(2, 8)])):
        place = draw.randrange(len(changed))
        flipped = bytes([changed[place] ^ 1 << draw.randrange(8)])
        new = draw.choice([flipped, flipped, b"\0", b"\xff", b"\1", b"\xff" * 8, b"\0" * 8, b"@"])
        changed[place : place + len(new)] = new
    if draw.randrange(10) == 0:
        del changed[draw.randint(0, len(changed)) :]
    return bytes(changed)


def members(file: h5py.File) -> list[str]:
    """The names of all groups and arrays in a file."""
    names = ["/"]
    file.visit(names.append)
    return names


def _array(draw: Random) -> np.ndarray:
    shapes = [(), (0,), (1,), (2,), (4, 8), (5, 3), (8,), (10**6,), (2, 2, 2)]
    types = ["f4", "f8", ">f4", "f2", "i1", "i8", "u8", "?", "c8", "S4", "V3"]
    return np.zeros(draw.choice(shapes), draw.choice(types))


def change_file(draw: Random, path: Path) -> None:
    """Change an HDF5 file in its structure: attributes, arrays, links, groups."""
    with h5py.File(path, "a", libver="latest") as file:
        for _ in range(draw.randint(1, 3)):
            name = draw.choice(sorted(members(file)))
            if name != "/" and not isinstance(file.get(name, getlink=True), h5py.HardLink):
                continue
            _change(draw, file, file[name])


def _attribute(draw: Random, old: Any) -> Any:
    values = [_array(draw), draw.randint(-(2**63), 2**63 - 1), draw.choice(NAMES), _float(draw)]
    if isinstance(old, bytes | np.bytes_):
        changed = changed_text(draw, old.decode())
        return draw.choice([*values, *[changed.encode("utf-8", "replace")] * 4])
    if isinstance(old, np.ndarray) and old.dtype.kind == "S":
        names = draw.sample(old.tolist(), len(old))
        return draw.choice([*values, *[np.array(names or "a", "S")] * 4])
    return draw.choice(values)


def _change(draw: Random, file: h5py.File, found: h5py.Group | h5py.Dataset) -> None:
    attributes = sorted(found.attrs)
    kind = draw.choice(["attribute", "attribute", "remove", "array", "link", "move"])
    if kind == "attribute":
        names = [*attributes, "layer_names", "weight_names", "nb_layers", "keras_version"]
        name = draw.choice(names)
        old = found.attrs[name] if name in attributes else b"dense"
        with suppress(ValueError, OSError, TypeError):  # h5py writes no such attribute
            found.attrs[name] = _attribute(draw, old)
            if "graphc" in file:  # on purpose: the text is looked at, not its checksum
                file["graphc"].attrs.pop(f"{name}_crc32", None)
    elif kind == "remove" and attributes:
        del found.attrs[draw.choice(attributes)]
    elif found.name != "/":
        name, parent = found.name, found.parent
        if kind == "move":
            new = draw.choice(["/moved", "/model_weights/moved", "/graph"])
            with suppress(ValueError):  # what it would be moved to is there, or leads nowhere
                file.move(name, new)
            return
        del parent[name]
        if kind == "array":
            parent[name] = _array(draw)
        elif kind == "link":
            targets = [h5py.SoftLink(name), h5py.SoftLink("/"), h5py.ExternalLink("x.h5", "/")]
            parent[name] = draw.choice([*targets, file["/"]])
