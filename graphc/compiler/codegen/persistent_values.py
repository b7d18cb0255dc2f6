"""What the elements of a persistent loop are called while its text is printed.

A thread has its own elements in registers; elements of its row that others own it reads in shared
memory. Everything else the emitter computes from these.
"""

from __future__ import annotations

from functools import partial

from graphc.compiler.codegen.emitter import Emitter, Given, always
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Variable,
    call,
    compare,
    modulo,
    plus,
    subscript,
    times,
    when,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.graph import Node, substitute
from graphc.compiler.program.launch import Count
from graphc.compiler.schedule.kernel import Loop, Persistent
from graphc.compiler.schedule.persistent import elementwise_operands, stride, width
from graphc.compiler.targets.c_text import C_TYPES

_PARTS = 4
"""The parts of a long sum: an addition takes about as many cycles."""

UNIT, STEP = Variable("unit"), Variable("step")
"""The variables that hold which element of its row is the thread's, and the number of the step."""


class Values:
    """The values of one loop.

    Attributes:
        rows: names of the arrays in shared memory that hold the block's rows of a value.
        following: those that hold the rows of a carry in the next step.
        matrices: names of the matrices in shared memory.
        columns: names of the arrays of registers that hold the thread's column of a matrix.
        carries: names of the variables that hold the thread's element of a carry.
        products, slices: what results read at their own element.
        slices_ahead: the slices at the step `ahead`.
    """

    def __init__(self, loop: Loop, plan: Persistent, emitter: Emitter, ahead: Node):
        self._loop, self._plan, self._emitter = loop, plan, emitter
        self.rows: dict[Node, str] = {}
        self.following: dict[Node, str] = {}
        self.matrices: dict[Node, str] = {}
        self.columns: dict[Node, str] = {}
        self.carries = {
            node: Variable(f"carry{k}")
            for k, node in enumerate(loop.carries)
            if width(node) == plan.width
        }
        wide = [x for stage in plan.stages for x in stage if width(x) == plan.width]
        outside = {*loop.carries, *loop.inputs}
        found = [
            x for x in elementwise_operands(wide, outside, loop.step) if width(x) == plan.width
        ]
        self.products = [x for x in found if x.op == "matmul"]
        self.slices = [x for x in found if x.op != "matmul"]
        self.slices_ahead = substitute(self.slices, {loop.step: ahead})

    @property
    def unit(self) -> Expression:
        return UNIT if self._plan.width > 1 else ZERO

    def slice(self, number: int) -> Expression:
        """The variable that holds the thread's element of a slice."""
        return Variable(f"slice{number}")

    def among(self, node: Node) -> Expression | None:
        """The head of a block for the threads that have an element of the value."""
        fewer = width(node) < self._plan.width
        return when([compare(UNIT, "<", width(node))] if fewer else [])

    def share(self, node: Node) -> Count:
        """How many of the threads have an element of the value."""
        return Count((width(node),), (self._plan.width,))

    def own(self, node: Node) -> Index:
        """The element of a value that the thread owns."""
        inside = self._emitter.coordinates(Index(node.shape[1:], linear=UNIT))
        return Index(node.shape, coords=(Variable("row"), *inside))

    def place(self, node: Node, inside: Expression = UNIT) -> Expression:
        """The place of an element of the thread's row of a value in shared memory."""
        return plus(times(Variable("own"), stride(node)), inside if width(node) > 1 else ZERO)

    def shared(self, node: Node) -> Expression:
        """The thread's element of a value in shared memory."""
        return subscript(self.rows[node], self.place(node))

    def given(self, stage: int) -> dict[Node, Given]:
        """What the emitter does not compute from inputs in a stage."""
        plan = self._plan
        given: dict[Node, Given] = {self._loop.step: always(STEP)}
        for node in (*self._loop.carries, *plan.tiles):
            if plan.stage_of[node] < stage or node in self._loop.carries:
                given[node] = partial(self._read, node)
        for k, node in enumerate(self.slices):
            given[node] = partial(self._slice, k, node)
        for node in plan.stage_of:
            if node.op == "matmul" and node not in given:
                given[node] = partial(self._product, node)
        return given

    def _read(self, node: Node, index: Index) -> Expression:
        """An element of the thread's own row of a carry or a tile."""
        scalar = C_TYPES[node.dtype]
        if node in self.carries and index == self.own(node):
            return self._emitter.define(scalar, self.carries[node])
        rest = self._emitter.part(index, tuple(range(1, len(index.shape))))
        place = self.place(node, self._emitter.position(rest))
        return self._emitter.define(scalar, subscript(self.rows[node], place))

    def _slice(self, k: int, node: Node, index: Index) -> Expression:
        """An element of a slice: the thread's own one is there already."""
        emitter = self._emitter
        if index == self.own(node):
            return emitter.define(C_TYPES[node.dtype], self.slice(k))
        given = emitter.given
        emitter.given = {x: rule for x, rule in given.items() if x is not node}
        value = emitter.value(node, index)
        emitter.given = given
        return value

    def _product(self, node: Node, index: Index) -> Expression:
        """The sum of a product, and of those that read the same row at the same time."""
        emitter, stage_of = self._emitter, self._plan.stage_of
        left = node.inputs[0]
        group = [node]
        if node in self.products and index == self.own(node):
            group = [
                x
                for x in self.products
                if x.inputs[0] is left and x.shape == node.shape and stage_of[x] == stage_of[node]
            ]
        column = emitter.coordinate(index, 1)
        inner, head = emitter.loop(left.shape[1])
        # Registers have no addresses: the loop over a column in them is written out. Its sum may
        # be of several parts then, since one addition would wait for the one before.
        unrolled = any(x.inputs[1] in self.columns for x in group)
        parts = _PARTS if unrolled and width(left) >= 2 * _PARTS else 1
        totals = {x: self._accumulator(x, parts) for x in group}
        with emitter.block(head, unrolled=unrolled):
            element = subscript(self.rows[left], self.place(left, inner))
            a = emitter.define(C_TYPES[left.dtype], element)
            for x, total in totals.items():
                matrix = x.inputs[1]
                if matrix in self.columns:
                    b = subscript(self.columns[matrix], inner)
                else:
                    place = plus(times(inner, emitter.signature.size(x.shape[1])), column)
                    b = subscript(self.matrices[matrix], place)
                part = subscript(total, modulo(inner, parts)) if parts > 1 else total
                emitter.assign(part, call("gc_add", part, call("gc_mul", a, b)))
        for x, total in totals.items():
            emitter.once((x, index), partial(self._sum, x, total, parts))
        return emitter.once((node, index), lambda: totals[node])

    def _accumulator(self, node: Node, parts: int) -> Expression:
        if parts == 1:
            return self._emitter.variable(node)
        name = self._emitter.name("s")
        zeros = ", ".join(["0"] * parts)
        self._emitter.line(f"{C_TYPES[node.dtype]} {name}[{parts}] = {{{zeros}}};")
        return name

    def _sum(self, node: Node, total: Expression, parts: int) -> Expression:
        """The sum of the parts, in a fixed tree."""
        terms = [subscript(total, k) for k in range(parts)] if parts > 1 else [total]
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=True)
            terms = [call("gc_add", first, second) for first, second in pairs]
        if parts == 1:
            return total
        return self._emitter.element(node, terms[0])
