"""The layers of a model as a list that says how another list of layers becomes a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from graphc.errors import ArgumentError


class LayerList(list):
    """A list that cannot be changed: what a model computes is fixed when layers are added.

    Slices and sums are lists as all others.

    Args:
        layers: in the model's order.
        model: its name, for messages.
    """

    def __init__(self, layers: Iterable[object], model: str):
        super().__init__(layers)
        self._model = model

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise ArgumentError(
            f"{self._model}.layers: the list of a model's layers cannot be changed, since that "
            "would not change what the model computes; add layers with model.add, or make another "
            "model of some of them, Sequential(model.layers[:-1]) or Model(model.input, "
            "model.layers[-2].output), which shares their weights"
        )

    append = extend = insert = pop = remove = _refuse  # type: ignore[assignment]
    clear = sort = reverse = _refuse  # type: ignore[assignment]
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse  # type: ignore[assignment]
