"""The weights of a model in files: all of its layers in HDF5, as Keras 1 and Keras 0.3 had them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import h5py

from graphc.compiler import graph as g
from graphc.engine.topology.holding import forms_of
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.weights import set_values
from graphc.files.conversions import FileOrigin, Form
from graphc.files.hdf5 import opened
from graphc.files.keras_0_3 import is_keras_0_3, read_keras_0_3_weights
from graphc.files.weights import (
    LayerWeights,
    check_overwrite,
    read_layers,
    read_layers_by_name,
    read_weights,
    read_weights_by_name,
    write_layers,
    write_weights,
)
from graphc.lookup import true_or_false
from graphc.paths import GivenPath

_log = logging.getLogger("graphc")


class HasStoredLayers(Protocol):
    """The methods of a model that files of weights need."""

    name: str

    def stored_layers(self) -> list[Layer]:
        """Return the layers in the order in which files store their weights."""

    def layers_as_wired(self) -> list[Layer]:
        """Return the layers in an order that does not depend on their names."""

    def keras_0_3_groups(self) -> list[tuple[str, list[g.Node]]]:
        """Return the groups of a weight file of Keras 0.3: the name of each, and its weights."""


class WeightFiles:
    """Reads and writes the weights of a model; its methods are those of the model, by which users
    call them."""

    def __init__(self, model: HasStoredLayers) -> None:
        self._model = model

    def save(self, filepath: GivenPath, overwrite: bool) -> None:
        """Write all weights to a file; see `Container.save_weights`."""
        path = check_overwrite(filepath, overwrite, f"{self._model.name}.save_weights")
        write_weights(path, self.layers(_value))

    def load(self, filepath: GivenPath, by_name: bool, given: FileOrigin) -> None:
        """Set all weights from a file; see `Container.load_weights`."""
        name = self._model.name
        with opened(filepath) as file:
            if true_or_false(f"{name}.load_weights", "by_name", by_name):
                wanted = self.layers(_shape)
                self._set_found(read_weights_by_name(file, wanted, name, given))
            elif is_keras_0_3(file):
                groups, forms = self._model.keras_0_3_groups(), self._forms()
                described = [
                    _described(group, k, variables, list(map(_shape, variables)), forms)
                    for k, (group, variables) in enumerate(groups)
                ]
                arrays = read_keras_0_3_weights(file, described, name, given)
                self._set([weight for _, several in groups for weight in several], arrays)
            else:
                self._set(self._weights(), read_weights(file, self.layers(_shape), name, given))

    def write_group(self, group: h5py.Group) -> None:
        """Write all weights into a group of an HDF5 file."""
        write_layers(group, self.layers(_value))

    def read_group(self, group: h5py.Group) -> None:
        """Set all weights from a group."""
        self._set(self._weights(), read_layers(group, self.layers(_shape)))

    def read_group_by_name(self, group: h5py.Group) -> None:
        """Set the weights of the layers whose names a group has."""
        self._set_found(read_layers_by_name(group, self.layers(_shape)))

    def layers(self, value_of: Callable[[g.Node], Any]) -> list[LayerWeights]:
        """Return the layers' weights as files describe them; `value_of` gives the value of each."""
        layers = self._model.stored_layers()
        positions = {layer: k for k, layer in enumerate(self._model.layers_as_wired())}
        order = sorted(layers, key=lambda layer: positions.get(layer, len(positions)))
        numbers = {layer: number for number, layer in enumerate(order)}
        forms = self._forms()
        return [
            _described(one.name, numbers[one], one.weights, list(map(value_of, one.weights)), forms)
            for one in layers
        ]

    def _set_found(self, found: Mapping[int, Sequence[Any]]) -> None:
        """Set the weights of the layers that a file has by their names, and log the others."""
        layers, name = self._model.stored_layers(), self._model.name
        pairs = [(layers[index], arrays) for index, arrays in found.items()]
        self._set(
            [weight for layer, _ in pairs for weight in layer.weights],
            [arrays for _, arrays in pairs],
        )
        left = [one.name for k, one in enumerate(layers) if k not in found and one.weights]
        if left:
            _log.warning(
                "%s.load_weights: by_name: %d layers have weights of the file; it has none for %s, "
                "whose weights stay",
                name,
                sum(bool(arrays) for arrays in found.values()),
                ", ".join(left),
            )

    def _set(self, variables: Sequence[g.Node], arrays: Sequence[Sequence[Any]]) -> None:
        set_values(variables, [one for several in arrays for one in several], self._model.name)

    def _weights(self) -> list[g.Node]:
        return [weight for one in self._model.stored_layers() for weight in one.weights]

    def _forms(self) -> dict[g.Node, Form]:
        found: dict[g.Node, Form] = {}
        for layer in self._model.stored_layers():
            found |= forms_of(layer)
        return found


def weights_in_order(layer: Layer) -> list[g.Node]:
    """Return the weights of a layer, each once; those of inner layers layer by layer."""
    held = [one for inside in layer._graphc_held_layers() for one in weights_in_order(inside)]
    return list(dict.fromkeys([*held, *layer.weights]))


def _value(weight: g.Node) -> Any:
    return weight.get_value()


def _shape(weight: g.Node) -> Any:
    return weight.shape


def _described(
    name: str,
    number: int,
    weights: Sequence[g.Node],
    values: Sequence[Any],
    forms: Mapping[g.Node, Form],
) -> LayerWeights:
    # Keras numbers those without a name.
    names = [g.name_of(weight) or f"param_{k}" for k, weight in enumerate(weights)]
    own = {k: forms[weight] for k, weight in enumerate(weights) if weight in forms}
    return LayerWeights(name, number, names, values, own)
