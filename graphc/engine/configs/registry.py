"""Layers by the names of their classes, and as entries of a description:

    {"class_name": "Dense", "config": {"name": "dense_1", "output_dim": 8, ...}}

A layer that stands at several places of one description is one layer: the entries after its first
one also have ``"reused": true``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphc import lookup, releases
from graphc.backend.settings import keep_uid
from graphc.engine.configs.budget import bounded
from graphc.engine.configs.later_keywords import with_one_dtype
from graphc.errors import ArgumentError, GraphcError, UnknownNameError, suggestion


class Described(Protocol):
    """The attributes and methods of a layer or a model that a description needs."""

    name: str
    trainable: bool

    def get_config(self) -> Any:
        """Return the arguments that make such a layer."""

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """Return a new layer made from a config."""


LAYERS: dict[str, type[Described]] = {}
"""The classes that a description may name besides those in `custom_objects`."""

_ENDED = ("JZS1", "JZS2", "JZS3", "SimpleDeepRNN", "WordContextProduct")
_MOST_LEVELS = 40  # of layers inside of layers; each takes several frames of Python's stack

Key = tuple[str, str]
"""A class and a name."""


def register(classes: Iterable[type[Described]]) -> None:
    """Let descriptions name these classes."""
    LAYERS.update({one.__name__: one for one in classes})


class Entry:
    """Base of all classes that a description stores as entries: layers and models."""


@dataclass
class _Document:
    """The layers of one description that were written or read so far, at any depth."""

    by_name: dict[Key, Described] = field(default_factory=dict)
    layers: set[Described] = field(default_factory=set)
    level: int = 0

    def add(self, key: Key, layer: Described) -> None:
        self.by_name[key] = layer
        self.layers.add(layer)


_written: ContextVar[_Document | None] = ContextVar("graphc_written", default=None)
_read: ContextVar[_Document | None] = ContextVar("graphc_read", default=None)


@contextmanager
def _one_document(current: ContextVar[_Document | None]) -> Iterator[_Document]:
    document = current.get()
    if document is not None:
        yield document
        return
    document = _Document()
    reset = current.set(document)
    try:
        yield document
    finally:
        current.reset(reset)


@contextmanager
def writing_layers() -> Iterator[None]:
    """Let `layer_entry` recognise, inside the block, layers that it has written before."""
    with _one_document(_written):
        yield


@contextmanager
def reading_layers() -> Iterator[None]:
    """Let `layer_of` return, inside the block, one layer for all entries of that layer."""
    with _one_document(_read), bounded():
        yield


def layer_entry(layer: Described) -> dict[str, Any]:
    """Return a layer's entry in a description."""
    with _one_document(_written) as document:
        config = layer.get_config()
        entry: dict[str, Any] = {"class_name": type(layer).__name__, "config": config}
        # The config of a Sequential, of a Graph and of some layers of users does not tell these.
        if isinstance(config, list) or "name" not in config:
            entry["name"] = layer.name
        if not layer.trainable and (isinstance(config, list) or "trainable" not in config):
            entry["trainable"] = False
        key = entry["class_name"], layer.name
        if layer in document.layers:
            if document.by_name[key] is not layer:
                raise ArgumentError(
                    f"two layers are named {layer.name!r} ({key[0]}), and one of them is used at "
                    "several places, so a description cannot tell which; give one another name"
                )
            entry["reused"] = True
        document.add(key, layer)
        return entry


