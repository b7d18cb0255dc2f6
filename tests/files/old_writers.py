"""Files as Keras 0.3 and 1.x wrote them, from the descriptions of their layouts: by h5py alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Weights = Sequence[tuple[str, np.ndarray]]
"""The names of a layer's weights, and their values."""

Layers = Iterable[tuple[str, Weights]]


def as_bytes(text: str) -> bytes:
    """As Keras on Python 2 and 3 stored texts; other programs store them as str."""
    return text.encode("utf8")


def _store(group: h5py.Group, name: str, value: np.ndarray) -> None:
    data = group.create_dataset(name, value.shape, dtype=value.dtype)
    data[()] = value


def _put_layers(
    root: h5py.Group, layers: Layers, stored: Callable[[str], bytes | str] = as_bytes
) -> None:
    layers = list(layers)
    root.attrs["layer_names"] = [stored(name) for name, _ in layers]
    for name, weights in layers:
        group = root.create_group(name)
        group.attrs["weight_names"] = [stored(weight) for weight, _ in weights]
        for weight, value in weights:
            _store(group, weight, value)


def write_keras_1(
    path: Path,
    layers: Layers,
    stored: Callable[[str], bytes | str] = as_bytes,
    root: str | None = None,
    **attributes: str,
) -> None:
    """Weights as Keras 1.x wrote them, in the file itself or in a group, with other attributes."""
    with h5py.File(path, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = stored(value)
        _put_layers(file if root is None else file.create_group(root), layers, stored)


def write_keras_0_3(
    path: Path, groups: Sequence[Sequence[np.ndarray]], graph: bool = False
) -> None:
    """Weights as Keras 0.3 wrote them: of each layer of a Sequential, or all of a Graph."""
    with h5py.File(path, "w") as file:
        if not graph:
            file.attrs["nb_layers"] = len(groups)
        for k, weights in enumerate(groups):
            group = file.create_group("graph" if graph else f"layer_{k}")
            group.attrs["nb_params"] = len(weights)
            for n, value in enumerate(weights):
                _store(group, f"param_{n}", value)


def write_model(
    path: Path,
    model: Mapping[str, Any],
    layers: Layers,
    training: Mapping[str, Any] | None = None,
    optimizer_weights: Weights = (),
    **attributes: str,
) -> None:
    """A whole model as `model.save` of Keras 1.x wrote it: {"class_name", "config"} and the layers'
    weights, with what it was compiled with and the optimizer's state, where it was."""
    with h5py.File(path, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = as_bytes(value)
        file.attrs["model_config"] = as_bytes(json.dumps(model))
        _put_layers(file.create_group("model_weights"), layers)
        if training is not None:
            file.attrs["training_config"] = as_bytes(json.dumps(training))
        if optimizer_weights:
            group = file.create_group("optimizer_weights")
            group.attrs["weight_names"] = [as_bytes(name) for name, _ in optimizer_weights]
            for name, value in optimizer_weights:
                _store(group, name, value)
