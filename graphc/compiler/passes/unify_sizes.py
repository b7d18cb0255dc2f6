"""One name for what is one size: the passes and the schedule compare sizes by how they are written.

Where two different symbols, or a symbol and an int, have to be equal, the node is made and the call
checks. Whatever asks later whether two sizes are equal (a rewrite, a fusion, a loop nest, a memory
plan) knows how they are written alone, so the sizes that a call has found equal are written alike
here, throughout the graph: as the int, or as one of the symbols.

Some equalities are none between symbols: ``(n + 1) // 2 == 4``, ``n * m == k * l``. There a reshape
makes the one of the other, so that after this pass no op but a reshape claims that two
sizes are equal: loop nests walk its elements, which are as many on both sides.
"""

from __future__ import annotations

import heapq
import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.compiler import graph as g
from graphc.compiler.graph import Body, Dim, Node, Size, Symbol
from graphc.compiler.graph.checks import SizeChecks, SizeClaim
from graphc.compiler.graph.dim import substitute, symbols
from graphc.compiler.graph.equations import Sizes, settle
from graphc.compiler.graph.ops import OPS
from graphc.errors import PassError

Attrs = dict[str, Any]

_MOST_STEPS = 1000
"""Sizes that are rewritten before a node is given up; known programs need one or two."""


@dataclass(frozen=True)
class Unified:
    """A graph in which equal sizes are written alike.

    Attributes:
        outputs, inputs: those of the graph that was given, in its order.
        sizes: what stands for the symbols that are gone.
    """

    outputs: list[Node]
    inputs: list[Node]
    sizes: Sizes


def unify_sizes(
    outputs: Sequence[Node], inputs: Sequence[Node], claims: Iterable[SizeClaim]
) -> Unified:
    """Write sizes that `claims` say to be equal alike.

    Args:
        outputs: of one program.
        inputs: whose shapes a call knows; the symbols of the first ones are those that stay.
        claims: of all nodes of the program, the bodies of its scans included, and any others.

    ShapeError where no sizes fulfil the claims.
    """
    claims = [claim for claim in claims if claim.relation == "=="]
    if not claims:
        return Unified(list(outputs), list(inputs), {})
    known = dict.fromkeys(one for node in inputs for size in node.shape for one in symbols(size))
    (batch,) = symbols(g.BATCH)
    sizes = settle(claims, sorted(known, key=lambda one: one is not batch))
    whole = all(substitute(one.left, sizes) == substitute(one.right, sizes) for one in claims)
    writer = _SizeRewriter(sizes, whole)
    new = writer.run([*outputs, *inputs])
    return Unified(new[: len(outputs)], new[len(outputs) :], sizes)


class _SizeRewriter:
    """Rewrites a graph.

    `whole` says that the sizes alone make all claims true, so that no op needs a reshape.
    """

    def __init__(self, sizes: Mapping[Symbol, Size], whole: bool):
        self.sizes, self.whole = sizes, whole
        self.bodies: dict[Body, Body] = {}

    def run(self, outputs: Sequence[Node]) -> list[Node]:
        new: dict[Node, Node] = {}
        for node in g.toposort(outputs):
            made = self._written(node, tuple([new[x] for x in node.inputs]))
            new[node] = g.inherit(made, node)
        return [new[node] for node in outputs]

    def _written(self, node: Node, inputs: tuple[Node, ...]) -> Node:
        attrs = {name: self._sized(value) for name, value in node.attrs.items()}
        same = inputs == node.inputs and all(attrs[name] is node.attrs[name] for name in attrs)
        if same and (self.whole or node.op == "reshape"):
            return node
        with g.origin(g.origin_of(node)):
            if node.op == "dim" and isinstance(attrs["size"], int):
                return g.constant(attrs["size"], "int64")
            if not self.whole and node.op != "reshape":
                if node.op == "scan":
                    shapes = [self._sized(x.shape) for x in node.inputs]
                    attrs = {**attrs, "body": _body(attrs, shapes, inputs)}
                inputs, attrs = _agreeing(node, inputs, attrs)
            return g.make(node.op, *inputs, **attrs)

    def _sized(self, value: Any) -> Any:
        """An attribute; the very object where nothing changes."""
        if isinstance(value, Dim):
            size = substitute(value, self.sizes)
            return value if size == value else size
        if isinstance(value, tuple):
            parts = tuple(map(self._sized, value))
            return value if all(map(operator.is_, parts, value)) else parts
        if isinstance(value, Body):
            if value not in self.bodies:
                outputs = tuple(self.run(value.outputs))
                self.bodies[value] = value if outputs == value.outputs else Body(outputs)
            return self.bodies[value]
        return value