def layer_from_config(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """Return a layer or a model, with new weights, made from its class name and config.

    Args:
        config: {"class_name": ..., "config": ...}.
        custom_objects: classes and functions of your own by the names that the config has.

    Raises:
        UnknownNameError: a class, or a name in the config, that is not known.
        ArgumentError: no such dict, or a config that does not fit the class.
        GraphcError: what the layer says to its arguments.
    """
    entry, written_by = without_version(config, "layer_from_config")
    in_force = nullcontext() if written_by is None else releases.reading_file_of(written_by)
    with lookup.custom_objects(custom_objects), in_force:
        return layer_of(entry, "layer_from_config")


def without_version(description: object, place: str) -> tuple[object, releases.Release | None]:
    """Split a description into the rest and the version of Keras that wrote it. Raises
    ArgumentError unless that is a version of Keras 1."""
    if not isinstance(description, Mapping) or "keras_version" not in description:
        return description, None
    version = description["keras_version"]
    release = releases.release_in(version) if isinstance(version, str) else None
    if release is None or release[0] != 1:
        raise ArgumentError(
            f"{place}: expected an architecture of Keras 1, received one of keras_version "
            f"{shown(version)}; describe it with the layers and arguments of Keras 1"
        )
    return {key: value for key, value in description.items() if key != "keras_version"}, release


def layer_of(entry: object, place: str) -> Any:
    """Return the layer that an entry describes; `place` begins the messages of errors."""
    checked = checked_entry(entry, place)
    class_name, config, name = checked["class_name"], checked["config"], checked.get("name")
    cls = _class_of(class_name, place)
    with _one_document(_read) as document, bounded():
        if checked.get("reused"):
            return _read_before(document, class_name, name or _name_in(config), place)
        document.level += 1
        try:
            if document.level > _MOST_LEVELS:
                raise ArgumentError(f"expected at most {_MOST_LEVELS} layers inside of each other")
            if cls is LAYERS.get(class_name) and isinstance(config, Mapping):
                config = with_one_dtype(class_name, config)
            layer = cls.from_config(config)
        except GraphcError as error:
            raise type(error)(f"{place}: {error}") from error
        except TypeError as error:  # Python's own: an argument that is missing or has a wrong name
            raise ArgumentError(f"{place} ({class_name}): {error}") from error
        except RecursionError as error:  # from data made in Python; texts have a limit of their own
            raise ArgumentError(
                f"{place} ({class_name}): too deep, or lists inside of themselves; expected a "
                "config as get_config gives it"
            ) from error
        finally:
            document.level -= 1
        layer.trainable = checked.get("trainable", layer.trainable)
        if name is not None:
            if _name_in(config) not in (None, name):
                raise ArgumentError(
                    f"{place}: the entry's name is {name!r}, its config's {_name_in(config)!r}"
                )
            layer.name = name
        keep_uid(layer.name)
        document.add((class_name, layer.name), layer)
        return layer


def checked_entry(entry: object, place: str) -> Mapping[str, Any]:
    """Return an entry once the types of its class name, name and trainable are checked."""
    if not isinstance(entry, Mapping) or not {"class_name", "config"} <= set(entry):
        received = f"the keys {sorted(map(str, entry))}" if isinstance(entry, Mapping) else None
        raise ArgumentError(
            f"{place}: expected an object with the keys class_name and config, received "
            f"{received or shown(entry)}"
        )
    known = {"class_name", "config", "name", "trainable", "reused", "inbound_nodes"}
    unknown = sorted(set(entry) - known, key=str)
    if unknown:
        raise ArgumentError(
            f"{place}: beside class_name and config expected {', '.join(sorted(known))}, received "
            f"the key {unknown[0]!r}"
        )
    if not isinstance(entry["class_name"], str):
        raise ArgumentError(
            f"{place}: class_name: expected a text, received {shown(entry['class_name'])}"
        )
    name = entry.get("name")
    if name is not None and not (isinstance(name, str) and name):
        raise ArgumentError(f"{place}: name: expected a text, received {shown(name)}")
    if not isinstance(entry.get("trainable", True), bool):
        raise ArgumentError(
            f"{place}: trainable: expected true or false, received {shown(entry['trainable'])}"
        )
    return entry


def shown(value: object) -> str:
    """Return the text of a value for a message, cut to a short length."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is too deep to be shown"
    return text if len(text) <= 60 else f"{text[:60]}..."


def _class_of(class_name: str, place: str) -> type[Described]:
    cls = lookup.given_objects().get(class_name, LAYERS.get(class_name))
    if cls is None:
        ended = class_name in _ENDED
        hint = "Keras had it before 0.3 only." if ended else suggestion(class_name, LAYERS)
        raise UnknownNameError(
            f"{place}: unknown layer {class_name!r}. {hint} A class of your own is passed by "
            f"custom_objects={{{class_name!r}: {class_name}}}"
        )
    if not (isinstance(cls, type) and hasattr(cls, "from_config")):
        raise ArgumentError(
            f"{place}: custom_objects[{class_name!r}]: expected a class of layers, received {cls!r}"
        )
    return cls


def _read_before(document: _Document, class_name: str, name: object, place: str) -> Any:
    layer = document.by_name.get((class_name, name)) if isinstance(name, str) else None
    if layer is None:
        raise ArgumentError(
            f"{place}: expected a {class_name} named {name!r} before this place, which uses it "
            "again; there is none"
        )
    return layer


def _name_in(config: object) -> object:
    return config.get("name") if isinstance(config, Mapping) else None
