"""From elements of nodes to statements: the walk over a kernel's graph, from its outputs back.

A kernel's program is built from what it stores: the value of an output at the coordinates of a loop
nest needs elements of its inputs, these need others, up to what is loaded. An op that moves
elements only changes coordinates. Each op has one rule: a generator that yields the elements that
it needs, gets their values, and returns its own. A list of suspended rules takes the place of
recursion, so a chain of nodes may be of any length.

**Where a statement stands.** An element is computed once, in the outermost block in which its
coordinates are known and proved to be those of an element: outside of loops whose variables it does
not depend on, and of conditions that it does not need. A statistic of a row that each element of it
reads is therefore ahead of the loop over these.

**Conditions.** What is not everywhere (an element of a padded value, a part of a concatenation) is
a `Select`, which evaluates no more than it takes. If statements are needed for it, as for a value
that is computed, these stand in an `If`, which stores what they give in a register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from graphc.compiler.graph import Node, origin_of
from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer, view
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.reshape import reshaped
from graphc.compiler.loops.build.storage import KernelBuffers, Storage
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import walk_value
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.statement import Allocate, Check, If, Let, Statement, Store
from graphc.compiler.loops.value import (
    Apply,
    Argument,
    Bit,
    Condition,
    Constant,
    IndexValue,
    Load,
    Local,
    Select,
    Value,
)
from graphc.compiler.schedule.inline import is_splat

T = TypeVar("T")
Need: TypeAlias = tuple[Node, Coords, Block]
"""An element of a node, and the block in which its value is needed."""
Rule: TypeAlias = Callable[["Builder", Node, Coords, Block], Generator[Need, Value, Value]]
IndexMap: TypeAlias = Callable[[Node, Coords, Ranges], Coords]

RULES: dict[str, Rule] = {}
"""The rule of each op that is neither pointwise nor an index map. It is given the block that its
statements stand in."""

MAPS: dict[str, IndexMap] = {}
"""The coordinates of the element of its input that each index map has at coordinates."""

NO_ATTRIBUTES: MappingProxyType[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Alternatives:
    """One of two values: the first where all conditions hold. Each has a block with the statements
    that it needs."""

    conditions: tuple[Condition, ...]
    block: Block
    value: Value | Alternatives
    otherwise_block: Block
    otherwise: Value | Alternatives

    @property
    def is_select(self) -> bool:
        """True if no value needs statements of its own."""
        return not any(block.statements for block in self._blocks())

    def _blocks(self) -> Iterator[Block]:
        yield self.block
        yield self.otherwise_block
        for value in (self.value, self.otherwise):
            if isinstance(value, Alternatives):
                yield from value._blocks()


class Builder:
    """The program of one kernel while it is built.

    Attributes:
        buffers: where values lie.
        arguments: what the program asks a call for, by name.
        words: the values of those arguments that are known: seeds and streams of draws.
        checks: the node and the words for what it tests of each `Check`, by its number.
        nodes: of each name, the node that it is an element of.
        beside: of a pooling, the nodes that are stored at each element of its windows.
        anywhere: the ranges that nothing is known in.
        gathered: of an `argmax_pool`, the `gather_pool`s that are computed in its pass, since their
            operands are at hand there.
        least_depth: the fewest blocks that are around a computed value: in a loop that writes what
            values are made of, they stand behind that.
        keeps_axes: True if a reshape of what is in memory is read by its own axes, as images are,
            whose windows are found by them.
    """

    def __init__(self, buffers: KernelBuffers, counted: Collection[Node] = ()):
        """Args:
        buffers: where values lie.
        counted: the leaves of `buffers.steps` whose steps the program has a loop over.
        """
        self.buffers = buffers
        self.anywhere = Ranges()
        self.arguments: dict[str, Argument] = {}
        self.words: dict[str, int] = {}
        self.checks: list[tuple[Node, str]] = []
        self.nodes: dict[str, Node] = {}
        self.beside: dict[Node, tuple[Node, ...]] = {}
        self.gathered: dict[Node, tuple[Node, ...]] = {}
        self.read: dict[Buffer, None] = {}
        self._constants: dict[Node, Constant | None] = {}
        self._views: dict[tuple[Buffer, Shape], Buffer] = {}
        self._words: dict[tuple[str, int], Argument] = {}
        self._counts: Counter[str] = Counter()
        self._block_of: dict[LoopVariable, Block] = {}
        self.least_depth = 0
        self.keeps_axes = False
        self.indices: dict[LoopVariable, Size] = {
            variable: end for leaf, (variable, end) in buffers.steps.items() if leaf not in counted
        }
        stored = [place for places in buffers.outputs.values() for place in places]
        for storage in (*buffers.inputs.values(), *stored):
            if storage.step is not None:
                self.indices[storage.step] = storage.buffer.shape[0]
        self._taken = {storage.buffer.name for storage in (*buffers.inputs.values(), *stored)}
        self._taken.update(variable.name for variable in self.indices)

    # ---- blocks ---------------------------------------------------------------------------------

    def body(self) -> Block:
        """Return a new body of the program."""
        ranges = self.anywhere
        for variable, end in self.indices.items():
            ranges = ranges.within(variable, end)
        return Block(None, ranges)

    def loops(
        self, block: Block, extents: Shape, prefix: str, note: str = ""
    ) -> tuple[Block, Coords]:
        """Return the body of loops over extents, one an axis that has not one element, and the
        coordinates in it. The note is at the first of them."""
        coords = []
        for extent in extents:
            if extent == 1:
                coords.append(as_index(0))
                continue
            block = self.loop(block, LoopVariable(self.name(prefix)), extent, note)
            note = ""
            assert block.variable is not None
            coords.append(index_of(block.variable))
        return block, tuple(coords)

    def loop(self, block: Block, variable: LoopVariable, extent: Size, note: str = "") -> Block:
        """Return the body of a loop over an extent."""
        inner = self._block_of[variable] = block.loop(variable, as_index(extent), note)
        return inner

    def home(self, block: Block, coords: Coords, shape: Shape) -> Block:
        """Return the block in which an element of a shape that is needed in a block is computed."""
        depths = [
            found.depth
            for coord in coords
            for variable in coord.variables
            if (found := self._block_of.get(variable)) is not None
        ]
        return block.home(coords, shape, max([self.least_depth, *depths]))

    # ---- names ----------------------------------------------------------------------------------

    def name(self, prefix: str) -> str:
        """Return a new name: t0, t1, ..."""
        while True:
            name = f"{prefix}{self._counts[prefix]}"
            self._counts[prefix] += 1
            if name not in self._taken:
                return name

    def argument(self, name: str, dtype: str) -> Argument:
        """Return a number that each call gives."""
        return self.arguments.setdefault(name, Argument(name, dtype))

    def word(self, value: int, what: str) -> Argument:
        """Return a uint32 that a call gives and that is always this one, so that kernels that
        differ in it alone are one program; `what` is its meaning."""
        known = self._words.get((what, value))
        if known is None:
            known = self._words[what, value] = self.argument(self.name("w"), "uint32")
            self.words[known.name] = value
        return known

    # ---- statements -----------------------------------------------------------------------------

    def let(self, block: Block, node: Node, value: Value) -> Local:
        """Return a new name for the value of an element of a node."""
        local = self.named(block, "t", value, note(node))
        self.nodes[local.name] = node
        return local

    def named(self, block: Block, prefix: str, value: Value, note: str = "") -> Local:
        """Return a new name for a value."""
        local = Local(self.name(prefix), value.dtype)
        block.add(Let(local, value, note))
        return local

    def register(self, block: Block, prefix: str, dtype: str) -> Load:
        """Return the element of a new register."""
        buffer = new_buffer(self.name(prefix), dtype, (), BufferScope.REGISTER)
        block.add(Allocate(buffer))
        return Load(buffer, ())

    def check(
        self, block: Block, node: Node, what: str, value: Value, end: Size, position: Index
    ) -> Index:
        """Return a new variable that is a value that has to be below `end`, in a block."""
        number = len(self.checks)
        self.checks.append((node, what))
        return self._as_index(block, Check(self._index(), value, end, number, position))

    def known_index(self, block: Block, value: Value, end: Size) -> Index:
        """Return a new variable that is a value that is known to be below `end`, in a block."""
        known = Check(self._index(), value, end, 0, as_index(0), is_tested=False)
        return self._as_index(block, known)

    def _index(self) -> LoopVariable:
        return LoopVariable(self.name("g"))

    def _as_index(self, block: Block, check: Check) -> Index:
        variable, end = check.variable, check.end
        block.add(check)
        self._block_of[variable] = block
        block.ranges = block.ranges.within(variable, end)
        return index_of(variable)

    def chosen(self, block: Block, node: Node, alternatives: Alternatives) -> Value:
        """Return the value that alternatives have, as an element of a node."""
        if alternatives.is_select:
            value = _selected(alternatives)
            # A border around a border: without a statement, the outer one may be a select, too.
            return value if block.conditions else self.let(block, node, value)
        register = self.register(block, "c", node.dtype)
        block.add(_stored_choice(alternatives, register))
        return register

    def stores(self, block: Block, elements: Sequence[tuple[Node, Coords, Value]]) -> list[Store]:
        """Return stores of elements of outputs, each to all of its places. Where there are several,
        a value that is read from what they write gets a name first."""
        places = [self.buffers.outputs[node] for node, _, _ in elements]
        written = {storage.buffer.memory for found in places for storage in found}
        is_lone = sum(map(len, places)) == 1
        found = []
        for (node, coords, value), storages in zip(elements, places, strict=True):
            if not is_lone and any(
                isinstance(part, Load) and part.buffer.memory in written
                for part in walk_value(value)
            ):
                value = self.let(block, node, value)
            found += [
                Store(storage.element(coords), value, guarded=storage.guarded)
                for storage in storages
            ]
        return found

    # ---- values ---------------------------------------------------------------------------------

    def run(self, walk: Generator[Need, Value, T]) -> T:
        """Return what a generator returns, given the values of the elements that it yields."""
        waiting: list[Generator[Need, Value, Any]] = [walk]
        value: Any = None
        while waiting:
            try:
                need = waiting[-1].send(value)
            except StopIteration as stop:
                value = stop.value
                waiting.pop()
                continue
            value = self._known(*need)
            if value is None:
                waiting.append(self._computed(*need))
        result: T = value
        return result

    def _known(self, node: Node, coords: Coords, block: Block) -> Value | None:
        """Return the value of an element that is in memory, a literal, or computed already."""
        storage = self.buffers.inputs.get(node)
        if storage is not None:
            return self._loaded(storage, coords)
        if node.op == "reshape" and self.keeps_axes:
            storage = self.buffers.inputs.get(node.inputs[0])
            if storage is not None and storage.is_whole:
                return self._reshaped(node, storage.buffer, coords, block)
        if node.op == "constant":
            return self._literal(node)
        step = self.buffers.steps.get(node)
        if step is not None:
            return IndexValue(index_of(step[0]), node.dtype)
        return block.find((node, coords))

    def _computed(self, node: Node, coords: Coords, block: Block) -> Generator[Need, Value, Value]:
        move = MAPS.get(node.op)
        if move is not None:
            value = yield node.inputs[0], move(node, coords, block.ranges), block
            block.known[node, coords] = value
            return value
        home = self.home(block, coords, node.shape)
        value = yield from RULES.get(node.op, _pointwise)(self, node, coords, home)
        home.known[node, coords] = value
        return value

    def _loaded(self, storage: Storage, coords: Coords) -> Value:
        self.read[storage.buffer] = None
        element = storage.element(coords)
        return element if storage.bit is None else Bit(element, storage.bit)

    def _reshaped(self, node: Node, buffer: Buffer, coords: Coords, block: Block) -> Value:
        """Return an element of a reshape of what is in memory: of a view of its shape, where one
        coordinate of the memory's own shape would be made of several."""
        own = reshaped(coords, node.shape, node.inputs[0].shape, block.ranges)
        self.read[buffer] = None
        if all(one.is_constant or one in coords for one in own):
            return Load(buffer, own)
        key = buffer, node.shape
        if key not in self._views:
            self._views[key] = view(buffer, self.name(f"{buffer.name}_view"), node.shape)
        return Load(self._views[key], coords)

    def _literal(self, node: Node) -> Constant:
        found = self._constants.get(node)
        if found is None:
            assert is_splat(node), "an array of different numbers lies in memory"
            found = Constant(node.attrs["value"].flat[0].item(), node.dtype)
            self._constants[node] = found
        return found


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Register how elements of ops are computed."""

    def register(function: Rule) -> Rule:
        for op in ops:
            assert op not in RULES, op
            RULES[op] = function
        return function

    return register


def index_map(op: str) -> Callable[[IndexMap], IndexMap]:
    """Register where an op finds its elements."""

    def register(function: IndexMap) -> IndexMap:
        assert op not in MAPS, op
        MAPS[op] = function
        return function

    return register


def note(node: Node) -> str:
    """Return the layer that made a node."""
    origin = origin_of(node)
    return str(origin) if origin is not None else ""


def undecided(ranges: Ranges, conditions: Iterable[Condition]) -> tuple[Condition, ...] | None:
    """Return the conditions that ranges do not prove; None if they refute one."""
    left = []
    for one in conditions:
        index = ranges.simplified(one.index)
        if one.equal:
            if index is as_index(0):
                continue
            refuted = ranges.is_never_negative(index - 1) or ranges.is_never_negative(-index - 1)
        else:
            if ranges.is_never_negative(index):
                continue
            refuted = ranges.is_never_negative(-index - 1)
        if refuted:
            return None
        left.append(Condition(index, one.equal))
    return tuple(dict.fromkeys(left))


def _pointwise(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    operands = []
    for x in node.inputs:
        operands.append((yield x, coords, block))
    return builder.let(block, node, Apply(node.op, tuple(operands), node.dtype, node.attrs))


def _selected(value: Value | Alternatives) -> Value:
    if not isinstance(value, Alternatives):
        return value
    return Select(value.conditions, _selected(value.value), _selected(value.otherwise))


def _stored_choice(alternatives: Alternatives, register: Load) -> Statement:
    """Return the statement that stores the alternative that holds."""
    bodies = []
    for block, value in (
        (alternatives.block, alternatives.value),
        (alternatives.otherwise_block, alternatives.otherwise),
    ):
        last = (
            _stored_choice(value, register)
            if isinstance(value, Alternatives)
            else Store(register, value)
        )
        bodies.append((*block.body, last))
    return If(alternatives.conditions, *bodies)
