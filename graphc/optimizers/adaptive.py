"""Optimizers with a step size for each number. The formulas' letters are explained in
`graphc.optimizers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.lookup import below_one, finite_number
from graphc.optimizers.base import (
    Constraints,
    Decaying,
    Optimizer,
    OptimizerKeywords,
    Updates,
    constrained,
    rate_variable,
    variable,
    zeros_like,
)
from graphc.releases import arguments_of_1_2, since

_BASE = 0.96  # of Nadam's schedule


class _Rooted(Decaying):
    """Base of those that divide g by the root of a running mean or sum."""

    epsilon: float

    def _root(self, a: Node) -> Node:
        """The divisor of g: `epsilon` is inside of the root in Keras 1.0, outside in 1.2."""
        if self.is_of_1_0:
            return K.sqrt(a + self.epsilon)
        return K.sqrt(a) + self.epsilon


class RMSprop(_Rooted):
    """a <- rho a + (1 - rho) g^2;  p <- p - lr g / sqrt(a + epsilon), with the new a; in Keras 1.2
    lr g / (sqrt(a) + epsilon).

    Shared variables: lr, rho, decay. Tieleman and Hinton, "Lecture 6.5 - rmsprop", Coursera 2012.
    """

    _arguments = ("lr", "rho", "epsilon", "decay")

    @arguments_of_1_2(epsilon=1e-8)
    def __init__(
        self,
        lr: float = 0.001,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        decay: float = 0.0,
        **kwargs: Unpack[OptimizerKeywords],
    ):
        super().__init__(decay, **kwargs)
        self.lr = rate_variable(type(self).__name__, lr)
        self.rho = K.variable(below_one(type(self).__name__, "rho", rho), name="rho")
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates, lr = self._counted(always=False), self._decayed(self.lr)
        gradients = self.get_gradients(loss, params)
        accumulators = self.weights = zeros_like(params, "square")
        for p, g, a in zip(params, gradients, accumulators, strict=True):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append((a, new_a))
            new = p - lr * g / self._root(new_a)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates


class Adagrad(_Rooted):
    """a <- a + g^2;  p <- p - lr g / sqrt(a + epsilon), with the new a; in Keras 1.2
    lr g / (sqrt(a) + epsilon).

    Shared variables: lr, decay. Duchi, Hazan, Singer, "Adaptive Subgradient Methods", JMLR 2011.
    """

    _arguments = ("lr", "epsilon", "decay")

    @arguments_of_1_2(epsilon=1e-8)
    def __init__(
        self,
        lr: float = 0.01,
        epsilon: float = 1e-6,
        decay: float = 0.0,
        **kwargs: Unpack[OptimizerKeywords],
    ):
        super().__init__(decay, **kwargs)
        self.lr = rate_variable(type(self).__name__, lr)
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates, lr = self._counted(always=False), self._decayed(self.lr)
        gradients = self.get_gradients(loss, params)
        accumulators = self.weights = zeros_like(params, "square")
        for p, g, a in zip(params, gradients, accumulators, strict=True):
            new_a = a + K.square(g)
            self.updates.append((a, new_a))
            new = p - lr * g / self._root(new_a)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates


class Adadelta(Decaying):
    """a <- rho a + (1 - rho) g^2;  u = g sqrt(d + epsilon) / sqrt(a + epsilon), new a, old d;
    p <- p - lr u;  d <- rho d + (1 - rho) u^2.

    Shared variables: lr, decay. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.
    """

    _arguments = ("lr", "rho", "epsilon", "decay")

    @arguments_of_1_2(epsilon=1e-8)
    def __init__(
        self,
        lr: float = 1.0,
        rho: float = 0.95,
        epsilon: float = 1e-6,
        decay: float = 0.0,
        **kwargs: Unpack[OptimizerKeywords],
    ):
        super().__init__(decay, **kwargs)
        self.lr = rate_variable(type(self).__name__, lr)
        self.rho = below_one(type(self).__name__, "rho", rho)
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates, lr = self._counted(always=False), self._decayed(self.lr)
        gradients = self.get_gradients(loss, params)
        accumulators = zeros_like(params, "square")
        deltas = zeros_like(params, "delta")
        self.weights = accumulators + deltas
        for p, g, a, d in zip(params, gradients, accumulators, deltas, strict=True):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append((a, new_a))
            u = g * K.sqrt(d + self.epsilon) / K.sqrt(new_a + self.epsilon)
            self.updates.append((p, constrained(p, p - lr * u, constraints)))
            self.updates.append((d, self.rho * d + (1.0 - self.rho) * K.square(u)))
        return self.updates


class Adam(Decaying):
    """m <- beta_1 m + (1 - beta_1) g;  v <- beta_2 v + (1 - beta_2) g^2;  t = iterations + 1;
    lr_t = lr sqrt(1 - beta_2^t) / (1 - beta_1^t);  p <- p - lr_t m / (sqrt(v) + epsilon).

    Shared variables: lr, beta_1, beta_2, decay, and `iterations`, which counts the steps and is the
    first of `weights` in Keras 1.2. Kingma and Ba, "Adam: A Method for Stochastic Optimization",
    ICLR 2015, section 2.
    """

    _arguments = ("lr", "beta_1", "beta_2", "epsilon", "decay")

    def __init__(
        self,
        lr: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        decay: float = 0.0,
        **kwargs: Unpack[OptimizerKeywords],
    ):
        super().__init__(decay, **kwargs)
        self.lr = rate_variable(type(self).__name__, lr)
        self.beta_1 = K.variable(below_one(type(self).__name__, "beta_1", beta_1), name="beta_1")
        self.beta_2 = K.variable(below_one(type(self).__name__, "beta_2", beta_2), name="beta_2")
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates, lr = self._counted(always=True), self._decayed(self.lr)
        t = self.iterations + 1.0
        lr_t = lr * K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t))
        gradients = self.get_gradients(loss, params)
        means = zeros_like(params, "mean")
        squares = zeros_like(params, "square")
        self.weights = [*self._leading_weights(), *means, *squares]
        for p, g, m, v in zip(params, gradients, means, squares, strict=True):
            new_m = self.beta_1 * m + (1.0 - self.beta_1) * g
            new_v = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
            self.updates += [(m, new_m), (v, new_v)]
            new = p - lr_t * new_m / (K.sqrt(new_v) + self.epsilon)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates

    def _leading_weights(self) -> list[Node]:
        return [] if self.is_of_1_0 else [self.iterations]


class Adamax(Adam):
    """m as Adam;  u <- max(beta_2 u, |g|);  t = iterations + 1;  lr_t = lr / (1 - beta_1^t);
    p <- p - lr_t m / (u + epsilon).

    Shared variables as Adam. Kingma and Ba, ICLR 2015, section 7.
    """

    def __init__(
        self,
        lr: float = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        decay: float = 0.0,
        **kwargs: Unpack[OptimizerKeywords],
    ):
        super().__init__(lr, beta_1, beta_2, epsilon, decay=decay, **kwargs)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates, lr = self._counted(always=True), self._decayed(self.lr)
        lr_t = lr / (1.0 - K.pow(self.beta_1, self.iterations + 1.0))
        gradients = self.get_gradients(loss, params)
        means = zeros_like(params, "mean")
        largest = zeros_like(params, "largest")
        self.weights = [*self._leading_weights(), *means, *largest]
        for p, g, m, u in zip(params, gradients, means, largest, strict=True):
            new_m = self.beta_1 * m + (1.0 - self.beta_1) * g
            new_u = K.maximum(self.beta_2 * u, K.abs(g))
            self.updates += [(m, new_m), (u, new_u)]
            new = p - lr_t * new_m / (new_u + self.epsilon)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates


@since("1.0.5")
class Nadam(Optimizer):
    """Adam with Nesterov's momentum.

    t = iterations + 1;  u_t = beta_1 (1 - 0.96^(t schedule_decay) / 2), u' the same of t + 1;
    M <- M u_t, a product that begins at 1;  m, v as Adam;  g' = g / (1 - M);  m' = m / (1 - M u');
    v' = v / (1 - beta_2^t);  p <- p - lr ((1 - u_t) g' + u' m') / (sqrt(v') + epsilon).

    Shared variables: lr, beta_1, beta_2, schedule_decay, `iterations`, the first of `weights`, and
    `m_schedule`, which is M: it follows from the others, so that `weights` of Keras are enough.

    Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop.
    """

    _arguments = ("lr", "beta_1", "beta_2", "epsilon", "schedule_decay")

    def __init__(
        self,
        lr: float = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        schedule_decay: float = 0.004,
        **kwargs: Unpack[OptimizerKeywords],
    ):
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.iterations = K.variable(0.0, name="iterations")
        self.m_schedule = K.variable(1.0, name="m_schedule")
        self.lr = rate_variable(owner, lr)
        self.beta_1 = K.variable(below_one(owner, "beta_1", beta_1), name="beta_1")
        self.beta_2 = K.variable(below_one(owner, "beta_2", beta_2), name="beta_2")
        self.epsilon = finite_number(owner, "epsilon", epsilon, least=0.0)
        self.schedule_decay = variable(owner, "schedule_decay", schedule_decay)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        t = self.iterations + 1.0
        u, next_u = (
            self.beta_1 * (1.0 - 0.5 * K.pow(_BASE, step * self.schedule_decay))
            for step in (t, t + 1.0)
        )
        product = self.m_schedule * u
        self.updates = [(self.iterations, t), (self.m_schedule, product)]
        gradients = self.get_gradients(loss, params)
        means = zeros_like(params, "mean")
        squares = zeros_like(params, "square")
        self.weights = [self.iterations, *means, *squares]
        for p, g, m, v in zip(params, gradients, means, squares, strict=True):
            new_m = self.beta_1 * m + (1.0 - self.beta_1) * g
            new_v = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
            self.updates += [(m, new_m), (v, new_v)]
            direction = (1.0 - u) * g / (1.0 - product) + next_u * new_m / (1.0 - product * next_u)
            unbiased = new_v / (1.0 - K.pow(self.beta_2, t))
            new = p - self.lr * direction / (K.sqrt(unbiased) + self.epsilon)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates

    def follow_weights(self) -> None:
        beta, decay, steps = map(K.get_value, (self.beta_1, self.schedule_decay, self.iterations))
        t = np.arange(1.0, float(steps) + 1.0)
        factors = float(beta) * (1.0 - 0.5 * _BASE ** (t * float(decay)))
        K.set_value(self.m_schedule, np.prod(factors))
