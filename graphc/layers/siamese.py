"""Layers that several models share, in the way of Keras 0.3. Later a layer is called on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.engine.models.sequential import Sequential
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.merge import Merge
from graphc.errors import ArgumentError


def add_shared_layer(layer: Layer, inputs: Iterable[Sequential]) -> None:
    """Add one layer, with one set of weights, at the end of several models."""
    for model in _models("add_shared_layer", inputs):
        model.add(layer)


def Siamese(
    layer: Layer,
    inputs: Iterable[Sequential],
    merge_mode: str | None = "concat",
    concat_axis: int = 1,
    dot_axes: int | Sequence[int | Sequence[int]] = -1,
    is_graph: bool = False,
) -> Merge:
    """Return a `Merge` of what one layer makes of the outputs of several models, which stay as they
    are.

    Args:
        layer: with one set of weights.
        inputs: the models.
        merge_mode, concat_axis, dot_axes: as of `Merge`.
        is_graph: False; a Graph has `add_shared_node`.
    """
    models = _models("Siamese", inputs)
    if merge_mode is None or is_graph:
        raise ArgumentError(
            f"Siamese: expected a merge_mode and no graph, received merge_mode={merge_mode!r}, "
            f"is_graph={is_graph!r}; add_shared_layer(layer, models) leaves the outputs apart, and "
            "a Graph has add_shared_node"
        )
    branches = [Sequential([model, layer]) for model in models]
    return Merge(branches, mode=merge_mode, concat_axis=concat_axis, dot_axes=dot_axes)


def _models(where: str, inputs: object) -> list[Sequential]:
    found = list(inputs) if isinstance(inputs, Iterable) else []
    if not found or not all(isinstance(one, Sequential) for one in found):
        raise ArgumentError(f"{where}: inputs: expected a list of Sequentials, received {inputs!r}")
    return found
