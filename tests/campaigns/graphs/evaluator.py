"""A second meaning of every op: slow, in extended precision, with bounds on the error.

Nothing of it is the interpreter's. The rules are written from what the ops' docstrings say, over
`Bounded` arrays; a graph's sizes are small, so that elements may be looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.compiler.graph import Node, Symbol, toposort
from graphc.compiler.graph.dim import Dim
from tests.campaigns.graphs import movement_rules as movement
from tests.campaigns.graphs import pointwise_rules as pw
from tests.campaigns.graphs import product_rules as products
from tests.campaigns.graphs import reduction_rules as reductions
from tests.campaigns.graphs.bounded import Bounded, Rounding, exactly, whole
from tests.compiler.philox_reference import random_words, words_of_part

_BINARY = frozenset(
    {"add", "sub", "mul", "mod", "pow", "maximum", "minimum", "floordiv", "div", "equal",
     "not_equal", "less", "less_equal", "logical_and", "logical_or", "logical_xor"}
)  # fmt: skip
_UNARY = frozenset(
    {"neg", "abs", "sign", "floor", "round", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt",
     "tanh", "sigmoid", "erf", "sin", "cos", "logical_not"}
)  # fmt: skip
_REDUCTIONS = frozenset({"sum", "prod", "max", "min", "any", "all", "argmax", "argmin"})
_WINDOWS = frozenset(
    {"max_pool", "argmax_pool", "gather_pool", "max_unpool", "sum_pool", "sum_unpool"}
)


def size_of(size: Any, sizes: Mapping[Symbol, int]) -> Any:
    """Return a size, or a tuple of them, as ints."""
    if isinstance(size, tuple):
        return tuple(size_of(one, sizes) for one in size)
    return evaluated(size, sizes) if isinstance(size, Dim) else size


def evaluated(size: Dim, sizes: Mapping[Symbol, int]) -> int:
    """Return a symbolic size as a number: a sum of products of symbols and quotients."""
    total = 0
    for atoms, factor in size.terms:
        for atom in atoms:
            if isinstance(atom, Symbol):
                factor *= sizes[atom]
            else:
                factor *= size_of(atom.numerator, sizes) // size_of(atom.denominator, sizes)
        total += factor
    return total


def _sums_squared_differences(node: Node) -> bool:
    """Return True for a sum of squares of differences: as from a mean, which code may find on the
    way."""
    if node.op != "sum":
        return False
    (terms,) = node.inputs
    is_square = terms.op == "mul" and terms.inputs[0] is terms.inputs[1]
    return is_square and terms.inputs[0].op == "sub"


class Evaluator:
    """The values of graphs in one call.

    Args:
        feeds: the array of each input.
        sizes: of the symbols.
        call_step: the number of the call, for random words.
        passes: whether the graph that runs was rewritten by passes.
        flushes: whether subnormal operands and results may be 0.
    """

    def __init__(
        self,
        feeds: Mapping[Node, np.ndarray],
        sizes: Mapping[Symbol, int],
        call_step: int = 0,
        passes: bool = False,
        flushes: bool = False,
    ):
        self._known: dict[Node, Any] = {}
        self._sizes = sizes
        self._call_step = call_step
        self._rounding = Rounding(passes, flushes)
        for node, array in feeds.items():
            self.feed(node, array)

    def feed(self, node: Node, array: np.ndarray) -> None:
        """Give a further input its array."""
        self.give(node, exactly(array, flushes=self._rounding.flushes))

    def give(self, node: Node, value: Bounded) -> None:
        """Let a node have a value, whatever computes it."""
        self._known[node] = value

    def __call__(self, outputs: Sequence[Node]) -> list[Bounded]:
        """Return the values of nodes; those of before are kept."""
        with np.errstate(all="ignore"):
            for node in toposort(outputs):
                if node not in self._known:
                    self._known[node] = self._value(node, [self._known[x] for x in node.inputs])
        return [self._known[node] for node in outputs]

    def _value(self, node: Node, inputs: list[Any]) -> Any:
        if node.op in _UNARY:
            return pw.unary(node.op, *inputs, self._rounding)
        if node.op in _BINARY:
            return pw.binary(node.op, *inputs, self._rounding)
        if node.op in _REDUCTIONS:
            found = reductions.reduced(node.op, *inputs, node.attrs["axes"], self._rounding)
            if _sums_squared_differences(node):
                (terms,) = node.inputs
                difference = terms.inputs[0]
                given = self._known[difference.inputs[0]], self._known[difference]
                return reductions.in_one_pass(found, *given, node.attrs["axes"])
            return found
        if node.op in _WINDOWS:
            return self._window(node, inputs)
        if node.op == "pack_bools":
            return pw.packed(inputs)
        return getattr(self, f"_{node.op}")(node, *inputs)

    def _attr(self, node: Node, name: str) -> Any:
        return size_of(node.attrs[name], self._sizes)

    # ---- leaves ----

    def _constant(self, node: Node) -> Bounded:
        return exactly(node.attrs["value"], flushes=self._rounding.flushes)

    def _shared(self, node: Node) -> Bounded:
        return exactly(node.attrs["state"].get(), flushes=self._rounding.flushes)

    def _iota(self, node: Node) -> Bounded:
        return movement.counted(self._attr(node, "size"), node.attrs["dtype"])

    def _dim(self, node: Node) -> Bounded:
        return exactly(np.array(self._attr(node, "size"), "int64"))

    def _random(self, node: Node, step: Bounded, *part: Bounded) -> Bounded:
        shape, axis = self._attr(node, "shape"), node.attrs["axis"]
        seed, stream = node.attrs["seed"], node.attrs["stream"]
        steps = int(step.value) % 2**32, self._call_step
        if axis is None:
            words = random_words(shape, seed, stream, *steps)
        else:
            place = (int(one.value) for one in part)
            words = words_of_part(shape, axis, *place, seed, stream, *steps)
        known = np.all([one.known for one in (step, *part)])
        return whole("uint32", words, np.broadcast_to(known, words.shape))

    # ---- pointwise ----

    def _alias(self, node: Node, x: Bounded) -> Bounded:
        return x

    _stop_gradient = _own_batch = _print_tensor = _alias

    def _cast(self, node: Node, x: Bounded) -> Bounded:
        return pw.cast(x, node.attrs["dtype"], self._rounding)

    def _where(self, node: Node, condition: Bounded, yes: Bounded, no: Bounded) -> Bounded:
        return pw.where(condition, yes, no)

    def _clip(self, node: Node, x: Bounded, low: Bounded, high: Bounded) -> Bounded:
        return pw.clip(x, low, high, self._rounding)

    # ---- movement ----

    def _reshape(self, node: Node, x: Bounded) -> Bounded:
        return x.moved(lambda a: a.reshape(self._attr(node, "shape")))

    def _transpose(self, node: Node, x: Bounded) -> Bounded:
        return x.moved(lambda a: a.transpose(node.attrs["order"]))

    def _broadcast(self, node: Node, x: Bounded) -> Bounded:
        return movement.broadcast(x, self._attr(node, "shape"), node.attrs["axes"])

    def _slice(self, node: Node, x: Bounded) -> Bounded:
        return movement.sliced(x, *(self._attr(node, name) for name in ("start", "stop", "step")))

    def _pad(self, node: Node, x: Bounded) -> Bounded:
        around = (self._attr(node, name) for name in ("low", "high", "interior"))
        return movement.padded(x, *around, node.attrs["value"])

    def _concat(self, node: Node, *parts: Bounded) -> Bounded:
        return movement.stacked(parts, node.attrs["axis"])

    def _flip(self, node: Node, x: Bounded) -> Bounded:
        return x.moved(lambda a: np.flip(a, node.attrs["axes"]))

    # ---- products, indexed access, windows ----

    def _matmul(self, node: Node, x: Bounded, y: Bounded) -> Bounded:
        return products.matmul(x, y, self._rounding)

    def _conv(self, node: Node, image: Bounded, kernel: Bounded) -> Bounded:
        names = ("strides", "padding", "input_dilation", "kernel_dilation")
        attrs = (self._attr(node, name) for name in names)
        return products.conv(image, kernel, *attrs, self._rounding)

    def _gather(self, node: Node, x: Bounded, indices: Bounded) -> Bounded:
        return movement.gathered(x, indices, node.attrs["axis"])

    def _scatter_add(self, node: Node, indices: Bounded, updates: Bounded) -> Bounded:
        axis, size = node.attrs["axis"], self._attr(node, "size")
        return movement.scattered(indices, updates, axis, size, self._rounding)

    def _window(self, node: Node, inputs: list[Bounded]) -> Bounded:
        op = node.op
        size = self._attr(node, "size") if "size" in node.attrs else inputs[-1].shape[2:]
        pooling = products.Pooling(
            size, *(self._attr(node, name) for name in ("window", "strides", "padding"))
        )
        if op in ("max_pool", "argmax_pool", "sum_pool"):
            kind = {"max_pool": "max", "argmax_pool": "argmax", "sum_pool": "sum"}[op]
            return pooling.pooled(kind, *inputs, self._rounding)
        if op == "gather_pool":
            return pooling.picked(*inputs)
        positions = inputs[0] if op == "max_unpool" else None
        return pooling.unpooled(positions, inputs[-1], self._rounding)

    # ---- loops ----

    def _scan(self, node: Node, *inputs: Bounded) -> list[Bounded]:
        carries = node.attrs["carries"]
        found = [values for _, values in self._steps(node, inputs)]
        in_order = found[::-1] if node.attrs["reverse"] else found
        stacks = []
        for k in range(carries, len(node.attrs["body"].outputs)):
            parts = [values[k].moved(lambda a: np.asarray(a)[None]) for values in in_order]
            stacks.append(movement.stacked(parts, 0))
        return [*found[-1][:carries], *stacks]

    def arguments(self, loop: Node) -> list[list[Bounded]]:
        """Return for each step of a scan, in the order of running, what its body is given."""
        return [given for given, _ in self._steps(loop, self(loop.inputs))]

    def _steps(
        self, node: Node, inputs: Sequence[Bounded]
    ) -> Iterator[tuple[list[Bounded], list[Bounded]]]:
        """Yield for each step of a scan what its body is given, and what it computes of that."""
        carries, sequences = node.attrs["carries"], node.attrs["sequences"]
        current, constants = list(inputs[:carries]), inputs[carries + sequences :]
        steps = range(self._attr(node, "length"))
        for step in reversed(steps) if node.attrs["reverse"] else steps:
            slices = [x.moved(lambda a, k=step: a[k]) for x in inputs[carries:][:sequences]]
            given = [*current, *slices, *constants]
            found = self._of_body(node.attrs["body"].outputs, given)
            yield given, found
            current = found[:carries]

    def _of_body(self, outputs: Sequence[Node], args: Sequence[Bounded]) -> list[Bounded]:
        """Return what one step computes, from the values of ``arg(0)``, ``arg(1)``, ..."""
        inner = Evaluator(
            {}, self._sizes, self._call_step, self._rounding.passes, self._rounding.flushes
        )
        for node in toposort(outputs):
            if node.op == "arg":
                inner.give(node, args[node.attrs["index"]])
        return inner(outputs)

    def _item(self, node: Node, values: list[Bounded]) -> Bounded:
        return values[node.attrs["index"]]
