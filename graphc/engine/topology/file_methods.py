"""The methods of a model that read and write files: its architecture as text, its weights in
HDF5."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h5py

from graphc.compiler import graph as g
from graphc.engine.configs.config import as_data
from graphc.engine.configs.registry import layer_entry
from graphc.engine.topology.holding import HoldingLayer, forms_of
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.weights import set_values
from graphc.errors import ArgumentError, DataError
from graphc.files.conversions import FileOrigin, Form
from graphc.files.hdf5 import opened
from graphc.files.keras_0_3 import is_keras_0_3, read_keras_0_3_weights
from graphc.files.text import keywords_of, to_text
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
from graphc.keywords import refuse_unknown
from graphc.lookup import true_or_false
from graphc.paths import GivenPath
from graphc.releases import FIRST, arguments_of_1_2, since, version_of

_log = logging.getLogger("graphc")


class FileMethods(HoldingLayer):
    """The methods of models that read and write files."""

    def stored_layers(self) -> list[Layer]:
        """The layers in the order in which files have their weights."""
        return list(self._graphc_held_layers())

    def layers_as_wired(self) -> list[Layer]:
        """The layers in an order that their names do not change."""
        return self.stored_layers()

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON; keywords go to `json.dumps`. See `model_from_json`."""
        if "cls" not in kwargs:  # an encoder of the caller's may take any
            refuse_unknown(f"{self.name}.to_json", kwargs, keywords_of("JSON"))
        return to_text(self._description("to_json"), "JSON", **kwargs)

    def to_yaml(self, **kwargs: Any) -> str:
        """The architecture as YAML; keywords go to `yaml.safe_dump`. See `model_from_yaml`."""
        refuse_unknown(f"{self.name}.to_yaml", kwargs, keywords_of("YAML"))
        return to_text(self._description("to_yaml"), "YAML", **kwargs)

    def _description(self, method: str) -> dict[str, Any]:
        entry = layer_entry(self)
        if re.fullmatch(rf"{type(self).__name__.lower()}_\d+", self.name):
            entry.pop("name", None)  # Keras has none there
        if self._graphc.release != FIRST:  # Keras wrote none at first
            entry["keras_version"] = version_of(self._graphc.release)
        return as_data(entry, f"{self.name}.{method}")

    def save(self, filepath: GivenPath, overwrite: bool = True) -> None:
        """Write a whole model; see `Model.save`. ArgumentError for what is no Model."""
        raise ArgumentError(
            f"{self.name}.save: a {type(self).__name__} is no model that trains; "
            "Model(input, output) of the same tensors is, and can be saved whole; save_weights "
            "writes the weights alone"
        )

    @arguments_of_1_2(overwrite=True)
    def save_weights(self, filepath: GivenPath, overwrite: bool = False) -> None:
        """Write the weights of all layers to an HDF5 file, as Keras 1 has it.

        The file is written whole or not at all.

        Args:
            overwrite: whether a file that is there is replaced; by default False, under the flag
                keras=1.2 True.

        Raises:
            ArgumentError: a file that is there already, unless `overwrite`; a name of a layer that
                HDF5 cannot hold.
            MissingFileError: a folder that is not there.
        """
        path = check_overwrite(filepath, overwrite, f"{self.name}.save_weights")
        write_weights(path, self._stored(lambda weight: weight.get_value()))

    def load_weights(
        self,
        filepath: GivenPath,
        by_name: bool = False,
        *,
        running_std: str | None = None,
        backend: str | None = None,
    ) -> None:
        """Set the weights of all layers from an HDF5 file; all or, where an error is raised, none.

        Layers are matched by name where the file has the same names, else by their places in the
        model; in files that Keras 1 wrote, by their order, which for layers side by side depends on
        their names, or on a walk through the model: see the flag `keras`. Layers without weights
        need not agree. Files of a Sequential or a Graph of Keras 0.3 have no names.

        Of files that Keras wrote on TensorFlow the kernels of convolutions are turned.

        Args:
            by_name: set the weights of those layers alone whose names the file has; the others
                stay, and a line in the log names them.
            running_std: what a file that Keras wrote has under this name for BatchNormalization,
                where the file does not tell: 'std' (up to 1.0.5) or 'variance' (from 1.0.7 on).
            backend: where Keras ran, 'theano' or 'tensorflow'; by default what the file tells, by
                its attribute or the names of its weights (``dense_1_W:0`` is TensorFlow's).

        Raises:
            MissingFileError: no such file.
            DataError: not a file of weights, or of other layers, or of Keras 2.
            ShapeError: a weight of another shape.
            ArgumentError: a BatchNormalization in mode 0, and neither the file nor `running_std`
                tells; a file that tells something else than `running_std` or `backend`.
        """
        given = FileOrigin(running_std, backend)
        with opened(filepath) as file:
            if true_or_false(f"{self.name}.load_weights", "by_name", by_name):
                self._load_by_name(read_weights_by_name, file, given)
                return
            if is_keras_0_3(file):
                groups = self.keras_0_3_groups()
                forms = forms_of(self)
                wanted = [
                    _described(name, k, variables, [one.shape for one in variables], forms)
                    for k, (name, variables) in enumerate(groups)
                ]
                arrays = read_keras_0_3_weights(file, wanted, self.name, given)
                variables = [weight for _, several in groups for weight in several]
            else:
                wanted = self._stored(lambda weight: weight.shape)
                arrays = read_weights(file, wanted, self.name, given)
                variables = [weight for one in self.stored_layers() for weight in one.weights]
        set_values(variables, [value for several in arrays for value in several], self.name)

    def _load_by_name(self, read: Callable, *arguments: Any) -> None:
        """Set the weights of the layers that `read(file, layers, ...)` finds."""
        layers = self.stored_layers()
        wanted = self._stored(lambda weight: weight.shape)
        file, *others = arguments
        found = read(file, wanted, self.name, *others)
        pairs = [(layers[place], arrays) for place, arrays in found.items()]
        variables = [weight for layer, _ in pairs for weight in layer.weights]
        set_values(variables, [one for _, arrays in pairs for one in arrays], self.name)
        left = [one.name for k, one in enumerate(layers) if k not in found and one.weights]
        if left:
            _log.warning(
                "%s.load_weights: by_name: %d layers have weights of the file; it has none for %s, "
                "whose weights stay",
                self.name,
                sum(bool(arrays) for arrays in found.values()),
                ", ".join(left),
            )

    @since("1.0.7")
    def save_weights_to_hdf5_group(self, f: h5py.Group) -> None:
        """Write the weights of all layers into a group of an HDF5 file, or into the file itself."""
        write_layers(f, self._stored(lambda weight: weight.get_value()))

    @since("1.0.7")
    def load_weights_from_hdf5_group(self, f: h5py.Group) -> None:
        """Set the weights of all layers from a group, as `save_weights_to_hdf5_group` wrote it."""
        arrays = read_layers(f, self._stored(lambda weight: weight.shape))
        variables = [weight for one in self.stored_layers() for weight in one.weights]
        set_values(variables, [value for several in arrays for value in several], self.name)

    @since("1.1.0")
    def load_weights_from_hdf5_group_by_name(self, f: h5py.Group) -> None:
        """Set the weights of the layers whose names a group has; see `load_weights`."""
        self._load_by_name(lambda group, layers, _: read_layers_by_name(group, layers), f)

    def keras_0_3_groups(self) -> list[tuple[str, list[g.Node]]]:
        """Names, and the weights that a file of Keras 0.3 has in a group each."""
        raise DataError(
            f"{self.name}.load_weights: the file is of Keras 0.3, which had no models but "
            f"Sequential and Graph, and this is a {type(self).__name__}"
        )

    def _stored(self, value_of: Callable[[g.Node], Any]) -> list[LayerWeights]:
        layers = self.stored_layers()
        places = {layer: k for k, layer in enumerate(self.layers_as_wired())}
        order = sorted(layers, key=lambda layer: places.get(layer, len(places)))
        ranks = {layer: rank for rank, layer in enumerate(order)}
        forms = forms_of(self)
        return [
            _described(one.name, ranks[one], one.weights, list(map(value_of, one.weights)), forms)
            for one in layers
        ]


def weights_in_order(layer: Layer) -> list[g.Node]:
    """The weights of a layer, of one that holds others layer by layer, each once."""
    held = [one for inside in layer._graphc_held_layers() for one in weights_in_order(inside)]
    return list(dict.fromkeys([*held, *layer.weights]))


def _described(
    name: str,
    rank: int,
    weights: Sequence[g.Node],
    values: Sequence,
    forms: Mapping[g.Node, Form],
) -> LayerWeights:
    # Keras numbers those without a name.
    names = [g.name_of(weight) or f"param_{k}" for k, weight in enumerate(weights)]
    own = {k: forms[weight] for k, weight in enumerate(weights) if weight in forms}
    return LayerWeights(name, rank, names, values, own)
