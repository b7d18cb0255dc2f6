"""Models from descriptions: the layout of Keras 1.0's ``to_json`` and ``to_yaml``.

    {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {...}}, ...]}

A ``keras_version`` beside them, which later releases of Keras 1 wrote, has to be one of Keras 1.

A description is data: class names are looked up in a table, arguments are checked by the layers,
YAML is read by a safe loader, and nothing in a file is executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from graphc.engine.layer import Layer
from graphc.errors import ArgumentError, GraphcError, unknown_name
from graphc.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    Highway,
    LeakyReLU,
    MaxoutDense,
    ParametricSoftplus,
    Permute,
    PReLU,
    RepeatVector,
    Reshape,
    SReLU,
    ThresholdedLinear,
    ThresholdedReLU,
    TimeDistributedDense,
)
from graphc.models import Sequential

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Activation,
        ActivityRegularization,
        BatchNormalization,
        Dense,
        Dropout,
        ELU,
        Embedding,
        Flatten,
        GaussianDropout,
        GaussianNoise,
        Highway,
        LeakyReLU,
        MaxoutDense,
        PReLU,
        ParametricSoftplus,
        Permute,
        RepeatVector,
        Reshape,
        SReLU,
        ThresholdedLinear,
        ThresholdedReLU,
        TimeDistributedDense,
    )
}
"""The layers that a description may name."""

FORMATS = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}
"""The ends of files' names, and what is in them."""


class _Loader(yaml.SafeLoader):
    """A safe loader that also knows tuples, which is how Keras writes shapes."""


_Loader.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: tuple(loader.construct_sequence(node))
)


def load_architecture(path: str | Path) -> Sequential:
    """The model that a file describes, with new weights.

    Raises:
        ArgumentError: a file that cannot be read or is not such a description.
        UnknownNameError, KeywordError, ShapeError, ...: what a layer says to its arguments.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ArgumentError(
            f"{path}: the name of an architecture's file ends in {', '.join(FORMATS)}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path}: cannot be read ({error})") from error
    return sequential_from(parsed(text, FORMATS[path.suffix.lower()], str(path)), str(path))


def parsed(text: str, format_name: str, where: str) -> object:
    """What a text in JSON or YAML says; `where` begins the message of an ArgumentError."""
    try:
        if format_name == "JSON":
            return json.loads(text)
        return yaml.load(text, _Loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ArgumentError(f"{where}: not {format_name}: {error}") from error


def sequential_from(description: object, where: str) -> Sequential:
    """The model of a description; `where` begins the messages of errors."""
    class_name, layers = _entry(_without_version(description, where), where)
    if class_name != "Sequential":
        raise unknown_name(f"model in {where}:", class_name, ["Sequential"])
    if not isinstance(layers, list | tuple) or not layers:
        raise ArgumentError(
            f"{where}: the config of a Sequential is a list of at least one layer, received "
            f"{_shown(layers)}"
        )
    model = Sequential()
    for number, entry in enumerate(layers, start=1):
        place = f"{where}: layer {number}"
        name, config = _entry(entry, place)
        if name not in LAYERS:
            raise unknown_name(f"layer in {place}:", name, LAYERS)
        if not isinstance(config, Mapping):
            raise ArgumentError(
                f"{place} ({name}): config: expected the arguments by name, received "
                f"{_shown(config)}"
            )
        try:
            model.add(LAYERS[name](**_arguments(LAYERS[name], config)))
        except GraphcError as error:
            raise type(error)(f"{place}: {error}") from error
        except TypeError as error:  # Python's own: an argument that is missing or has a wrong name
            raise ArgumentError(f"{place} ({name}): {error}") from error
    return model


def _without_version(description: object, where: str) -> object:
    """The description without the version of Keras that wrote it; an ArgumentError unless that is
    one of Keras 1, whose layers are ours."""
    if not isinstance(description, Mapping) or "keras_version" not in description:
        return description
    version = description["keras_version"]
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise ArgumentError(
            f"{where}: expected an architecture of Keras 1, received one of keras_version "
            f"{_shown(version)}; describe it with the layers and arguments of Keras 1"
        )
    return {key: value for key, value in description.items() if key != "keras_version"}


def _entry(entry: object, where: str) -> tuple[str, Any]:
    """The class name and the config of a part of a description."""
    if not isinstance(entry, Mapping) or set(entry) != {"class_name", "config"}:
        received = f"the keys {sorted(map(str, entry))}" if isinstance(entry, Mapping) else None
        raise ArgumentError(
            f"{where}: expected an object with the keys class_name and config, received "
            f"{received or _shown(entry)}"
        )
    if not isinstance(entry["class_name"], str):
        raise ArgumentError(
            f"{where}: class_name: expected a text, received {_shown(entry['class_name'])}"
        )
    return entry["class_name"], entry["config"]


def _arguments(layer: type[Layer], config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a layer, without the sizes of the input that Keras writes a second time.

    ``input_length`` is axis 1 of ``batch_input_shape``, ``input_dim`` the last; but an Embedding's
    ``input_dim`` is a size of its own.
    """
    arguments = {str(name): value for name, value in config.items()}
    shape = arguments.get("batch_input_shape")
    if shape is None:
        return arguments
    for name, axis in (("input_length", 1), ("input_dim", -1)):
        size = arguments.get(name)
        if size is None or (layer is Embedding and name == "input_dim"):
            continue
        if not isinstance(shape, list | tuple) or len(shape) < 2 or shape[axis] != size:
            raise ArgumentError(f"batch_input_shape is {shape!r}, but {name} is {size!r}")
        if name == "input_dim":
            del arguments[name]
    return arguments


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
