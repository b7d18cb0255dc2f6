"""Changes to descriptions and to HDF5 files, drawn by hypothesis."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st

VALUES = st.one_of(
    st.sampled_from(
        [
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
        ]
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)  # fmt: skip

NAMES = ["relu", "softmax", "hard_sigmoid", "uniform", "orthogonal", "identity", "glorot_normal",
         "l1", "activity_l2", "maxnorm", "valid", "same", "full", "th", "tf", "float64", "int32",
         "cpu", "mem", "gpu", "mul", "ave", "dot", "cos", "concat", "Dense", "LSTM", "Model",
         "Sequential", "Graph", "InputLayer", "Flatten", "mse", "rmsprop", "temporal"]  # fmt: skip

KEYS = st.sampled_from(
    ["name", "class_name", "config", "layers", "reused", "trainable", "inbound_nodes", "layer",
     "input_shape", "batch_input_shape", "input_dtype", "output_dim", "weights", "function",
     "custom_name", "optimizer", "loss", "keras_version", "nodes", "inputs", "stateful", "unroll"]
)  # fmt: skip

SNIPPETS = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", '"', "\\", "null", "NaN", "-", "1e999", "9" * 5000, "[" * 2000,
     "\n", "\t", "  ", "&a ", "*a", "&a [*a]", "<<: *a\n", "!!python/tuple ", "!!python/none ",
     "!!python/object/apply:os.system ['true']", "!!python/name:os.system ", "!!binary ", "!!set ",
     "!!python/module:os ", "!!timestamp ", "!!bool x", "!!int x", "!!omap ", "? ", "---\n", "%",
     "2001-01-01", "0x", "1:1:1", "|", ">", "\x00", "\ufeff", "\x85", "#", "'", "!<x> ", "@", "`"]
)  # fmt: skip


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of each value inside of data."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        keys = value if isinstance(value, dict) else range(len(value))
        for key in list(keys):
            yield value, key
            if isinstance(value[key], dict | list):
                waiting.append(value[key])


def _alike(value: Any, found: list[tuple[Any, Any]]) -> st.SearchStrategy[Any]:
    """Values of the same type, which come further into a loader than others."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, int | None):
        return st.one_of(st.integers(0, 9), st.sampled_from([None, -1, 100, 10**4, 10**6, 10**12]))
    if isinstance(value, float):
        return st.one_of(st.floats(), st.sampled_from([0.0, 1.0, -1.0, 1e300]))
    if isinstance(value, str):
        texts = [one[key] for one, key in found if isinstance(one[key], str)]
        return st.sampled_from([*texts, *NAMES])
    if isinstance(value, list):
        return st.one_of(st.permutations(value), st.just(value * 2), st.just(value[:-1]))
    return st.just({**value, "trainable": False})


@st.composite
def changed_data(draw: st.DrawFn, data: Any) -> Any:
    """The data with a few values, keys or parts changed."""
    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(data))
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        kinds = ["value", "remove", "part", "wrap", "add", "rename", *["alike"] * 6]
        kind = draw(st.sampled_from(kinds))
        if kind == "alike":
            container[key] = draw(_alike(container[key], found))
        elif kind == "value":
            container[key] = copy.deepcopy(draw(VALUES))
        elif kind == "remove":
            del container[key]
        elif kind == "part":
            other, other_key = draw(st.sampled_from(found))
            container[key] = copy.deepcopy(other[other_key])
        elif kind == "wrap":
            for _ in range(draw(st.sampled_from([1, 2, 100, 400]))):
                container[key] = [container[key]]
        elif isinstance(container, dict):
            new = draw(KEYS)
            if kind == "rename":
                container[new] = container.pop(key)
            else:
                container[new] = copy.deepcopy(draw(VALUES))
        else:
            container.insert(key, copy.deepcopy(draw(VALUES)))
    return data


@st.composite
def changed_text(draw: st.DrawFn, text: str) -> str:
    """The text with pieces put in, taken out, doubled, or cut off."""
    for _ in range(draw(st.integers(0, 3))):
        start, stop = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        stop = min(stop, start + draw(st.sampled_from([0, 1, 5, 50, 10**6])))
        piece = draw(st.one_of(SNIPPETS, st.just(""), st.just(text[start:stop] * 2)))
        text = text[:start] + piece + text[stop:]
    return text


@st.composite
def changed_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes with some changed, and perhaps cut off."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(changed) - 1))
        new = draw(st.sampled_from([b"\0", b"\xff", b"\1", b"\xff" * 8, b"\0" * 8, b"\x80", b"@"]))
        changed[place : place + len(new)] = new
    if draw(st.integers(0, 9)) == 0:
        del changed[draw(st.integers(0, len(changed))) :]
    return bytes(changed)


def members(file: h5py.File) -> list[str]:
    """The names of all groups and arrays in a file."""
    names = ["/"]
    file.visit(names.append)
    return names


def _arrays() -> st.SearchStrategy[Any]:
    shapes = st.sampled_from([(), (0,), (1,), (2,), (4, 8), (5, 3), (8,), (10**6,), (2, 2, 2)])
    types = st.sampled_from(["f4", "f8", ">f4", "f2", "i1", "i8", "u8", "?", "c8", "S4", "V3"])
    return st.builds(np.zeros, shapes, types)


@st.composite
def change_file(draw: st.DrawFn, path: Path) -> None:
    """Change an HDF5 file in its structure: attributes, arrays, links, groups."""
    with h5py.File(path, "a", libver="latest") as file:
        for _ in range(draw(st.integers(1, 3))):
            name = draw(st.sampled_from(sorted(members(file))))
            if name != "/" and not isinstance(file.get(name, getlink=True), h5py.HardLink):
                continue
            _change(draw, file, file[name])


def _change(draw: st.DrawFn, file: h5py.File, found: h5py.Group | h5py.Dataset) -> None:
    attributes = sorted(found.attrs)
    kind = draw(st.sampled_from(["attribute", "attribute", "remove", "array", "link", "move"]))
    if kind == "attribute":
        names = [*attributes, "layer_names", "weight_names", "nb_layers", "keras_version"]
        name = draw(st.sampled_from(names))
        text = found.attrs[name] if name in attributes else b"dense"
        values = [_arrays(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=5), st.floats()]
        if isinstance(text, bytes | np.bytes_):
            values.append(
                changed_text(text.decode()).map(lambda one: one.encode("utf-8", "replace"))
            )
        elif isinstance(text, np.ndarray) and text.dtype.kind == "S":
            values.append(
                st.permutations(text.tolist()).map(lambda names: np.array(names or "a", "S"))
            )
        try:
            found.attrs[name] = draw(st.one_of(values))
        except (ValueError, OSError, TypeError):
            return  # h5py writes no such attribute
    elif kind == "remove" and attributes:
        del found.attrs[draw(st.sampled_from(attributes))]
    elif found.name != "/":
        name, parent = found.name, found.parent
        if kind == "move":
            new = draw(st.sampled_from(["/moved", "/model_weights/moved", "/graph"]))
            with suppress(ValueError):  # what it would be moved to is there, or leads nowhere
                file.move(name, new)
            return
        del parent[name]
        if kind == "array":
            parent[name] = draw(_arrays())
        elif kind == "link":
            targets = [h5py.SoftLink(name), h5py.SoftLink("/"), h5py.ExternalLink("x.h5", "/")]
            parent[name] = draw(st.sampled_from([*targets, file["/"]]))
