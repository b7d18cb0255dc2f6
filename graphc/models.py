"""Models: Sequential, Graph, Model of the functional API; models from their descriptions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import graphc.layers  # noqa: F401  (its import makes the layers known to descriptions)
from graphc import backend as K
from graphc import lookup
from graphc.engine.configs.keras_0_3 import compiled_with, is_keras_0_3, keras_1_entry
from graphc.engine.configs.registry import layer_of, register, without_version
from graphc.engine.models.graph_model import Graph
from graphc.engine.models.sequential import Sequential
from graphc.engine.topology.container import Container, get_source_inputs
from graphc.engine.topology.holding import with_held
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.layer_node import LayerNode as Node
from graphc.engine.topology.layer_node import mask_of, to_list
from graphc.engine.topology.merge import Merge
from graphc.engine.training import (
    Model,
    batch_shuffle,
    generator_queue,
    make_batches,
    slice_X,
    standardize_weights,
    weighted_objective,
)
from graphc.engine.training.checkpoint import generator_unchanged, set_generator
from graphc.engine.training.compile_config import compile_arguments, release_meant
from graphc.errors import ArgumentError, GraphcError, UnknownNameError, errors_at
from graphc.files.conversions import FileOrigin
from graphc.files.text import parsed, read_description
from graphc.files.whole_models import opened_model
from graphc.initializations import to_be_set
from graphc.layers.core.siamese import SharedLayer
from graphc.optimizers import optimizer_from_config
from graphc.paths import (
    GivenPath,
    ask_to_proceed_with_overwrite,
    checked_path,
    shown_path,
)
from graphc.public.calls import public
from graphc.releases import FIRST, Release, reading_file_of, since

# With what programs have by ``from keras.models import *``.
__all__ = [
    "Graph",
    "K",
    "Layer",
    "Merge",
    "Model",
    "Node",
    "Sequential",
    "ask_to_proceed_with_overwrite",
    "batch_shuffle",
    "generator_queue",
    "get_source_inputs",
    "load_architecture",
    "load_model",
    "make_batches",
    "model_from_config",
    "model_from_json",
    "model_from_yaml",
    "np",
    "optimizer_from_config",
    "save_model",
    "slice_X",
    "standardize_X",
    "standardize_weights",
    "standardize_y",
    "weighted_objective",
]

register([Graph, Model, Sequential])

_log = logging.getLogger("graphc")


def standardize_X(X: Any) -> list[Any]:
    """Return a list of arrays as it is, an array as a list of it, as Keras 0.3 had its inputs."""
    return X if isinstance(X, list) else [X]


def standardize_y(y: Any) -> np.ndarray:
    """Return targets as an array, those with one axis with a second one, as Keras 0.3 had them."""
    array = np.asarray(y)
    return array[:, np.newaxis] if array.ndim == 1 else array


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model with new weights from what `to_json` gave, that of Keras 1.0 and of Keras 0.3.

    It is not compiled, but where Keras 0.3 described a compiled one. Nothing in the text is
    executed: classes are looked up by their names.

    Args:
        custom_objects: your own classes and functions by the names that the text has.

    Raises:
        ArgumentError: not JSON, or not a description of a model.
        UnknownNameError: a class or a function that is not known.
        ShapeError, KeywordError, ...: what layers say to their arguments and inputs.
    """
    return _model_from(parsed(json_string, "JSON", "model_from_json"), "model", custom_objects)