def _agreeing(node: Node, inputs: tuple[Node, ...], attrs: Attrs) -> tuple[tuple[Node, ...], Attrs]:
    """Return the inputs and attributes of a node, with reshapes where two sizes are only claimed to
    be equal.

    One size of one input or attribute is rewritten at a time, not all that are written alike:
    another one may enter a size that the op works out, which would differ then. The search goes on
    from the state with the fewest claims.
    """
    order = itertools.count()
    claims = _equalities(node.op, inputs, attrs)
    reached = [(len(claims), next(order), inputs, attrs, claims)]
    for _ in range(_MOST_STEPS):
        _, _, inputs, attrs, claims = heapq.heappop(reached)
        if not claims:
            return inputs, attrs
        for changed in _changes(node, inputs, attrs, claims[0]):
            left_over = _equalities(node.op, *changed)
            heapq.heappush(reached, (len(left_over), next(order), *changed, left_over))
        if not reached:
            break
    raise PassError(f"{g.label(node)}: no reshape makes {claims[0].left} of {claims[0].right}")


def _changes(
    node: Node, inputs: tuple[Node, ...], attrs: Attrs, claim: SizeClaim
) -> Iterator[tuple[tuple[Node, ...], Attrs]]:
    """Yield what the node may be made of instead, the preferred first."""
    # The known size rather than the other, and a size that has a name (an input's, or in an
    # attribute) rather than one that the op works out.
    ways = [(claim.right, claim.left), (claim.left, claim.right)]
    for old, new in ways if isinstance(claim.left, int) else reversed(ways):
        for k, x in enumerate(inputs):
            for shape in _each_put(x.shape, old, new):
                reshaped = (*inputs[:k], g.reshape(x, shape), *inputs[k + 1 :])
                changed = attrs
                if node.op == "scan":
                    shapes = [x.shape for x in inputs]
                    changed = {**attrs, "body": _body(attrs, shapes, reshaped)}
                yield reshaped, changed
        if isinstance(old, Dim):  # an int among the attributes need not be a size
            for name, value in attrs.items():
                for written in _each_put(value, old, new):
                    yield inputs, {**attrs, name: written}


def _equalities(op: str, inputs: tuple[Node, ...], attrs: Attrs) -> list[SizeClaim]:
    """Return the equalities between sizes that an op claims for these inputs."""
    checks = SizeChecks()
    OPS[op].shape(inputs, attrs, checks)
    return [claim for claim in checks.claims if claim.relation == "=="]


def _each_put(value: Any, old: Size, new: Size) -> Iterator[Any]:
    """Yield the value with `new` in one place of `old`, for each place."""
    if isinstance(value, tuple):
        for k, part in enumerate(value):
            for written in _each_put(part, old, new):
                yield (*value[:k], written, *value[k + 1 :])
    elif isinstance(value, int | Dim) and value == old:
        yield new


def _body(attrs: Attrs, shapes: Sequence[tuple[Size, ...]], inputs: tuple[Node, ...]) -> Body:
    """Return a scan's body, made for inputs of `shapes`, for these ones.

    Its new carries get the shapes of the inputs.
    """
    carries, sequences = attrs["carries"], attrs["sequences"]
    replacement = {}
    for k, (before, x) in enumerate(zip(shapes, inputs, strict=True)):
        if before != x.shape:
            leading = 1 if carries <= k < carries + sequences else 0
            old, new = before[leading:], x.shape[leading:]
            arg = g.make("arg", index=k, shape=new, dtype=x.dtype)
            replacement[g.make("arg", index=k, shape=old, dtype=x.dtype)] = g.reshape(arg, old)
    if not replacement:
        body: Body = attrs["body"]
        return body
    outputs = g.substitute(attrs["body"].outputs, replacement)
    carried = [x.shape for x in inputs[:carries]] + [x.shape for x in outputs[carries:]]
    return Body(tuple(map(g.reshape, outputs, carried)))
