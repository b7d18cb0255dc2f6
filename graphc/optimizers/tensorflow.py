"""The wrapper of TensorFlow's optimizers in Keras 1.2, which there is nothing for here."""

from __future__ import annotations

from graphc.errors import ArgumentError
from graphc.optimizers.base import Optimizer


class TFOptimizer(Optimizer):
    """Refused: it wraps an optimizer of TensorFlow, whose graph this is not."""

    def __init__(self, optimizer: object):
        raise ArgumentError(
            f"TFOptimizer({type(optimizer).__name__}): the optimizers of TensorFlow compute on its "
            "graphs; use one of graphc.optimizers, e.g. Adam(lr=0.001), or a class of your own "
            "with get_updates(params, constraints, loss)"
        )
