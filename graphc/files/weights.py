"""Weights in the HDF5 layout of Keras 1.

The root has the attribute `layer_names`, and a group for each layer with the attribute
`weight_names` and a data set for each weight; both attributes are lists of UTF-8 bytes.

Keras orders parallel layers by their names, so that the same program run with other numbers in
its names (dense_9, dense_10) has another order. Ours have the attribute `ranks` too: the place of
each layer in an order that no name changes. Each of our data sets has a checksum.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from graphc.errors import ArgumentError, DataError, ShapeError
from graphc.files.conversions import (
    UNKNOWN,
    VARIANCE,
    FileOrigin,
    Form,
    RunningStd,
    parts_of,
    whole_weights,
)
from graphc.files.hdf5 import (
    attribute_numbers,
    damage_errors,
    has,
    member,
    numbers,
    read_array,
    texts,
    write_array,
    written,
)
from graphc.files.origins import file_origin, with_backend_of
from graphc.paths import GivenPath, checked_path, shown_path

# HDF5 keeps small attributes in a header of 64 kB; a newer form of the file has room for others.
_HEADER_BYTES = 60_000

_RUNNING_STD = "running_std"
"""The attribute of an array that has a variance under this name."""


@dataclass(frozen=True)
class LayerWeights:
    """A layer's name, and its weights by name: their arrays, or the shapes that they need.

    Attributes:
        rank: its place among the layers in an order that does not depend on names.
        forms: of the weights, by their positions, that other files have in other forms.
    """

    name: str
    rank: int
    names: list[str]
    values: Sequence[Any]
    forms: Mapping[int, Form] = field(default_factory=dict)


def check_overwrite(path: GivenPath, overwrite: bool, where: str) -> str:
    """Return the path. ArgumentError if a file exists there and must not be replaced."""
    checked = checked_path(where, path)
    if os.path.lexists(checked) and not overwrite:
        raise ArgumentError(
            f"{where}: {shown_path(checked)} is there already, and overwrite=False; pass "
            "overwrite=True to replace it, or give another name"
        )
    return checked


def write_weights(path: GivenPath, layers: Sequence[LayerWeights]) -> None:
    """Write a file of weights, completely or not at all."""
    with written(path, libver=bounds_for(layers)) as file:
        write_layers(file, layers)


def bounds_for(layers: Sequence[LayerWeights], *others: str) -> tuple[str, str]:
    """Return the versions of HDF5 (`libver`) that hold the layers' names and other attributes: the
    earliest, which every program reads, unless one of these is too long for it."""
    lists = [[layer.name for layer in layers], *(layer.names for layer in layers)]
    sizes = [_size(_distinct(names)) for names in lists]
    longest = max([*sizes, *(len(text.encode("utf-8")) for text in others)])
    return ("v108" if longest > _HEADER_BYTES else "earliest"), "v110"


def write_layers(root: h5py.Group, layers: Sequence[LayerWeights]) -> None:
    """Write the layers' weights in a group, or in a file itself."""
    groups = _distinct(_storable(layer.name) for layer in layers)
    root.attrs["layer_names"] = _as_bytes(groups)
    root.attrs["ranks"] = np.array([layer.rank for layer in layers], dtype="int64")
    for name, layer in zip(groups, layers, strict=True):
        write_arrays(root.require_group(name), layer.names, layer.values, layer.forms)


def write_arrays(
    group: h5py.Group,
    names: Sequence[str],
    values: Sequence[np.ndarray],
    forms: Mapping[int, Form] = MappingProxyType({}),
) -> None:
    """Write arrays into a group, and their names in order into its attribute `weight_names`. An
    attribute marks arrays that are variances."""
    distinct = _distinct(map(_storable, names))
    group.attrs["weight_names"] = _as_bytes(distinct)
    for k, (name, value) in enumerate(zip(distinct, values, strict=True)):
        stored = write_array(group, name, value)
        form = forms.get(k)
        if isinstance(form, RunningStd) and form.keeps == VARIANCE:
            stored.attrs[_RUNNING_STD] = VARIANCE.encode("utf-8")


def read_weights(
    file: h5py.File,
    layers: Sequence[LayerWeights],
    owner: str,
    given: FileOrigin = UNKNOWN,
) -> list[list[np.ndarray]]:
    """Return the weights that a file has for layers with weights of these shapes.

    Layers are matched by name where the file has the same names, else by rank, or, in a file
    without ranks, by position; a layer's weights by position. What other backends and releases of
    Keras stored in other forms is converted.

    Args:
        owner: the model's name, for messages.
        given: what the caller knows about the file; see `file_origin`.

    Raises:
        DataError: not a file of weights, or one of other layers; the message names both sides.
        ShapeError: a weight of another shape.
        ArgumentError: a BatchNormalization, and neither the file nor the caller says what its
            running_std is.
    """
    with damage_errors(f"{shown_path(file.filename)} for {owner}"):
        return read_layers(weights_root(file), layers, given)


def read_layers(
    root: h5py.Group, layers: Sequence[LayerWeights], given: FileOrigin = UNKNOWN
) -> list[list[np.ndarray]]:
    """Return the weights in a group, or in a file itself; see `read_weights`."""
    if not isinstance(root, h5py.Group):  # an array has as many entries as elements
        raise DataError(f"{root.name}: expected a group of layers, found an array")
    names = _matched(root, layers)
    groups = [None if name is None else member(root, name) for name in names]
    origin = file_origin(root, given)
    return [
        [] if name is None else read_layer(group, name, texts(group, "weight_names"), layer, origin)
        for group, name, layer in zip(groups, names, layers, strict=True)
    ]


def read_weights_by_name(
    file: h5py.File, layers: Sequence[LayerWeights], owner: str, given: FileOrigin = UNKNOWN
) -> dict[int, list[np.ndarray]]:
    """Return the weights that a file has for layers of the same names: the position of each such
    layer among `layers` -> its arrays; several layers may have one name. Arguments and errors as of
    `read_weights`."""
    with damage_errors(f"{shown_path(file.filename)} for {owner}"):
        return read_layers_by_name(weights_root(file), layers, given)


def read_layers_by_name(
    root: h5py.Group, layers: Sequence[LayerWeights], given: FileOrigin = UNKNOWN
) -> dict[int, list[np.ndarray]]:
    """Return the weights in a group, or in a file itself; see `read_weights_by_name`."""
    stored, origin = set(_layer_names(root)), file_origin(root, given)
    found = {}
    for place, layer in enumerate(layers):
        if layer.name in stored:
            group = member(root, layer.name)
            names = texts(group, "weight_names")
            found[place] = read_layer(group, layer.name, names, layer, origin)
    return found


def weights_root(file: h5py.File) -> h5py.Group:
    """Return the group of the weights: the file itself, or a group in one of a whole model."""
    whole = "layer_names" not in file.attrs and has(file, "model_weights")
    return member(file, "model_weights") if whole else file


def _layer_names(root: h5py.Group) -> list[str]:
    if "layer_names" not in root.attrs:
        raise DataError(
            "expected the weights of Keras 1, with an attribute layer_names, found "
            f"{sorted([*root.attrs, *root])!r:.200}"
        )
    return texts(root, "layer_names")


def _matched(root: h5py.Group, layers: Sequence[LayerWeights]) -> list[str | None]:
    """Return the names in the file, one for each layer; None for a layer without weights, which a
    file need not have."""
    stored = _layer_names(root)
    wanted = [layer.name for layer in layers]
    if len(stored) == len(layers) and set(stored) == set(wanted):
        return [*wanted]
    positions = [k for k, layer in enumerate(layers) if layer.names]
    if "ranks" in root.attrs:
        ranks = _ranks(root, len(stored))
        stored = [name for _, name in sorted(zip(ranks, stored, strict=True))]
        positions.sort(key=lambda k: layers[k].rank)
    weighted = [name for name in stored if texts(member(root, name), "weight_names")]
    if len(weighted) != len(positions):
        if len(stored) == len(layers):  # the layer of which this is so will be named
            return [*stored]
        raise DataError(_difference(stored, wanted))
    found = dict(zip(positions, weighted, strict=True))
    return [found.get(k) for k in range(len(layers))]


