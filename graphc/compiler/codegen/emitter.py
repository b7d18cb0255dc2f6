"""From a node and an index to lines of CUDA C: the one place where op names become text.

A kernel's text is printed backwards: its template asks for the value of an output at the element
that a thread owns, and the emitter asks for the inputs' values at the elements that this one needs.
Movement ops therefore cost no memory: they only change the index.

    >>> emitter.value(node, linear(node.shape, "i"))
    't3'
    >>> print(emitter.text)
    const float t0 = x0[i];
    const float t1 = x1[i % 512];
    const float t2 = gc_add(t0, t1);  // dense_1
    const float t3 = gc_maximum(t2, 0.0f);  // dense_1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    call,
    counting,
    literal,
    modulo,
    over,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.printer import Printer
from graphc.compiler.codegen.signature import Place, Signature
from graphc.compiler.codegen.statement import Statement
from graphc.compiler.codegen.traffic import Asked
from graphc.compiler.graph import Node, origin_of
from graphc.compiler.graph.dim import Size, product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.program.launch import ONCE, Count
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.schedule.inline import is_splat
from graphc.compiler.schedule.relation import Split, split_of
from graphc.compiler.targets.c_text import C_TYPES, comment

Rule = Callable[["Emitter", Node, Index], Expression]
Map = Callable[["Emitter", Node, Index], Index]
Given = Callable[[Index], Expression]

RULES: dict[str, Rule] = {}
"""How the value of each op that is neither pointwise nor an index map is printed."""

MAPS: dict[str, Map] = {}
"""Which element of its input each index map has at an index."""


@dataclass
class Pack:
    """Four neighbouring elements that a thread walks one after the other.

    Attributes:
        element: the variable that holds the position of the walked element.
        lane: the variable that holds its place among the four.
        first: the variable that holds the position of the first of them, a multiple of four, where
            the template prints `statements` before the walk.
        loads: what is read at `element`, by pointer: the template loads it a pack at a time, as
            ``pack_<pointer>``.
        statements: what is computed once for a pack.
    """

    element: Expression
    lane: Expression
    first: Expression | None = None
    loads: dict[Expression, Place] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)


class Emitter(Printer):
    """Prints the body of one kernel function.

    Attributes:
        signature: the function's parameters.
        given: values that the template itself has (the sum of a product's tile, a reduction's
            result), as a function from an index to an expression.
        pack: of a kernel in which a thread walks packs of elements.
        asked: what the lines read from memory, until `take_asked`.
        by_position: whether a gather of whole rows is best read by positions, not coordinates.
        rows: of positions that are known to be in one row along the first axis, that row and the
            position in it.
    """

    by_position = True

    def __init__(self, signature: Signature, pack: Pack | None = None):
        super().__init__()
        self.signature = signature
        self.given: dict[Node, Given] = {}
        self.pack = pack
        self.asked: list[Asked] = []
        self.rows: dict[Index, tuple[Size, Expression]] = {}
        self._splits: dict[tuple[Node, Index], Split] = {}

    # ---- text -----------------------------------------------------------------------------------

    def take_asked(self) -> list[Asked]:
        """What has been read since the last time."""
        asked, self.asked = self.asked, []
        return asked

    @contextmanager
    def once_for(self, pack: Pack) -> Iterator[None]:
        """Statements that are run once for a pack, before the thread walks its elements."""
        with self.apart(Count(over=(PACK,))) as statements:
            yield
        pack.statements += statements

    def loop(self, size: Size) -> tuple[Expression, Expression]:
        """A new loop variable over a size, and the head of its loop."""
        name = self.name("r")
        head = counting(name, self.signature.size(size))
        self._runs[head] = Count((size,))
        return name, head

    # ---- places ---------------------------------------------------------------------------------

    def position(self, index: Index) -> Expression:
        """The index's place in C order, as a name or a number."""
        return index.linear if index.linear is not None else self.integer(self.place(index))

    def place(self, index: Index) -> Expression:
        """The index's place in C order, as an expression."""
        if index.linear is not None:
            return index.linear
        assert index.coords is not None
        place = ZERO
        for coord, size in zip(index.coords, index.shape, strict=True):
            place = plus(times(place, self.signature.size(size)), coord)
        return place

    def coordinate(self, index: Index, axis: int) -> Expression:
        """The index's coordinate along one axis."""
        if index.coords is not None:
            return index.coords[axis]
        return self._run(index, axis, axis + 1)

    def coordinates(self, index: Index) -> Coordinates:
        """The index's coordinates along all axes."""
        return tuple(self.coordinate(index, axis) for axis in range(len(index.shape)))

    def _run(self, index: Index, start: int, stop: int) -> Expression:
        """The position within axes start..stop alone, of an index that has a position."""
        assert index.linear is not None
        size = self.signature.size
        run = over(index.linear, size(product(index.shape[stop:])))
        if product(index.shape[:start]) != 1:
            run = modulo(run, size(product(index.shape[start:stop])))
        if product(index.shape[start:stop]) == 1:
            return ZERO
        return self.integer(run)

    def part(self, index: Index, axes: tuple[int, ...]) -> Index:
        """The index along some of its axes, in order."""
        shape = tuple(index.shape[axis] for axis in axes)
        if index.coords is not None:
            return Index(shape, coords=tuple(index.coords[axis] for axis in axes))
        if not axes:
            return Index((), coords=())
        if axes == tuple(range(axes[0], axes[-1] + 1)):
            return Index(shape, linear=self._run(index, axes[0], axes[-1] + 1))
        return Index(shape, coords=tuple(self.coordinate(index, axis) for axis in axes))

    # ---- values ---------------------------------------------------------------------------------

    def value(self, node: Node, index: Index) -> Expression:
        """A name or literal with the node's value at an index."""
        result: Expression | None = self._known((node, index))
        if result is not None:
            return result
        # A chain may be longer than Python's stack is deep, so its elements wait in a list.
        pending = [(node, index)]
        reads: dict[tuple[Node, Index], list[tuple[Node, Index]]] = {}
        while pending:
            element = pending[-1]
            result = self._known(element)
            if result is None:
                if element not in reads:
                    reads[element] = self._reads(*element)
                waiting = [x for x in reads[element] if self._known(x) is None]
                if waiting:
                    pending += reversed(waiting)
                    continue
                result = self.once(element, partial(self._value, *element, reads[element]))
            pending.pop()
        assert result is not None
        return result

    def has(self, node: Node) -> bool:
        """Whether a node is not computed here: the template has it, or memory."""
        return (
            node in self.given or node in self.signature.counters or node in self.signature.places
        )

    def _reads(self, node: Node, index: Index) -> list[tuple[Node, Index]]:
        """The elements that a pointwise node or an index map reads, if it is computed here."""
        if self.has(node):
            return []
        split = self._splits.get((node, index))
        if OPS[node.op].family == "pointwise":
            reads = [(x, Index(x.shape, index.linear, index.coords)) for x in node.inputs]
        elif node.op in MAPS:
            reads = [(node.inputs[0], MAPS[node.op](self, node, index))]
        else:
            return []
        if node.op == "broadcast":
            split = split_of(node.shape, node.attrs["axes"])
        if split is not None:
            for x, at in reads:
                self.spread(x, at, split)
        return reads

    def _value(self, node: Node, index: Index, reads: Sequence[tuple[Node, Index]]) -> Expression:
        """What is printed for an element; `reads` as `_reads` gives them."""
        if node in self.given:
            return self.given[node](index)
        if node in self.signature.counters:
            return self.signature.loop_step(self.signature.counters[node])
        place = self.signature.places.get(node)
        if place is not None:
            return self.load(node, place, index)
        operands = [self.value(x, at) for x, at in reads]
        if OPS[node.op].family == "pointwise":
            return self._pointwise(node, operands)
        return operands[0] if node.op in MAPS else RULES[node.op](self, node, index)

    def pack_at(self, position: Expression) -> Pack | None:
        """The pack, if a position is that of its element, and so are its neighbours. Inside of a
        condition (a part of a concat) the value may end where the pack does not."""
        walked = self.pack is not None and position == self.pack.element
        return self.pack if walked and len(self._scopes) == 1 else None

    @property
    def loads(self) -> list[tuple[str, Expression]]:
        """The type and the pointer of each value that is loaded a pack at a time."""
        found = self.pack.loads if self.pack is not None else {}
        return [(C_TYPES[place.dtype], pointer) for pointer, place in found.items()]

    def load(self, node: Node, place: Place, index: Index) -> Expression:
        """The element of a value in memory."""
        if place.bit is None:
            return self._load(node, place, index)
        packed = (place.pointer, self.position(index))
        byte = self.once(packed, partial(self._load, node, place, index))
        return self.define("bool", place.element(byte))

    def _load(self, node: Node, place: Place, index: Index) -> Expression:
        """Return the stored element of a value."""
        pointer = self.signature.load_pointer(place)
        position = self.position(index)
        scalar = C_TYPES[place.dtype]
        self.ask(node, split=self._splits.get((node, index)))
        pack = self.pack_at(position)
        if pack is not None and place.step is None:
            pack.loads[pointer] = place
            return self.define(scalar, subscript(f"pack_{pointer}.of", pack.lane))
        offset = self.signature.offset(place, node.shape)
        element = subscript(pointer, plus(offset, position))
        return self.define(scalar, self.read(place.dtype, element))

    def read(self, dtype: str, element: Expression) -> Expression:
        """Return the expression that reads an element in memory."""
        return element

    def ask(self, node: Node, times: Count = ONCE, split: Split | None = None) -> None:
        """Note that a line reads an element of a value in memory, or `times` elements; `split` is
        what `spread` says of them."""
        for scope in self._scopes:
            times = times * scope.runs
        self.asked.append(Asked(node, self.signature.places[node], times, split))

    def spread(self, node: Node, index: Index, split: Split) -> None:
        """Note that what is read at an index is the same for the dropped runs of the elements."""
        self._splits[node, index] = split

    def _pointwise(self, node: Node, operands: list[Expression]) -> Expression:
        scalar = C_TYPES[node.dtype]
        function = f"gc_cast<{scalar}>" if node.op == "cast" else f"gc_{node.op}"
        return self.element(node, call(function, *operands))

    def element(self, node: Node, value: Expression) -> Expression:
        """A new constant that holds an element of a node's value."""
        name = self.define(C_TYPES[node.dtype], value, note=note(node), is_element=True)
        self.signature.holds(name, node)
        return name

    def variable(self, node: Node, start: Expression = ZERO, prefix: str = "t") -> Expression:
        """A local variable of the node's type that later statements may assign to."""
        name = self.declare(C_TYPES[node.dtype], start, prefix, note(node), True)
        self.signature.holds(name, node)
        return name


def always(value: Expression) -> Given:
    """One expression at every index: the only element of its value that a thread asks for."""
    return lambda index: value


def note(node: Node) -> str:
    """The comment behind a node's line: the layer that made it."""
    origin = origin_of(node)
    return comment(origin) if origin is not None else ""


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Register how ops are printed."""

    def register(function: Rule) -> Rule:
        for op in ops:
            assert op not in RULES, op
            RULES[op] = function
        return function

    return register


def index_map(op: str) -> Callable[[Map], Map]:
    """Register where an op finds its elements."""

    def register(function: Map) -> Map:
        assert op not in MAPS, op
        MAPS[op] = function
        return function

    return register


def splat(node: Node) -> Expression | None:
    """The literal of a constant whose elements are all one value, else None."""
    if not is_splat(node):
        return None
    return literal(node.attrs["value"].flat[0], node.dtype)
