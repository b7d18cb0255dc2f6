"""K: functions over lists of arrays, gradients, and what depends on the learning phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypedDict, Unpack, overload

import numpy as np

from graphc.backend.settings import as_numbers
from graphc.compiler import graph as g
from graphc.compiler.function import Function as CompiledFunction
from graphc.compiler.function import function as compile_function
from graphc.compiler.grad import grad
from graphc.errors import ArgumentError, DataError
from graphc.keywords import refuse_unknown
from graphc.releases import since

_fixed_phase: bool | None = None

Pairs = Mapping[g.Node, object] | Sequence[tuple[g.Node, object]]

_in_training: ContextVar[bool] = ContextVar("graphc_in_training", default=False)


def eval(x: object) -> np.ndarray:
    """The value of an expression that reads no placeholder."""
    return np.asarray(compile_function([], g.as_node(x), name="eval", once=True)())


def learning_phase() -> g.Node:
    """The bool that is true in training and false in testing.

    A function over an expression that reads it lists it among its inputs (fed with 0 or 1), or
    fixes it: ``givens=[(K.learning_phase(), True)]``. Behind `set_learning_phase` it is a constant.
    """
    return g.learning_phase() if _fixed_phase is None else g.constant(np.bool_(_fixed_phase))


@since("1.0.7")
def set_learning_phase(value: int) -> None:
    """Fix the learning phase, 1 for training and 0 for testing, of all that is made from now on.

    ArgumentError for any other value.
    """
    global _fixed_phase
    if not isinstance(value, int | np.integer | np.bool_) or value not in (0, 1):
        raise ArgumentError(
            f"set_learning_phase: value: expected 0 (testing) or 1 (training), received {value!r}"
        )
    _fixed_phase = bool(value)


@contextmanager
def in_training() -> Iterator[None]:
    """Inside, `in_train_phase` and `in_test_phase` give what they give in training."""
    reset = _in_training.set(True)
    try:
        yield
    finally:
        _in_training.reset(reset)


def in_train_phase(x: object, alt: object) -> g.Node:
    """x in training, else alt; of a function of no arguments what it returns."""
    return g.where(_phase(), _made(x), _made(alt))


def in_test_phase(x: object, alt: object) -> g.Node:
    """x in testing, else alt; of a function of no arguments what it returns."""
    return g.where(_phase(), _made(alt), _made(x))


def _made(value: object) -> object:
    return value() if callable(value) else value


def _phase() -> g.Node:
    return g.constant(np.bool_(True)) if _in_training.get() else learning_phase()


def switch(condition: object, then_expression: object, else_expression: object) -> g.Node:
    """Element by element: the one where the condition is true (not 0), else the other."""
    return g.where(condition, then_expression, else_expression)


@overload
def gradients(loss: g.Node, variables: g.Node) -> g.Node: ...
@overload
def gradients(loss: g.Node, variables: Sequence[g.Node]) -> list[g.Node]: ...
def gradients(loss: g.Node, variables: Sequence[g.Node] | g.Node) -> list[g.Node] | g.Node:
    """The gradient of a scalar loss to each of the variables, in their order.

    Args:
        loss: a float scalar.
        variables: variables, placeholders or any expressions that the loss reads. For a single one
            that stands in no list the gradient comes in no list either, as from Theano.

    Raises:
        GradientError: the loss is no scalar, or does not depend on one of them.
    """
    return grad(loss, variables)


@since("1.0.6")
def stop_gradient(variables: g.Node | Sequence[g.Node]) -> g.Node | list[g.Node]:
    """The tensor, or the list of them, which gradients take for constants."""
    if isinstance(variables, list | tuple):
        return [g.stop_gradient(one) for one in variables]
    return g.stop_gradient(variables)


@since("1.0.7")
def print_tensor(x: g.Node, message: str = "") -> g.Node:
    """x itself; a function that computes it prints the message and its value at each call.

    ArgumentError, where the function is made, for a tensor within the step of a loop.
    """
    return g.print_tensor(x, message)


class FunctionKeywords(TypedDict, total=False):
    """The further keyword arguments of `function`: those of `graphc.function`."""

    givens: Pairs | None
    mode: str | None
    name: str
    on_unused_input: str


class Function:
    """A compiled function over lists: ``outputs = f([x, y])``. Made by `function`."""

    def __init__(self, compiled: CompiledFunction, inputs: Sequence[g.Node]):
        self.function = compiled
        self._inputs = inputs

    def __call__(self, inputs: Sequence[object]) -> list[np.ndarray]:
        """The outputs, one array each. Values are converted to the inputs' dtypes.

        Raises:
            ArgumentError: no list, or one of another length.
            DTypeError: something that is not numbers in host memory.
            DataError: numbers that the dtype of an input does not hold.
            ShapeError: an array of another shape.
        """
        if not isinstance(inputs, list | tuple):
            raise ArgumentError(
                f"{self.function.name}: expected a list of {len(self._inputs)} arrays, received "
                f"{type(inputs).__name__}"
            )
        if len(inputs) != len(self._inputs):
            raise ArgumentError(
                f"{self.function.name}: expected {len(self._inputs)} arrays, one for each of "
                f"{', '.join(map(g.label, self._inputs))}, received {len(inputs)}"
            )
        return list(self.function(*map(_converted, self._inputs, inputs)))


def function(
    inputs: Sequence[g.Node],
    outputs: list[g.Node] | tuple[g.Node, ...] | g.Node,
    updates: Pairs = (),
    **kwargs: Unpack[FunctionKeywords],
) -> Function:
    """Compile a graph.

    Args:
        inputs: placeholders; `learning_phase` may be one. An expression may be one too: what is
            fed then stands for its value wherever the outputs and updates read it, as in
            ``K.function([first.output], [second.output])``.
        outputs: expressions; a call returns a list with one array each.
        updates: (variable, new value) pairs, set at once after the outputs are computed.
        kwargs: ``givens``, ``mode``, ``name`` and ``on_unused_input`` of `graphc.function`.

    Raises:
        KeywordError: another keyword.
        ArgumentError: an input that is missing, not needed, or that no call can feed.
    """
    refuse_unknown("K.function", kwargs, FunctionKeywords.__annotations__)
    if isinstance(inputs, g.Node):
        raise ArgumentError(f"K.function: expected a list of inputs, received {g.label(inputs)}")
    if not isinstance(updates, Mapping | list | tuple):
        raise ArgumentError(
            "K.function: updates: expected a list of (variable, new value) pairs, received "
            f"{type(updates).__name__}"
        )
    wanted = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    fed = [_fed(node, position) for position, node in enumerate(inputs)]
    given = kwargs.get("givens") or ()
    givens = list(given.items() if isinstance(given, Mapping) else given)
    givens += [(node, own) for node, own in zip(inputs, fed, strict=True) if own is not node]
    kwargs["givens"] = givens
    compiled = compile_function(fed, wanted, updates=updates, **kwargs)
    return Function(compiled, fed)


def _fed(node: object, position: int) -> g.Node:
    """The placeholder that a call feeds: the input itself, or one in the place of an expression."""
    if not isinstance(node, g.Node) or (node.op != "input" and not node.inputs):
        raise ArgumentError(
            f"K.function: input {position}: expected a placeholder or an expression, received "
            f"{node!r}; K.set_value sets a variable, and givens=[(variable, placeholder)] puts a "
            "placeholder in its place"
        )
    if node.op == "input":
        return node
    return g.input(node.shape, node.dtype, g.name_of(node) or f"input {position} ({node.op})")


def _converted(node: g.Node, value: object) -> np.ndarray:
    """A value in an input's dtype; what the dtype cannot hold is an error, not cut off."""
    if type(value) is np.ndarray and value.dtype == np.dtype(node.dtype):
        return value  # as most are: a call only reads it
    array = as_numbers(value, g.label(node))
    with np.errstate(invalid="ignore", over="ignore"):
        converted = array.astype(node.dtype)
    if not g.is_float(node.dtype) and not np.array_equal(converted, array):
        wanted = "0 or 1" if node.dtype == "bool" else f"whole numbers that fit {node.dtype}"
        raise DataError(f"{g.label(node)}: expected {wanted}; received others")
    return converted
