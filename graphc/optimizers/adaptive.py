"""Optimizers with a step size for each number. The formulas' letters are explained in
`graphc.optimizers`."""

from __future__ import annotations

from collections.abc import Sequence

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.lookup import below_one, finite_number
from graphc.optimizers.base import (
    Constraints,
    Optimizer,
    Updates,
    constrained,
    rate_variable,
    zeros_like,
)


class RMSprop(Optimizer):
    """a <- rho a + (1 - rho) g^2;  p <- p - lr g / sqrt(a + epsilon), with the new a.

    Shared variables: lr, rho. Tieleman and Hinton, "Lecture 6.5 - rmsprop", Coursera 2012.
    """

    _arguments = ("lr", "rho", "epsilon")

    def __init__(
        self, lr: float = 0.001, rho: float = 0.9, epsilon: float = 1e-6, **kwargs: object
    ):
        super().__init__(**kwargs)
        self.lr = rate_variable(type(self).__name__, lr)
        self.rho = K.variable(below_one(type(self).__name__, "rho", rho), name="rho")
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = []
        gradients = self.get_gradients(loss, params)
        accumulators = self.weights = zeros_like(params, "square")
        for p, g, a in zip(params, gradients, accumulators, strict=True):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append((a, new_a))
            new = p - self.lr * g / K.sqrt(new_a + self.epsilon)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates


class Adagrad(Optimizer):
    """a <- a + g^2;  p <- p - lr g / sqrt(a + epsilon), with the new a.

    Shared variable: lr. Duchi, Hazan, Singer, "Adaptive Subgradient Methods", JMLR 2011.
    """

    _arguments = ("lr", "epsilon")

    def __init__(self, lr: float = 0.01, epsilon: float = 1e-6, **kwargs: object):
        super().__init__(**kwargs)
        self.lr = rate_variable(type(self).__name__, lr)
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = []
        gradients = self.get_gradients(loss, params)
        accumulators = self.weights = zeros_like(params, "square")
        for p, g, a in zip(params, gradients, accumulators, strict=True):
            new_a = a + K.square(g)
            self.updates.append((a, new_a))
            new = p - self.lr * g / K.sqrt(new_a + self.epsilon)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates


class Adadelta(Optimizer):
    """a <- rho a + (1 - rho) g^2;  u = g sqrt(d + epsilon) / sqrt(a + epsilon), new a, old d;
    p <- p - lr u;  d <- rho d + (1 - rho) u^2.

    Shared variable: lr. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.
    """

    _arguments = ("lr", "rho", "epsilon")

    def __init__(self, lr: float = 1.0, rho: float = 0.95, epsilon: float = 1e-6, **kwargs: object):
        super().__init__(**kwargs)
        self.lr = rate_variable(type(self).__name__, lr)
        self.rho = below_one(type(self).__name__, "rho", rho)
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = []
        gradients = self.get_gradients(loss, params)
        accumulators = zeros_like(params, "square")
        deltas = zeros_like(params, "delta")
        self.weights = accumulators + deltas
        for p, g, a, d in zip(params, gradients, accumulators, deltas, strict=True):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append((a, new_a))
            u = g * K.sqrt(d + self.epsilon) / K.sqrt(new_a + self.epsilon)
            self.updates.append((p, constrained(p, p - self.lr * u, constraints)))
            self.updates.append((d, self.rho * d + (1.0 - self.rho) * K.square(u)))
        return self.updates


class Adam(Optimizer):
    """m <- beta_1 m + (1 - beta_1) g;  v <- beta_2 v + (1 - beta_2) g^2;  t = iterations + 1;
    lr_t = lr sqrt(1 - beta_2^t) / (1 - beta_1^t);  p <- p - lr_t m / (sqrt(v) + epsilon).

    Shared variables: lr, beta_1, beta_2, and `iterations`, a scalar of floatX that counts the
    steps. Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 2.
    """

    _arguments = ("lr", "beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        lr: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.iterations = K.variable(0.0, name="iterations")
        self.lr = rate_variable(type(self).__name__, lr)
        self.beta_1 = K.variable(below_one(type(self).__name__, "beta_1", beta_1), name="beta_1")
        self.beta_2 = K.variable(below_one(type(self).__name__, "beta_2", beta_2), name="beta_2")
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon, least=0.0)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = [(self.iterations, self.iterations + 1.0)]
        t = self.iterations + 1.0
        lr_t = self.lr * K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t))
        gradients = self.get_gradients(loss, params)
        means = zeros_like(params, "mean")
        squares = zeros_like(params, "square")
        self.weights = means + squares
        for p, g, m, v in zip(params, gradients, means, squares, strict=True):
            new_m = self.beta_1 * m + (1.0 - self.beta_1) * g
            new_v = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
            self.updates += [(m, new_m), (v, new_v)]
            new = p - lr_t * new_m / (K.sqrt(new_v) + self.epsilon)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates


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
        **kwargs: object,
    ):
        super().__init__(lr, beta_1, beta_2, epsilon, **kwargs)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = [(self.iterations, self.iterations + 1.0)]
        lr_t = self.lr / (1.0 - K.pow(self.beta_1, self.iterations + 1.0))
        gradients = self.get_gradients(loss, params)
        means = zeros_like(params, "mean")
        largest = zeros_like(params, "largest")
        self.weights = means + largest
        for p, g, m, u in zip(params, gradients, means, largest, strict=True):
            new_m = self.beta_1 * m + (1.0 - self.beta_1) * g
            new_u = K.maximum(self.beta_2 * u, K.abs(g))
            self.updates += [(m, new_m), (u, new_u)]
            new = p - lr_t * new_m / (new_u + self.epsilon)
            self.updates.append((p, constrained(p, new, constraints)))
        return self.updates
