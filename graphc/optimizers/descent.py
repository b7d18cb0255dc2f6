"""Stochastic gradient descent. The formulas' letters are explained in `graphc.optimizers`."""

from __future__ import annotations

from collections.abc import Sequence

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.lookup import true_or_false
from graphc.optimizers.base import (
    Constraints,
    Optimizer,
    Updates,
    constrained,
    rate_variable,
    variable,
    zeros_like,
)


class SGD(Optimizer):
    """v = momentum m - lr_t g;  m <- v;  p <- p + v, or p + momentum v - lr_t g with `nesterov`.

    lr_t = lr / (1 + decay iterations). Shared variables: lr, momentum, decay, and `iterations`, a
    scalar of floatX that counts the steps.

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
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.iterations = K.variable(0.0, name="iterations")
        self.lr = rate_variable(type(self).__name__, lr)
        self.momentum = variable(type(self).__name__, "momentum", momentum)
        self.decay = variable(type(self).__name__, "decay", decay, least=0.0)
        self.nesterov = true_or_false(type(self).__name__, "nesterov", nesterov)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = [(self.iterations, self.iterations + 1.0)]
        lr = self.lr * (1.0 / (1.0 + self.decay * self.iterations))
        gradients = self.get_gradients(loss, params)
        # Keras keeps these out of SGD's weights; `get_state` has them.
        moments = zeros_like(params, "momentum")
        for p, g, m in zip(params, gradients, moments, strict=True):
            v = self.momentum * m - lr * g
            self.updates.append((m, v))
            new = p + self.momentum * v - lr * g if self.nesterov else p + v
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates
