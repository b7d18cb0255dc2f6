"""Initial weights: shape -> shared variable, drawn from NumPy's global generator.

The draws are those of Keras 1.0, in its order, so ``np.random.seed(1337)`` at the top of a script
gives the weights that it gave then.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, overload

import numpy as np

from graphc import backend as K
from graphc.activations import ACTIVATIONS
from graphc.backend.settings import check_dim_ordering
from graphc.compiler.graph import Node, name_of, set_name, shared_without_copy
from graphc.compiler.interpret.blas import threads_for
from graphc.errors import ShapeError, UnknownNameError
from graphc.keywords import refuse_unknown
from graphc.lookup import get_function, takes_keyword
from graphc.public.calls import public
from graphc.releases import at_least

_MODERN = {
    "zeros": "zero",
    "ones": "one",
    "random_uniform": "uniform",
    "random_normal": "normal",
}

Made = TypeVar("Made", bound=Node | np.ndarray)

GivenInit = str | Callable[..., Node | np.ndarray]
"""An initialization as users give it: a key of `INITIALIZATIONS`, or a function of a shape, and of
``name`` and ``dim_ordering`` where it takes them, that gives a variable or an array."""

_PIECE = 1 << 16  # numbers drawn at once: NumPy draws float64, twice what most weights take

_set_later: ContextVar[bool] = ContextVar("graphc_weights_set_later", default=False)
_drawn: ContextVar[bool] = ContextVar("graphc_weights_drawn", default=True)


@contextmanager
def to_be_set() -> Iterator[None]:
    """Inside, nothing is drawn for the weights that `initial` gives, they are zeros: the caller
    sets them all."""
    reset = _set_later.set(True)
    try:
        yield
    finally:
        _set_later.reset(reset)


def initial(init: Callable[..., Node | np.ndarray], shape: tuple[int, ...], name: str) -> Node:
    """The weight that an initialization gives: a variable, or an array of its values.

    One that is not of this module draws always, and so do functions of this module that it calls:
    what it does to their numbers may need numbers.
    """
    own = getattr(init, "func", init) in INITIALIZATIONS.values()
    reset = _drawn.set(not (own and _set_later.get()))
    try:
        value = init(shape, **({"name": name} if takes_keyword(init, "name") else {}))
    finally:
        _drawn.reset(reset)
    if isinstance(value, np.ndarray):
        return K.variable(value, name=name)
    if isinstance(value, Node) and name_of(value) is None:
        set_name(value, name)
    return value


def get_fans(shape: Sequence[int], dim_ordering: str = "th") -> tuple[float, float]:
    """Return the number of inputs that an output of a weight reads, and of outputs that an input
    reaches.

    Args:
        shape: (in, out); of a kernel ``(out, in, *window)`` in the ordering 'th' and
            ``(*window, in, out)`` in 'tf', where an output sees in * window; an input reaches as
            many as there are outputs, with the meanings of Keras from 1.0.4 on out * window. For
            other ranks both are sqrt(size).
        dim_ordering: 'th' or 'tf'.
    """
    shape = _sizes(shape)
    dim_ordering = check_dim_ordering(dim_ordering, "get_fans")
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) in (4, 5):
        if dim_ordering == "th":
            outputs, inputs, *window = shape
        else:
            *window, inputs, outputs = shape
        extent = int(np.prod(window))
        return inputs * extent, outputs * (extent if at_least("1.0.4") else 1)
    fan = float(np.sqrt(np.prod(shape)))
    return fan, fan


def uniform(
    shape: Sequence[int], scale: float = 0.05, name: str | None = None, dim_ordering: str = "th"
) -> Node:
    """Uniform in [-scale, scale)."""
    return shared_without_copy(_filled(shape, lambda n: np.random.uniform(-scale, scale, n)), name)


def normal(
    shape: Sequence[int], scale: float = 0.05, name: str | None = None, dim_ordering: str = "th"
) -> Node:
    """Normal with mean 0 and standard deviation `scale`."""
    return shared_without_copy(_filled(shape, lambda n: np.random.normal(0.0, scale, n)), name)


def lecun_uniform(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th") -> Node:
    """Uniform with variance 1 / fan_in.

    LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.
    """
    fan_in, _ = get_fans(shape, dim_ordering)
    return uniform(shape, np.sqrt(3.0 / fan_in), name)


def glorot_normal(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th") -> Node:
    """Normal with variance 2 / (fan_in + fan_out).

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.
    """
    fan_in, fan_out = get_fans(shape, dim_ordering)
    return normal(shape, np.sqrt(2.0 / (fan_in + fan_out)), name)


def glorot_uniform(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th") -> Node:
    """Uniform with variance 2 / (fan_in + fan_out). See `glorot_normal`."""
    fan_in, fan_out = get_fans(shape, dim_ordering)
    return uniform(shape, np.sqrt(6.0 / (fan_in + fan_out)), name)


def he_normal(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th") -> Node:
    """Normal with variance 2 / fan_in.

    He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.
    """
    fan_in, _ = get_fans(shape, dim_ordering)
    return normal(shape, np.sqrt(2.0 / fan_in), name)


def he_uniform(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th") -> Node:
    """Uniform with variance 2 / fan_in. See `he_normal`."""
    fan_in, _ = get_fans(shape, dim_ordering)
    return uniform(shape, np.sqrt(6.0 / fan_in), name)


def orthogonal(
    shape: Sequence[int], scale: float = 1.1, name: str | None = None, dim_ordering: str = "th"
) -> Node:
    """`scale` times a matrix with orthonormal rows or columns, the axes after the first as one.

    Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014.
    """
    shape = _sizes(shape)
    if len(shape) < 2:
        raise ShapeError(f"orthogonal: expected at least two axes, received the shape {shape}")
    if not _drawn.get():
        return zero(shape, name)
    flat = (shape[0], int(np.prod(shape[1:])))
    draw = np.random.normal(0.0, 1.0, flat)
    with threads_for(_svd_flops(*flat)):
        u, _, v = np.linalg.svd(draw, full_matrices=False)
    factor = u if u.shape == flat else v
    return K.variable(scale * factor.reshape(shape), name=name)


def _svd_flops(rows: int, columns: int) -> int:
    """About how many operations the singular vectors take, as Golub and Van Loan count them
    ("Matrix Computations", R-SVD)."""
    most, least = max(rows, columns), min(rows, columns)
    return 6 * most * least**2 + 20 * least**3


def identity(
    shape: Sequence[int], scale: float = 1, name: str | None = None, dim_ordering: str = "th"
) -> Node:
    """`scale` times the unit matrix. ShapeError for a shape that is not square."""
    shape = _sizes(shape)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(f"identity: expected a square matrix, received the shape {shape}")
    return K.variable(scale * np.identity(shape[0]), name=name)


def zero(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th") -> Node:
    """Full of 0."""
    return K.zeros(_sizes(shape), name=name)


def one(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th") -> Node:
    """Full of 1."""
    return K.ones(_sizes(shape), name=name)


INITIALIZATIONS: dict[str, Callable[..., Node]] = {
    function.__name__: function
    for function in (
        uniform,
        normal,
        lecun_uniform,
        glorot_normal,
        glorot_uniform,
        he_normal,
        he_uniform,
        orthogonal,
        identity,
        zero,
        one,
    )
}


@overload
def get(identifier: str, **kwargs: object) -> Callable[..., Node]: ...
@overload
def get(identifier: Callable[..., Made], **kwargs: object) -> Callable[..., Made]: ...
def get(identifier: GivenInit, **kwargs: object) -> Callable[..., Node | np.ndarray]:
    """An initialization by its name; a function is returned as it is.

    Args:
        identifier: see `GivenInit`.
        kwargs: ``dim_ordering`` and ``scale``, bound where the initialization takes them.

    Raises:
        UnknownNameError: the name is not in `INITIALIZATIONS`.
        ArgumentError: neither a name nor a function.
        KeywordError: another keyword.
    """
    refuse_unknown("initializations.get", kwargs, ("dim_ordering", "scale"))
    if isinstance(identifier, str) and identifier in ACTIVATIONS:
        raise UnknownNameError(
            f"unknown initialization {identifier!r}: it is an activation; give it by name, "
            f"activation={identifier!r}"
        )
    function = get_function("initialization", identifier, INITIALIZATIONS, _MODERN)
    if not kwargs:
        return function
    taken = inspect.signature(function).parameters
    return functools.partial(function, **{key: kwargs[key] for key in kwargs if key in taken})


def _filled(shape: Sequence[int], draw: Callable[[int], np.ndarray]) -> np.ndarray:
    """An array in floatx of the numbers that `draw(how many)` gives, in their order."""
    values = np.zeros(_sizes(shape), K.floatx())
    flat = values.reshape(-1)
    for start in range(0, flat.size if _drawn.get() else 0, _PIECE):
        piece = flat[start : start + _PIECE]
        piece[:] = draw(piece.size)
    return values


def _sizes(shape: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(shape)
    if not all(isinstance(size, int | np.integer) and size > 0 for size in sizes):
        raise ShapeError(
            f"the shape of a weight needs whole numbers from 1 on, received {sizes}; is an input "
            "size not known? Give input_shape or input_dim"
        )
    return tuple(int(size) for size in sizes)


public(__name__)