def _ranks(root: h5py.Group, count: int) -> list[int]:
    ranks = attribute_numbers(root, "ranks")
    if ranks.shape != (count,) or sorted(ranks.tolist()) != list(range(count)):
        raise DataError(
            f"the attribute ranks: expected each number below {count} once, received "
            f"{ranks.tolist()!r:.60}"
        )
    found: list[int] = ranks.tolist()
    return found


def read_layer(
    group: h5py.Group, name: str, names: Sequence[str], layer: LayerWeights, origin: FileOrigin
) -> list[np.ndarray]:
    """Return the arrays of these names in a group, for a layer's weights; checked before they are
    read."""
    sets = [numbers(group, one) for one in names]
    parts = parts_of(
        layer.names,
        layer.values,
        layer.forms,
        [one.shape for one in sets],
        with_backend_of(origin, names),
        layer.name,
        list(map(_stated_running_std, sets)),
    )
    if len(sets) != len(parts):
        raise DataError(
            f"the layer {name!r} of the file has {_listed(names, sets)}; {layer.name!r} of the "
            f"model needs {_listed(layer.names, layer.values)}"
        )
    for weight_name, found, part in zip(names, sets, parts, strict=True):
        if found.shape != part.shape:
            raise ShapeError(
                f"the weight {weight_name!r} of the file's layer {name!r} has the shape "
                f"{found.shape}; {part.name!r} of the model's layer {layer.name!r} needs "
                f"{part.shape}"
            )
    made: dict[int | tuple[int, int], np.ndarray] = {}
    for found, part in zip(sets, parts, strict=True):
        made |= zip(part.positions, part.weights(read_array(found)), strict=True)
    return whole_weights(made, len(layer.values))


def _stated_running_std(found: h5py.Dataset) -> str | None:
    if _RUNNING_STD not in found.attrs:
        return None
    stated = texts(found, _RUNNING_STD)
    if stated != [VARIANCE]:
        raise DataError(
            f"{found.name}: the attribute {_RUNNING_STD}: expected {VARIANCE!r}, received "
            f"{stated!r:.60}"
        )
    return VARIANCE


def _difference(stored: Sequence[str], wanted: Sequence[str]) -> str:
    sides = {
        "the file alone has": [one for one in stored if one not in set(wanted)],
        "the model alone has": [one for one in wanted if one not in set(stored)],
    }
    names = "; ".join(f"{side} {', '.join(names):.200}" for side, names in sides.items() if names)
    return (
        f"the file has {len(stored)} layers and the model {len(wanted)}: {names}; build the model "
        "as it was when the weights were saved"
    )


def _listed(names: Sequence[str], weights: Sequence[object]) -> str:
    if not names:
        return "no weights"
    shapes = [getattr(one, "shape", one) for one in weights]
    pairs = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
    return f"{len(names)} weights ({pairs:.300})"


def _storable(name: str) -> str:
    """Return the name. ArgumentError for a name that HDF5 would not keep distinct from others."""
    if "\0" in name or any(part in ("", ".") for part in name.split("/")):
        raise ArgumentError(
            f"{name!r} cannot name a layer or a weight in an HDF5 file; give the layer a name "
            "without '/' at its ends, '//', '.' alone and '\\0'"
        )
    return name


def _distinct(names: Iterable[str]) -> list[str]:
    """Return names of which no two are equal: a number is appended to those that repeat."""
    found: dict[str, None] = {}
    for name in names:
        new, count = name, 1
        while new in found:
            count += 1
            new = f"{name}_{count}"
        found[new] = None
    return list(found)


def _as_bytes(names: Sequence[str]) -> np.ndarray:
    return np.array([name.encode("utf-8") for name in names], dtype=None if names else "S1")


def _size(names: Sequence[str]) -> int:
    return len(names) * max((len(name.encode("utf-8")) for name in names), default=0)
