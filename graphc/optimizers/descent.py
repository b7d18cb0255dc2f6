"""Stochastic gradient descent. The formulas' letters are explained in `graphc.optimizers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from graphc.compiler.graph import Node
from graphc.lookup import true_or_false
from graphc.optimizers.base import (
    Constraints,
    Decaying,
    OptimizerKeywords,
    Updates,
    constrained,
    rate_variable,
    variable,
    zeros_like,
)


class SGD(Decaying):
    """v = momentum m - lr_t g;  m <- v;  p <- p + v, or p + momentum v - lr_t g with `nesterov`.

    lr_t = lr / (1 + decay iterations). Shared variables: lr, momentum, decay, and `iterations`, a
    scalar of floatX that counts the steps; in Keras 1.2 only with a decay, and one of 0 stays
    without effect when it is set later. `weights` is empty in Keras 1.0, and in 1.2 `iterations`
    and the m's.

    Nesterov's form: Sutskever et al., "On the importance of initialization and momentum in deep
    learning", ICML 2013.
    """

    _arguments = ("lr", "momentum", "decay", "nesterov")

    def __init__(
        self,
        lr: float = 0.01,
        momentum: float = 0.0,
        decay: float = 0.0,
        nesterov: bool = False,
        **kwargs: Unpack[OptimizerKeywords],
    ):
        super().__init__(decay, **kwargs)
        self._decays = self.is_of_1_0 or decay > 0
        self.lr = rate_variable(type(self).__name__, lr)
        self.momentum = variable(type(self).__name__, "momentum", momentum)
        self.nesterov = true_or_false(type(self).__name__, "nesterov", nesterov)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = self._counted(always=False)
        lr = self._decayed(self.lr)
        gradients = self.get_gradients(loss, params)
        moments = zeros_like(params, "momentum")
        # Keras 1.0 keeps them out of SGD's weights; `get_state` has them.
        self.weights = [] if self.is_of_1_0 else [self.iterations, *moments]
        for p, g, m in zip(params, gradients, moments, strict=True):
            v = self.momentum * m - lr * g
            self.updates.append((m, v))
            new = p + self.momentum * v - lr * g if self.nesterov else p + v
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates
