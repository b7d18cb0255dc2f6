"""`model.layers`: a read-only list whose errors say how to change a model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from operator import index as as_index
from typing import Any, NoReturn

from graphc.errors import ArgumentError

_log = logging.getLogger("graphc")


class LayerList(list[Any]):
    """A read-only list of a model's layers. Only `pop` changes it: it removes the last layer from
    the model.

    Slices and sums are lists as all others.

    Args:
        layers: in the model's order.
        model: its name, for messages.
        cut: takes the last layer off the model.
    """

    def __init__(self, layers: Iterable[Any], model: str, cut: Callable[[], None]):
        super().__init__(layers)
        self._model, self._cut = model, cut

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise ArgumentError(
            f"{self._model}.layers: the list of a model's layers cannot be changed, since that "
            "would not change what the model computes; add layers with model.add, take the last "
            "one away with model.layers.pop(), or make another model of some of them, "
            "Sequential(model.layers[:-1]) or Model(model.input, model.layers[-2].output), which "
            "shares their weights"
        )

    append = extend = insert = remove = _refuse
    clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            raise ArgumentError(
                f"{self._model}.layers: expected a number or a slice, received {index!r}; "
                f"{self._model}.get_layer({index!r}) finds a layer by its name"
            )
        return super().__getitem__(index)

    def pop(self, index: Any = -1) -> Any:
        """Remove the last layer from the model, and return it. ArgumentError for any other layer.

        In Keras this changed the list alone, and programs set the model's `outputs` after it; they
        may do so here too, to what they are already. One line in the log says it.
        """
        if not self or as_index(index) not in (-1, len(self) - 1):
            self._refuse()
        layer = self[-1]
        self._cut()
        _log.warning(
            "%s.layers.pop() takes %s off the model, whose output now is that of the layer before; "
            "in Keras 1 only the list changed, until outputs was set too. Compile the model again",
            self._model,
            layer.name,
        )
        return super().pop()
