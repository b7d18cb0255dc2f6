"""A group of layers between inputs and outputs, and the weights they have together."""

from __future__ import annotations

from collections.abc import Callable

from graphc.compiler import graph as g
from graphc.engine.summary import format_summary, html_summary
from graphc.engine.topology import Layer, count_numbers
from graphc.errors import ArgumentError


class Container:
    """Inputs, outputs, and the layers between them.

    Attributes:
        inputs, input_names: the input nodes and what they are called.
        outputs, output_names: the output nodes and what they are called.
        layers: the layers in the order of their weights, without input layers.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: list[g.Node] = []
        self.outputs: list[g.Node] = []
        self.input_names: list[str] = []
        self.output_names: list[str] = []
        self.layers: list[Layer] = []

    def _need_layers(self, wanted: str) -> None:
        if not self.layers:
            raise ArgumentError(f"{self.name}.{wanted}: the model has no layers; add some first")

    def _unique_layers(self) -> list[Layer]:
        return list(dict.fromkeys(self.layers))

    @property
    def trainable_weights(self) -> list[g.Node]:
        """The weights that training changes: those of layers with `trainable`."""
        layers = [layer for layer in self._unique_layers() if layer.trainable]
        return [weight for layer in layers for weight in layer.trainable_weights]

    @property
    def regularizers(self) -> list[Callable[[g.Node], g.Node]]:
        """The penalties of all layers, trainable or not."""
        return [penalty for layer in self._unique_layers() for penalty in layer.regularizers]

    @property
    def constraints(self) -> dict[g.Node, Callable[[g.Node], g.Node]]:
        """Weight -> what is applied to it after each update."""
        return {
            weight: rule
            for layer in self._unique_layers()
            for weight, rule in layer.constraints.items()
        }

    @property
    def updates(self) -> list[tuple[g.Node, g.Node]]:
        """What layers change at each training step besides: (shared variable, new value).

        A layer that is used several times has updates of each use. Those of uses on the inputs of
        other models are left out; what is left for one variable acts in the order of the calls.
        """
        found: dict[g.Node, g.Node] = {}
        for layer in self._unique_layers():
            for variable, value in layer.updates:
                if len(layer.calls) > 1 and self._reads_other_inputs(value):
                    continue
                if variable in found:
                    (value,) = g.substitute([value], {variable: found[variable]})
                found[variable] = value
        return list(found.items())

    def _reads_other_inputs(self, value: g.Node) -> bool:
        own = {*self.inputs, g.learning_phase()}
        return any(node.op == "input" and node not in own for node in g.toposort([value]))

    def count_params(self) -> int:
        """How many numbers the trainable weights of all layers hold."""
        layers = self._unique_layers()
        return count_numbers([weight for layer in layers for weight in layer.trainable_weights])

    def summary(self) -> None:
        """Print the table of layers: name, class, shape of the output, number of parameters."""
        self._need_layers("summary")
        print(format_summary(self.layers))

    def _repr_html_(self) -> str:
        return html_summary(self.name, self.layers)
