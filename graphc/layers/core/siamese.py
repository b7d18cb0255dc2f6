"""Layers that several models share, in the way of Keras 0.3. Later a layer is called on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

from graphc.compiler import graph as g
from graphc.engine.configs.config import config_of
from graphc.engine.keywords import LayerKeywords
from graphc.engine.models.sequential import Sequential
from graphc.engine.topology.layer import BASE_KEYWORDS, Layer
from graphc.engine.topology.layer_node import Mask, one_or_list, to_list
from graphc.engine.topology.merge import Merge
from graphc.errors import ArgumentError
from graphc.layers.wrappers import Wrapper
from graphc.lookup import is_whole


def add_shared_layer(layer: Layer, inputs: Iterable[Sequential]) -> None:
    """Add one layer, with one set of weights, at the end of several models."""
    for model in _models("add_shared_layer", _several("add_shared_layer", inputs)):
        model.add(layer)


def Siamese(
    layer: Layer,
    inputs: Iterable[Layer],
    merge_mode: str | None = "concat",
    concat_axis: int = 1,
    dot_axes: int | Sequence[int | Sequence[int]] = -1,
    is_graph: bool = False,
) -> Merge | SharedLayer:
    """Return a first layer of a Sequential: what one layer makes of the outputs of several models,
    which stay as they are.

    Args:
        layer: with one set of weights.
        inputs: the models. Without a merge also the last layers of several models, to each of
            which the result is then added, with a `SiameseHead` of its number after it.
        merge_mode, concat_axis, dot_axes: as of `Merge`; None leaves the outputs apart, for a
            `SiameseHead` or another layer that takes a list.
        is_graph: False; a Graph has `add_shared_node`.
    """
    several = _several("Siamese", inputs)
    if is_graph:
        raise ArgumentError(
            f"Siamese: is_graph: expected False, received {is_graph!r}; a Graph has "
            "add_shared_node(layer, name, inputs=[...], merge_mode=None, outputs=[...])"
        )
    if merge_mode is None and not all(isinstance(one, Sequential) for one in several):
        return SharedLayer(layer, several)
    branches = [Sequential([model, layer]) for model in _models("Siamese", several)]
    return Merge(branches, mode=merge_mode, concat_axis=concat_axis, dot_axes=dot_axes)


class SharedLayer(Wrapper):
    """One layer on each of the tensors that come in, whose outputs stay apart.

    Input: a tensor, or a list of them.
    Output: as many.

    Args:
        layer: the layer that is applied, with one set of weights.
        inputs: the layers of which each tensor comes, in the order in which `SiameseHead` counts
            them; by default any.
    """

    supports_masking = True

    def __init__(self, layer: Layer, inputs: Sequence[Layer] = (), **kwargs: Unpack[LayerKeywords]):
        super().__init__(layer, **kwargs)
        self.inputs = list(inputs)

    def call(self, x: g.Node | list[g.Node], mask: Mask | list[Mask] = None) -> Any:
        return one_or_list(self._graphc_apply(x, mask)[0])

    def _graphc_apply(
        self, x: g.Node | list[g.Node], mask: Mask | list[Mask] = None
    ) -> tuple[list[g.Node], list[Mask]]:
        tensors = to_list(x)
        masks = [None] * len(tensors) if mask is None else to_list(mask)
        self.built = True
        outputs, output_masks = [], []
        for tensor, its_mask in zip(tensors, masks, strict=True):
            self.layer.assert_input_compatibility(tensor)
            found = self.layer._graphc_apply(tensor, its_mask)
            outputs += found[0]
            output_masks += found[1]
        return outputs, output_masks

    def get_config(self) -> dict[str, Any]:
        """The layer that is applied; a model's own config has what comes in."""
        return config_of(self, (*BASE_KEYWORDS, "inputs"))

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        if self.inputs and _source(inputs[0]) not in self.inputs:
            raise ArgumentError(
                f"{self._graphc_label}: expected the output of one of its inputs, "
                f"{', '.join(one.name for one in self.inputs)}, received {g.label(inputs[0])}"
            )


class SiameseHead(Layer):
    """One of several tensors: an output of a `Siamese` that leaves them apart.

    Input: a list of tensors; or the tensor that such a layer gives where it was added to the model
    of one of its inputs.
    Output: one of them, (batch, ...).

    Args:
        head: its number, from 0.
    """

    supports_masking = True

    def __init__(self, head: int, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        if not is_whole(head) or head < 0:
            raise ArgumentError(
                f"{self._graphc_label}: head: expected a number from 0, received {head!r}"
            )
        self.head = int(head)

    def call(self, x: g.Node | list[g.Node], mask: Mask | list[Mask] = None) -> g.Node:
        return x[self.head] if isinstance(x, list) else x

    def compute_mask(self, input: g.Node | list[g.Node], mask: Mask | list[Mask] = None) -> Mask:
        """That of the tensor."""
        return mask[self.head] if isinstance(mask, list) else mask

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        if len(inputs) == 1:
            self._check_source(inputs[0])
        elif self.head >= len(inputs):
            raise ArgumentError(
                f"{self._graphc_label}: head: expected the number of one of {len(inputs)} tensors, "
                f"received {self.head}"
            )

    def _check_source(self, x: g.Node) -> None:
        """ArgumentError for one tensor that is not the output which the number asks for."""
        shared = _source(x)
        if not isinstance(shared, SharedLayer):
            raise ArgumentError(
                f"{self._graphc_label}: expected a list of tensors, or the output of a "
                "Siamese(layer, inputs, merge_mode=None), received a single tensor, "
                f"{g.label(x)}; leave the SiameseHead out"
            )
        if not shared.inputs:
            return
        before = x.history.node.inbound_layers[0]
        number = shared.inputs.index(before)
        if number != self.head:
            raise ArgumentError(
                f"{self._graphc_label}: head: expected {number}, since {shared.name} reads here "
                f"{before.name}, its input {number}; received {self.head}"
            )


def _source(tensor: g.Node) -> Layer | None:
    """Return the layer that made a tensor, if one did."""
    return None if tensor.history is None else tensor.history.layer


def _models(where: str, several: Sequence[Layer]) -> list[Sequential]:
    models = [one for one in several if isinstance(one, Sequential)]
    if len(models) < len(several):
        raise ArgumentError(f"{where}: inputs: expected a list of Sequentials, received {several}")
    return models


def _several(where: str, inputs: object) -> list[Layer]:
    found = list(inputs) if isinstance(inputs, Iterable) else []
    if not found or not all(isinstance(one, Layer) for one in found):
        raise ArgumentError(f"{where}: inputs: expected a list of models, received {inputs!r}")
    return found
