"""Weights in the HDF5 layouts of Keras 0.3, which are read and not written.

Sequential: the root has the attribute `nb_layers`, and a group ``layer_<k>`` for each layer. Graph:
one group ``graph``. A group has the attribute `nb_params` and the data sets ``param_<i>``.
"""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np

from graphc.errors import DataError
from graphc.files.conversions import STD, UNKNOWN, FileOrigin
from graphc.files.hdf5 import attribute_numbers, damage_errors, has, member
from graphc.files.origins import agreed
from graphc.files.weights import LayerWeights, read_layer
from graphc.paths import shown_path


def is_keras_0_3(file: h5py.File) -> bool:
    """Return True if an HDF5 file has a layout of Keras 0.3."""
    with damage_errors(shown_path(file.filename)):
        return "layer_names" not in file.attrs and ("nb_layers" in file.attrs or has(file, "graph"))


def read_keras_0_3_weights(
    file: h5py.File,
    layers: Sequence[LayerWeights],
    owner: str,
    given: FileOrigin = UNKNOWN,
) -> list[list[np.ndarray]]:
    """Return the weights that a file has for layers with weights of these shapes, matched by
    position.

    `layers` are those of a Sequential, or a single one, which stands for all of a Graph. Raises
    what `read_weights` raises.
    """
    origin = agreed(FileOrigin(STD), given)
    with damage_errors(f"{shown_path(file.filename)} for {owner}"):
        groups = _groups(file)
        if len(groups) != len(layers):
            raise DataError(
                f"the file has {len(groups)} layers and the model {len(layers)}: "
                f"{', '.join(layer.name for layer in layers):.200}; build the model as it was when "
                "the weights were saved"
            )
        return [
            read_layer(member(file, name), name, _parameters(member(file, name)), layer, origin)
            for name, layer in zip(groups, layers, strict=True)
        ]


def _groups(file: h5py.File) -> list[str]:
    if "nb_layers" in file.attrs:
        return [f"layer_{k}" for k in range(_count(file, "nb_layers"))]
    return ["graph"]


def _parameters(group: h5py.Group) -> list[str]:
    return [f"param_{k}" for k in range(_count(group, "nb_params"))]


def _count(group: h5py.Group, attribute: str) -> int:
    value = attribute_numbers(group, attribute)
    if value.shape != () or value.dtype.kind not in "iu" or not 0 <= value < 1_000_000:
        raise DataError(
            f"{group.name}: the attribute {attribute}: expected a number of layers or weights, "
            f"received {value!r:.60}"
        )
    return int(value)