def model_from_yaml(yaml_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model from what `to_yaml` gave; as `model_from_json`. The loader is a safe one."""
    return _model_from(parsed(yaml_string, "YAML", "model_from_yaml"), "model", custom_objects)


def load_architecture(path: GivenPath, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model from a file in JSON or YAML; as `model_from_json`."""
    checked = checked_path("load_architecture", path)
    return _model_from(read_description(checked), shown_path(checked), custom_objects)


def model_from_config(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Model:
    """A model from {"class_name": ..., "config": ...}; as `model_from_json`.

    A ``keras_version`` beside them, which later releases of Keras 1 wrote, has to be one of
    Keras 1.
    """
    return _model_from(config, "model", custom_objects)


def load_model(
    filepath: GivenPath,
    custom_objects: Mapping[str, Any] | None = None,
    *,
    restore_generator: bool = True,
    running_std: str | None = None,
    backend: str | None = None,
) -> Model:
    """The model of a file that `model.save` wrote, here or in a later release of Keras 1: compiled
    if it was, and where its training was; see `Model.save`.

    Training goes on with ``model.fit(..., initial_epoch=model.epochs_done)``. Nothing in the file
    is executed.

    Args:
        custom_objects: your own layers, optimizers, losses, metrics and other functions by the
            names that the file has.
        restore_generator: set NumPy's global generator to its state of the saving, for the same
            shuffling as there. What draws from it between loading and training changes that.
            False, or a file that Keras wrote: the generator is left as it is.
        running_std, backend: of a file that Keras wrote; see `Model.load_weights`.

    Raises:
        MissingFileError: no such file.
        DataError: not a file of a model, or a damaged one.
        UnknownNameError: a class or a function that is not known.
        ArgumentError, ShapeError, ...: what layers say to their arguments and inputs.
    """
    path = shown_path(checked_path("load_model", filepath))
    with opened_model(filepath) as file, generator_unchanged():
        architecture = parsed(file.model_config, "JSON", f"{path}: model_config")
        with to_be_set():
            model = _model_from(
                architecture, f"{path}: model_config", custom_objects, file.release or FIRST
            )
        if file.training_config is not None:
            with lookup.custom_objects(custom_objects):
                _compile_as_stored(
                    model, file.training_config, file.release, f"{path}: training_config"
                )
        generator = model._graphc_checkpoint.restore(file, FileOrigin(running_std, backend))
    if restore_generator and generator is not None:
        set_generator(generator, f"{path} for load_model")
    return model


@since("1.0.7")
def save_model(model: Model, filepath: GivenPath, overwrite: bool = True) -> None:
    """Write the whole model to an HDF5 file; see `Model.save`."""
    if not isinstance(model, Model):
        raise ArgumentError(
            f"save_model: expected a model (Sequential, Model, Graph), received {model!r}"
        )
    model.save(filepath, overwrite)


def _compile_as_stored(
    model: Model, training_config: str, written_by: Release | None, place: str
) -> None:
    config = parsed(training_config, "JSON", place)
    try:
        with reading_file_of(release_meant(config) or written_by or FIRST):
            with errors_at(place):
                arguments = compile_arguments(config)
            # That of a Graph has other names for some of the arguments.
            of_graph = isinstance(model, Graph)
            _compile(partial(Model.compile, model) if of_graph else model.compile, arguments, place)
    except UnknownNameError as error:
        if "custom_objects" in str(error):
            raise
        raise UnknownNameError(
            f"{error} A function of your own is passed by custom_objects={{name: function}}"
        ) from error


def _model_from(
    description: object,
    place: str,
    custom_objects: Mapping[str, Any] | None,
    written_by: Release = FIRST,
) -> Model:
    """The model of a description, with the meanings of the release that it names, or of the one
    that is known to have written it."""
    entry, named = without_version(description, place)
    compiled = None
    was_keras_0_3 = False
    if is_keras_0_3(entry):
        was_keras_0_3 = True
        compiled = compiled_with(entry, place)
        entry = keras_1_entry(entry, place)
    with lookup.custom_objects(custom_objects), reading_file_of(named or written_by):
        model = _model_itself(layer_of(entry, place), place)
        if compiled is not None:
            _compile(model.compile, compiled, place)
    if was_keras_0_3:
        _warn_of_masks(model, place)
    return model


def _model_itself(layer: Layer, place: str) -> Model:
    """A layer that is a model. ArgumentError for another."""
    if not isinstance(layer, Model):
        kind = "container" if isinstance(layer, Container) else "layer"
        raise ArgumentError(
            f"{place}: expected a model (Sequential, Model, Graph), received the {kind} "
            f"{type(layer).__name__}; graphc.utils.layer_utils.layer_from_config reads layers"
        )
    return layer


def _warn_of_masks(model: Layer, place: str) -> None:
    """A line in the log for each Merge and each shared layer of a Sequential that passes a mask on,
    as none did in Keras 0.3."""
    sequences = [one.layers for one in with_held([model]) if isinstance(one, Sequential)]
    for layer in (one for layers in sequences for one in layers):
        if not isinstance(layer, Merge | SharedLayer):
            continue
        if any(mask_of(tensor) is not None for tensor in to_list(layer.get_output_at(0))):
            _log.warning(
                "%s: the mask goes on after %s, as in Keras 1.0; in Keras 0.3, which wrote this "
                "description, it ended there, and layers after it used all steps",
                place,
                layer._graphc_label,
            )


def _compile(call: Callable[..., None], arguments: Mapping[str, Any], place: str) -> None:
    try:
        call(**arguments)
    except GraphcError as error:
        raise type(error)(f"{place}: {error}") from error
    except TypeError as error:  # Python's own: an argument of the optimizer that is missing
        raise ArgumentError(f"{place}: compile: {error}") from error


def get_function_name(o: str | Callable[..., object]) -> str:
    """Return the name of a function, or the name that is given."""
    return o if isinstance(o, str) else str(getattr(o, "__name__", None) or type(o).__name__)


def _of_layer_utils(name: str) -> Callable[[], object]:
    # That module needs this one first.
    return lambda: getattr(import_module("graphc.utils.layer_utils"), name)


public(
    __name__, {name: _of_layer_utils(name) for name in ("container_from_config", "model_summary")}
)
