"""The interpreter: a graph as a list of NumPy calls, one for each node."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from graphc.compiler.graph import (
    Body,
    Dim,
    Node,
    Symbol,
    every_node,
    label,
    origin_of,
    size_claims,
    toposort,
)
from graphc.compiler.graph import dim as dims
from graphc.compiler.graph.binding import bind
from graphc.compiler.interpret.aliasing import owned_outputs
from graphc.compiler.interpret.blas import product_flops, threads_for
from graphc.compiler.interpret.signature import Attrs, Function
from graphc.compiler.interpret.table import NUMPY, SUPPLIED
from graphc.errors import DTypeError, GraphcError, IndexRangeError, OutOfMemoryError, ShapeError

Observer = Callable[[Node, Any, float], None]


class BodyObserver(ABC):
    """An observer that is shown what the steps of loops compute, too."""

    @abstractmethod
    def __call__(self, node: Node, value: Any, seconds: float) -> None:
        """Look at a value; see `Program.run`."""

    @abstractmethod
    def of_step(self, scan: Node, step: int, index: int) -> BodyObserver:
        """Return the observer of one step of a loop.

        Args:
            scan: the loop.
            step: the number of steps that ran before.
            index: the position at which the step reads the sequences.
        """


# Ops whose functions also receive the number of the call, which is no attribute of a node.
_READS_CALL_STEP = frozenset({"random", "scan"})

# The dtype in which a wide program computes.
_WIDER = {"float32": "float64", "float64": "longdouble"}


@dataclass(frozen=True, slots=True)
class _Step:
    node: Node
    function: Function
    inputs: tuple[int, ...]
    output: int
    dead: tuple[int, ...]  # slots that no later step reads
    body: Program | None


class Program:
    """A graph prepared for the interpreter: a step for each node, a slot for each value.

    Symbolic sizes are evaluated once for each set of bindings, and those of the last set are kept
    for the next call. A program holds no values between calls and may run in several threads.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        wide: bool = False,
        table: Mapping[str, Function] = NUMPY,
    ):
        """Prepare a graph.

        Args:
            outputs: the outputs of the graph.
            wide: compute float32 in float64, and float64 in longdouble, from the same inputs,
                states and constants: a reference with hardly any rounding error.
            table: the function that computes each op.
        """
        order = toposort(outputs)
        self._wide = wide
        slot = {node: k for k, node in enumerate(order)}
        self._outputs = tuple(slot[node] for node in outputs)
        self._owned = owned_outputs(outputs)
        self._fed = [(node, slot[node]) for node in order if node.op in ("input", "arg")]
        self._states = [
            (node, node.attrs["state"], slot[node]) for node in order if node.op == "shared"
        ]
        self._start: list[Any] = [
            self._widened(node.attrs["value"]) if node.op == "constant" else None for node in order
        ]
        self._steps = tuple(_steps(order, slot, set(self._outputs), wide, table))
        self._fixed = [None if _is_symbolic(s.node) else self._resolved(s, {}) for s in self._steps]
        self._bound: tuple[dict[Symbol, int], list[Attrs], int] | None = None

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """Compute the outputs.

        Args:
            feeds: an array of the right shape and dtype for each input that the graph reads.
            bindings: a value for each symbol.
            call_step: the number of this call, a part of the counter that random bits are made of.
            observer: called with each input, state and computed node, its value (an array or a
                NumPy scalar; a tuple of them for a scan) and the seconds that it took. Only a
                `BodyObserver` is called for the nodes of a scan's body and for its arguments.

        Returns:
            C-contiguous arrays that share memory with no feed, state, constant or each other.

        Raises:
            GraphcError: an input that is not fed.
            ShapeError: a symbol that is not bound.
            IndexRangeError: an index outside of its axis.
            OutOfMemoryError: no memory for a value.
        """
        values = self._start.copy()
        for node, slot in self._fed:
            if node not in feeds:
                raise GraphcError(f"the input {label(node)} is read and not fed")
            values[slot] = self._widened(feeds[node])
        for _, state, slot in self._states:
            values[slot] = self._widened(state.buffer)
        attrs, largest = self._bind(bindings)
        with np.errstate(all="ignore"), threads_for(largest):
            if observer is None:
                self._execute(values, attrs, call_step)
            else:
                self._observe(values, attrs, call_step, observer)
        results = []
        for slot, owned in zip(self._outputs, self._owned, strict=True):
            results.append(_own(values[slot]) if owned else np.array(values[slot], order="C"))
        return results

    def _execute(self, values: list[Any], attrs: list[Attrs], call_step: int) -> None:
        for step, fixed in zip(self._steps, attrs, strict=True):
            values[step.output] = _call(step, fixed, values, call_step)
            for slot in step.dead:
                values[slot] = None

    def _observe(
        self, values: list[Any], attrs: list[Attrs], call_step: int, observer: Observer
    ) -> None:
        for node, slot in self._fed:
            observer(node, values[slot], 0.0)
        for node, _, slot in self._states:
            observer(node, values[slot], 0.0)
        for step, fixed in zip(self._steps, attrs, strict=True):
            started = time.perf_counter()
            if step.body is not None and isinstance(observer, BodyObserver):
                fixed = {**fixed, "body": step.body._shown(step.node, fixed["length"], observer)}
            value = _call(step, fixed, values, call_step)
            observer(step.node, value, time.perf_counter() - started)
            values[step.output] = value
            for slot in step.dead:
                values[slot] = None

    def _bind(self, bindings: Mapping[Symbol, int]) -> tuple[list[Attrs], int]:
        """Return each step's attributes with these sizes, and the FLOP of the largest product."""
        known = self._bound
        if known is not None and known[0] == bindings:
            return known[1:]
        attrs = [
            self._resolved(step, bindings) if fixed is None else fixed
            for step, fixed in zip(self._steps, self._fixed, strict=True)
        ]
        largest = self._largest_product(bindings)
        self._bound = (dict(bindings), attrs, largest)
        return attrs, largest

    def _resolved(self, step: _Step, bindings: Mapping[Symbol, int]) -> Attrs:
        attrs = _resolve(step, bindings)
        if self._wide and "dtype" in attrs:
            attrs = {**attrs, "dtype": _WIDER.get(attrs["dtype"], attrs["dtype"])}
        return attrs

    def _widened(self, value: Any) -> Any:
        if not self._wide:
            return value
        return value.astype(_WIDER.get(value.dtype.name, value.dtype))

    def _largest_product(self, bindings: Mapping[Symbol, int]) -> int:
        products = (
            product_flops(step.node, bindings)
            if step.body is None
            else step.body._largest_product(bindings)
            for step in self._steps
        )
        return max(products, default=0)

    def _shown(
        self, scan: Node, length: int, observer: BodyObserver
    ) -> Callable[[Sequence[Any], int], list[Any]]:
        """Return this program, whose sizes are bound, as the body of a loop that is observed."""
        assert self._bound is not None
        attrs = self._bound[1]
        numbers = count()

        def step(arguments: Sequence[Any], call_step: int) -> list[Any]:
            number = next(numbers)
            index = length - 1 - number if scan.attrs["reverse"] else number
            values = self._start.copy()
            for node, slot in self._fed:
                values[slot] = arguments[node.attrs["index"]]
            self._observe(values, attrs, call_step, observer.of_step(scan, number, index))
            return [values[slot] for slot in self._outputs]

        return step

    def stepper(self, bindings: Mapping[Symbol, int]) -> Callable[[Sequence[Any], int], list[Any]]:
        """Return this program as the body of a loop: a function of the values of its ``arg`` nodes
        and the number of the call.

        Outputs may share memory with arguments.
        """
        attrs, _ = self._bind(bindings)
        fed = [(node.attrs["index"], slot) for node, slot in self._fed]

        def step(arguments: Sequence[Any], call_step: int) -> list[Any]:
            values = self._start.copy()
            for index, slot in fed:
                values[slot] = arguments[index]
            self._execute(values, attrs, call_step)
            return [values[slot] for slot in self._outputs]

        return step


def _steps(
    order: Sequence[Node],
    slot: Mapping[Node, int],
    kept: set[int],
    wide: bool,
    table: Mapping[str, Function],
) -> Iterator[_Step]:
    last: dict[int, int] = {}
    for position, node in enumerate(order):
        for x in node.inputs:
            last[slot[x]] = position
    dying: dict[int, list[int]] = {}
    for read, position in last.items():
        if read not in kept:
            dying.setdefault(position, []).append(read)
    for position, node in enumerate(order):
        if node.op not in SUPPLIED:
            yield _Step(
                node,
                table[node.op],
                tuple(slot[x] for x in node.inputs),
                slot[node],
                tuple(dying.get(position, ())),
                Program(node.attrs["body"].outputs, wide, table) if node.op == "scan" else None,
            )


def _call(step: _Step, attrs: Attrs, values: list[Any], call_step: int) -> Any:
    if step.node.op in _READS_CALL_STEP:
        attrs = {**attrs, "call_step": call_step}
    try:
        return step.function(attrs, *[values[slot] for slot in step.inputs])
    except IndexRangeError as error:
        where = origin_of(step.node)
        if where is None:
            raise
        raise IndexRangeError(f"{where}: {error}") from None
    except MemoryError as error:
        raise OutOfMemoryError(f"{label(step.node)}: {error}") from error


def _own(value: Any) -> np.ndarray:
    """Return a value that nothing else refers to as a writeable, contiguous array that is no view
    into a larger one."""
    array = np.asarray(value)
    whole = array.base is None or array.base.size == array.size
    if whole and array.flags.c_contiguous and array.flags.writeable:
        return array
    return np.array(array, order="C")


def _is_symbolic(node: Node) -> bool:
    return node.op == "scan" or any(map(_has_symbols, node.attrs.values()))


def _has_symbols(value: object) -> bool:
    if isinstance(value, tuple):
        return any(map(_has_symbols, value))
    return isinstance(value, Dim)


def _resolve(step: _Step, bindings: Mapping[Symbol, int]) -> Attrs:
    """Return a node's attributes with sizes as ints, and a loop's body as a Python function."""
    try:
        return {name: _value(value, step, bindings) for name, value in step.node.attrs.items()}
    except KeyError as error:
        raise ShapeError(
            f"the size {error.args[0]} of {label(step.node)} is not known: no input that is fed "
            "has it in its shape"
        ) from None


def _value(value: object, step: _Step, bindings: Mapping[Symbol, int]) -> object:
    if isinstance(value, tuple):
        return tuple(_value(part, step, bindings) for part in value)
    if isinstance(value, Dim):
        return dims.evaluate(value, bindings)
    if isinstance(value, Body):
        assert step.body is not None
        return step.body.stepper(bindings)
    return value


def evaluate(
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray] | None = None,
    call_step: int = 0,
) -> list[np.ndarray]:
    """Compute the values of nodes once; `graphc.function` compiles a function to call repeatedly.

    Args:
        outputs: nodes.
        feeds: an array (or what numpy.asarray takes) for each input that they read.
        call_step: the number of the call, a part of the counter that random bits are made of.

    Raises:
        ShapeError, DataError, DTypeError: an array that does not fit its input.
    """
    arrays = {node: np.asarray(value) for node, value in (feeds or {}).items()}
    for node, array in arrays.items():
        if array.dtype.name != node.dtype:
            raise DTypeError(
                f"{label(node)}: expected dtype {node.dtype}, received {array.dtype.name}; "
                f"convert with .astype({node.dtype!r})"
            )
    bindings = bind(list(arrays), list(arrays.values()))
    for node in every_node(outputs) if bindings else ():
        for claim in size_claims(node):
            claim.test(bindings)
    return Program(outputs).run(arrays, bindings, call_step)
