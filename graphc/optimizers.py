"""Optimizers: the updates of one training step, with the arithmetic of Keras 1.0.

In the formulas g is the gradient of a parameter p (after clipping), ``<-`` an update; all right
sides read the old values. Hyperparameters that are shared variables (``lr`` and what each class
names) can be set between steps, ``K.set_value(optimizer.lr, 0.001)``, and compile nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphc import backend as K
from graphc.compiler.graph import Node, label, name_of
from graphc.errors import ArgumentError, ShapeError
from graphc.lookup import below_one, finite_number, get_instance, refuse_keywords
from graphc.lookup import get_from_module as get_from_module

Updates = list[tuple[Node, Node]]
Constraints = Mapping[Node, Callable[[Node], Node]]

_CLIPPING = ("clipnorm", "clipvalue")
_MODERN = {
    "learning_rate": "lr",
    "learn_rate": "lr",
    "eps": "epsilon",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "global_clipnorm": "clipnorm",
}


def clip_norm(g: Node, c: float, n: Node) -> Node:
    """g scaled to c / n of itself where the norm n reaches c > 0."""
    return K.switch(n >= c, g * c / n, g) if c > 0 else g


def kl_divergence(p: Node, p_hat: Node) -> Node:
    """p_hat - p + p log(p / p_hat), an element each."""
    return p_hat - p + p * K.log(p / p_hat)


class Optimizer:
    """Base of all optimizers.

    Args:
        clipnorm: scale all gradients by clipnorm / norm where their common norm reaches it.
        clipvalue: clip each element of the (scaled) gradients to [-clipvalue, clipvalue].

    Attributes:
        updates: what the last `get_updates` returned.
        weights: the state that it made (running means and the like), a shared variable each.

    Raises:
        KeywordError: an unknown keyword.
        ArgumentError: a bound that is not positive.
    """

    def __init__(self, **kwargs: object):
        owner = type(self).__name__
        refuse_keywords(owner, kwargs, [*self._arguments, *_CLIPPING], _MODERN)
        self.clipnorm = _positive(owner, "clipnorm", kwargs.get("clipnorm"))
        self.clipvalue = _positive(owner, "clipvalue", kwargs.get("clipvalue"))
        self.updates: Updates = []
        self.weights: list[Node] = []

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(vars(self).get(name), Node) and not isinstance(value, Node):
            raise ArgumentError(
                f"{type(self).__name__}.{name} is a shared variable, which compiled functions read;"
                f" set its value: K.set_value(optimizer.{name}, {value!r})"
            )
        super().__setattr__(name, value)

    # Names of the constructor's arguments, in its order; all are attributes.
    _arguments: tuple[str, ...] = ()

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        """The updates of one step, as (shared variable, new value) pairs.

        Args:
            params: shared variables to train.
            constraints: parameter -> function that its new value goes through.
            loss: a scalar. Making the updates also makes the optimizer's state, from zero.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define get_updates")

    def get_gradients(self, loss: Node, params: Sequence[Node]) -> list[Node]:
        """The gradients, clipped: first by the norm over all parameters, then by value."""
        gradients = K.gradients(loss, params)
        if self.clipnorm is not None:
            norm = K.sqrt(sum(K.sum(K.square(g)) for g in gradients))
            gradients = [clip_norm(g, self.clipnorm, norm) for g in gradients]
        if self.clipvalue is not None:
            gradients = [K.clip(g, -self.clipvalue, self.clipvalue) for g in gradients]
        return gradients

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights`: empty until the first `get_updates`."""
        return [K.get_value(weight) for weight in self.weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Set `weights`. ShapeError where number or shapes differ."""
        _set_all(f"{type(self).__name__}.set_weights", self.weights, weights)

    def get_state(self) -> list[np.ndarray]:
        """The values of all that `updates` change, in their order: parameters too."""
        return [K.get_value(variable) for variable, _ in self.updates]

    def set_state(self, value_list: Sequence[np.ndarray]) -> None:
        """Set what `get_state` gave. ShapeError where number or shapes differ."""
        targets = [variable for variable, _ in self.updates]
        _set_all(f"{type(self).__name__}.set_state", targets, value_list)

    def get_config(self) -> dict:
        """The class name and the arguments, with the present values of shared variables."""
        config: dict[str, object] = {"name": type(self).__name__}
        for name in self._arguments:
            value = getattr(self, name)
            config[name] = float(K.get_value(value)) if isinstance(value, Node) else value
        for name in _CLIPPING:
            if getattr(self, name) is not None:
                config[name] = getattr(self, name)
        return config


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
        self.lr = _variable(type(self).__name__, "lr", lr)
        self.momentum = _variable(type(self).__name__, "momentum", momentum)
        self.decay = _variable(type(self).__name__, "decay", decay)
        self.nesterov = nesterov

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = [(self.iterations, self.iterations + 1.0)]
        lr = self.lr * (1.0 / (1.0 + self.decay * self.iterations))
        gradients = self.get_gradients(loss, params)
        # Keras keeps these out of SGD's weights; `get_state` has them.
        moments = _zeros_like(params, "momentum")
        for p, g, m in zip(params, gradients, moments, strict=True):
            v = self.momentum * m - lr * g
            self.updates.append((m, v))
            new = p + self.momentum * v - lr * g if self.nesterov else p + v
            self.updates.append((p, _constrained(p, new, constraints)))
        return self.updates


class RMSprop(Optimizer):
    """a <- rho a + (1 - rho) g^2;  p <- p - lr g / sqrt(a + epsilon), with the new a.

    Shared variables: lr, rho. Tieleman and Hinton, "Lecture 6.5 - rmsprop", Coursera 2012.
    """

    _arguments = ("lr", "rho", "epsilon")

    def __init__(
        self, lr: float = 0.001, rho: float = 0.9, epsilon: float = 1e-6, **kwargs: object
    ):
        super().__init__(**kwargs)
        self.lr = _variable(type(self).__name__, "lr", lr)
        self.rho = K.variable(below_one(type(self).__name__, "rho", rho), name="rho")
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = []
        gradients = self.get_gradients(loss, params)
        accumulators = self.weights = _zeros_like(params, "square")
        for p, g, a in zip(params, gradients, accumulators, strict=True):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append((a, new_a))
            new = p - self.lr * g / K.sqrt(new_a + self.epsilon)
            self.updates.append((p, _constrained(p, new, constraints)))
        return self.updates


class Adagrad(Optimizer):
    """a <- a + g^2;  p <- p - lr g / sqrt(a + epsilon), with the new a.

    Shared variable: lr. Duchi, Hazan, Singer, "Adaptive Subgradient Methods", JMLR 2011.
    """

    _arguments = ("lr", "epsilon")

    def __init__(self, lr: float = 0.01, epsilon: float = 1e-6, **kwargs: object):
        super().__init__(**kwargs)
        self.lr = _variable(type(self).__name__, "lr", lr)
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = []
        gradients = self.get_gradients(loss, params)
        accumulators = self.weights = _zeros_like(params, "square")
        for p, g, a in zip(params, gradients, accumulators, strict=True):
            new_a = a + K.square(g)
            self.updates.append((a, new_a))
            new = p - self.lr * g / K.sqrt(new_a + self.epsilon)
            self.updates.append((p, _constrained(p, new, constraints)))
        return self.updates


class Adadelta(Optimizer):
    """a <- rho a + (1 - rho) g^2;  u = g sqrt(d + epsilon) / sqrt(a + epsilon), new a, old d;
    p <- p - lr u;  d <- rho d + (1 - rho) u^2.

    Shared variable: lr. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.
    """

    _arguments = ("lr", "rho", "epsilon")

    def __init__(self, lr: float = 1.0, rho: float = 0.95, epsilon: float = 1e-6, **kwargs: object):
        super().__init__(**kwargs)
        self.lr = _variable(type(self).__name__, "lr", lr)
        self.rho = below_one(type(self).__name__, "rho", rho)
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = []
        gradients = self.get_gradients(loss, params)
        accumulators = _zeros_like(params, "square")
        deltas = _zeros_like(params, "delta")
        self.weights = accumulators + deltas
        for p, g, a, d in zip(params, gradients, accumulators, deltas, strict=True):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append((a, new_a))
            u = g * K.sqrt(d + self.epsilon) / K.sqrt(new_a + self.epsilon)
            self.updates.append((p, _constrained(p, p - self.lr * u, constraints)))
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
        self.lr = _variable(type(self).__name__, "lr", lr)
        self.beta_1 = K.variable(below_one(type(self).__name__, "beta_1", beta_1), name="beta_1")
        self.beta_2 = K.variable(below_one(type(self).__name__, "beta_2", beta_2), name="beta_2")
        self.epsilon = finite_number(type(self).__name__, "epsilon", epsilon)

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        self.updates = [(self.iterations, self.iterations + 1.0)]
        t = self.iterations + 1.0
        lr_t = self.lr * K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t))
        gradients = self.get_gradients(loss, params)
        means = _zeros_like(params, "mean")
        squares = _zeros_like(params, "square")
        self.weights = means + squares
        for p, g, m, v in zip(params, gradients, means, squares, strict=True):
            new_m = self.beta_1 * m + (1.0 - self.beta_1) * g
            new_v = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
            self.updates += [(m, new_m), (v, new_v)]
            new = p - lr_t * new_m / (K.sqrt(new_v) + self.epsilon)
            self.updates.append((p, _constrained(p, new, constraints)))
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
        means = _zeros_like(params, "mean")
        largest = _zeros_like(params, "largest")
        self.weights = means + largest
        for p, g, m, u in zip(params, gradients, means, largest, strict=True):
            new_m = self.beta_1 * m + (1.0 - self.beta_1) * g
            new_u = K.maximum(self.beta_2 * u, K.abs(g))
            self.updates += [(m, new_m), (u, new_u)]
            new = p - lr_t * new_m / (new_u + self.epsilon)
            self.updates.append((p, _constrained(p, new, constraints)))
        return self.updates


sgd = SGD
rmsprop = RMSprop
adagrad = Adagrad
adadelta = Adadelta
adam = Adam
adamax = Adamax

OPTIMIZERS: dict[str, type[Optimizer]] = {
    name: optimizer
    for optimizer in (SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax)
    for name in (optimizer.__name__.lower(), optimizer.__name__)
}


def get(identifier: str | Mapping | Optimizer, kwargs: Mapping | None = None) -> Optimizer:
    """An optimizer by its name or its config; an optimizer is returned as it is.

    Raises:
        UnknownNameError: the name is not in `OPTIMIZERS`.
        KeywordError: an argument that the optimizer does not take.
        ArgumentError: neither a name, a config nor an optimizer.
    """
    optimizer = get_instance("optimizer", identifier, OPTIMIZERS, kwargs)
    if isinstance(optimizer, type) or not hasattr(optimizer, "get_updates"):
        raise ArgumentError(
            f"expected an optimizer, e.g. SGD(lr=0.01), or its name, received {identifier!r}"
        )
    return optimizer


def _zeros_like(params: Sequence[Node], suffix: str) -> list[Node]:
    return [K.zeros(p.shape, p.dtype, f"{name_of(p) or 'param'}_{suffix}") for p in params]


def _constrained(p: Node, new: Node, constraints: Constraints) -> Node:
    if p not in constraints:
        return new
    allowed = constraints[p](new)
    if not isinstance(allowed, Node) or allowed.shape != p.shape:
        raise ArgumentError(
            f"the constraint of {label(p)}: expected a node of the shape {p.shape}, the weight's, "
            f"returned {allowed!r}"
        )
    return allowed


def _variable(owner: str, name: str, value: object) -> Node:
    return K.variable(finite_number(owner, name, value), name=name)


def _positive(owner: str, name: str, value: object) -> float | None:
    if value is None:
        return None
    if not finite_number(owner, name, value) > 0:
        raise ArgumentError(
            f"{owner}: {name} has to be positive, received {value!r}; leave it out for no clipping"
        )
    return float(value)


def _set_all(what: str, variables: Sequence[Node], values: Sequence[np.ndarray]) -> None:
    """Set all or none."""
    values = [np.asarray(value) for value in values]
    shapes = [variable.shape for variable in variables]
    if [value.shape for value in values] != shapes:
        raise ShapeError(
            f"{what}: expected {len(shapes)} arrays of shapes {shapes}, received {len(values)} of "
            f"shapes {[value.shape for value in values]}"
            + ("" if shapes else "; the state exists once a train function is made")
        )
    K.batch_set_value(zip(variables, values, strict=True))
