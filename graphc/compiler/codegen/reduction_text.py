"""The text of the walks of a reduction kernel, for its template to put into loops."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.c_text import C_TYPES, modulo, over, plus, times
from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emit_loops import accumulator
from graphc.compiler.codegen.emitter import Emitter, note
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.reduction import Domain, Walk, held_of
from graphc.compiler.codegen.signature import Place, Signature
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product

ELEMENT = "i"
"""The variable that holds the walked element's place in the domain."""
PART = "part"
"""The variable that counts the elements of a pack."""
PACK = 4
CHUNK = 32
"""Terms of a sum that a thread adds up one by one; their sums are added up in turn."""


@dataclass(frozen=True)
class Accumulator:
    """A reduction as its walk sees it: the C type that it is carried in, the class of its functions
    (kernels/reduce.cuh), the type of an element, the variable, and the constant of the result."""

    carried: str
    functions: str
    scalar: str
    name: str
    result_type: str
    result: str
    long_sum: bool
    note: str

    @property
    def identity(self) -> str:
        return f"{self.functions}::identity<{self.scalar}>()"


@dataclass(frozen=True)
class WalkText:
    """What a template needs of a walk.

    Attributes:
        title: what the walk is for.
        before: lines of the row, ahead of the loop.
        arrays: (type, name) of values that are held from here on.
        accumulators: what the walk reduces.
        start: lines of a pack, ahead of its elements; of an element where there are no packs.
        lines: lines of an element.
        loads: (type, pointer) of inputs that are read a pack at a time.
        packs: (type, pointer, value, guard) of results that are stored a pack at a time.
        long_sum: whether a sum of many terms has to be divided, so that its error stays small.
    """

    title: str
    before: str
    arrays: list[tuple[str, str]]
    accumulators: list[Accumulator]
    start: str
    lines: str
    loads: list[tuple[str, str]]
    packs: list[tuple[str, str, str, str]]

    def mentions(self, name: str) -> bool:
        """Whether the lines of an element, or those ahead of it, use a variable."""
        return _mentions(self.start, name) or _mentions(self.lines, name)

    @property
    def long_sum(self) -> bool:
        return any(one.long_sum for one in self.accumulators)


@dataclass(frozen=True)
class Names:
    """The variables of a template: which row it is at, and which element of the row.

    Attributes:
        row, place: ints, from zero.
        slot: of a held array, the walked element's, or None where nothing is held.
        wide: whether a thread walks packs of four elements that lie side by side.
        guard: a condition under which the thread may store, or nothing.
    """

    row: str
    place: str
    slot: str | None = None
    wide: bool = False
    guard: str = ""


@dataclass(frozen=True)
class Course:
    """How threads go over the elements of a row; templates/walks.j2 prints it.

    Attributes:
        at: the variable that counts elements, or packs of four.
        wide: whether they are packs.
        thread: an expression: which of the threads of the row this is.
        threads: how many the row has.
        count: an expression: how many elements or packs.
        turns: how many each thread comes to where they are unrolled, else None.
        divided: whether the blocks of the grid's axis y share a row.
        short: whether the count is known to be small, though it is no number.
    """

    at: str
    wide: bool
    thread: str
    threads: int
    count: str
    turns: int | None = None
    divided: bool = False
    short: bool = False

    @property
    def first(self) -> str:
        return f"{self.thread} + {self.threads} * blockIdx.y" if self.divided else self.thread

    @property
    def stride(self) -> str:
        return "stride" if self.divided else str(self.threads)

    @property
    def chunk(self) -> int | None:
        """The turns after which the sums so far are put aside; None where there are no more."""
        turns = CHUNK // PACK if self.wide else CHUNK
        most = int(self.count) if self.count.isdigit() else None
        fits = self.short or (most is not None and most <= turns * self.threads)
        return None if fits else turns


def counted(length: str, wide: bool) -> str:
    """How many elements, or packs, there are among `length` elements."""
    if not wide:
        return length
    return str(int(length) // PACK) if length.isdigit() else over(length, str(PACK))


class WalkPrinter:
    """Prints the walks of one kernel function, one after the other."""

    def __init__(self, context: Context, signature: Signature, domain: Domain, names: Names):
        self.emitter = Emitter(signature, lanes=(ELEMENT, PART) if names.wide else None)
        self._context = context
        self._signature = signature
        self._domain = domain
        self._names = names
        self._kept: tuple[str, ...] = ()
        self._arrays: dict[Node, str] = {}

    # ---- the row --------------------------------------------------------------------------------

    def row(self) -> str:
        """The lines that work out where a row lies."""
        self._kept = self._coordinates(self._domain.kept_runs, self._names.row)
        return self.emitter.take()

    def _coordinates(self, runs: Sequence, position: str) -> tuple[str, ...]:
        return self.emitter.coordinates(Index(tuple(runs), linear=position))

    def results(self, outputs: Sequence[Node]) -> str:
        """The lines that compute and store the results of which a row has one."""
        row = self._names.row
        values = [self.emitter.value(node, Index(node.shape, linear=row)) for node in outputs]
        for node, value in zip(outputs, values, strict=True):
            for place in self._context.sinks[node]:
                pointer = self._signature.store_pointer(place)
                target = plus(self._signature.offset(place, node.shape), row)
                guard = f"if (gc_ok({self._signature.status()})) " if place.guarded else ""
                self.emitter.line(f"{guard}{pointer}[{target}] = {value};")
        return self.emitter.take()

    # ---- the walks ------------------------------------------------------------------------------

    def walks(self, walks: Sequence[Walk]) -> list[WalkText]:
        """The texts of all walks of a row."""
        held = set(held_of(walks)) if self._names.slot is not None else set()
        return [self._walk(walk, held) for walk in walks]

    def _walk(self, walk: Walk, held: set[Node]) -> WalkText:
        before = self._spread(walk.spreads)
        accumulators = [self._accumulator(anchor) for anchor in walk.anchors]
        start = self._start()
        packs = self._element(walk, accumulators)
        arrays = []
        for node in walk.computed:
            if node in held:
                arrays.append((C_TYPES[node.dtype], self._hold(node)))
        lines = self.emitter.take()
        loads = [(C_TYPES[place.dtype], name) for name, place in self.emitter.packed.items()]
        self.emitter.packed = {}
        for anchor, one in zip(walk.anchors, accumulators, strict=True):
            self.emitter.given[anchor] = lambda _, name=one.result: name
        if self._names.wide:
            place = self._names.place
            wanted = [(place, f"first_{place}"), (ELEMENT, "first")]
            heads = [f"const int {x} = {y} + {PART};" for x, y in wanted if _mentions(lines, x)]
            lines = "\n".join([*heads, lines])
            if not (loads or packs or heads):
                start = ""
        elif not _mentions(lines, ELEMENT):
            start = ""
        return WalkText(_title(walk), before, arrays, accumulators, start, lines, loads, packs)

    def parts(self, walk: Walk, places: Sequence[Place], count: str) -> WalkText:
        """The walk over the parts of a row's reductions, of which there are `count`."""
        names = self._names
        accumulators = [self._accumulator(anchor) for anchor in walk.anchors]
        for anchor, one, place in zip(walk.anchors, accumulators, places, strict=True):
            part = f"{self._signature.load_pointer(place)}[{ELEMENT}]"
            self.emitter.line(f"{one.name} = {one.functions}::combine({one.name}, {part});")
            self.emitter.given[anchor] = lambda _, name=one.result: name
        start = f"const int {ELEMENT} = {plus(times(names.row, count), names.place)};"
        return WalkText(_title(walk), "", [], accumulators, start, self.emitter.take(), [], [])

    def _spread(self, spreads: Sequence[Node]) -> str:
        """The values of the row, and scalars, that elements read: computed ahead of the loop."""
        emitter = self.emitter
        for node in spreads:
            (x,) = node.inputs
            ours = product(x.shape) != 1
            position = self._names.row if ours else "0"
            name = emitter.value(x, Index(x.shape, linear=position))
            emitter.given[node] = lambda _, name=name: name
            if ours and x not in emitter.given:
                self._give(x, position, lambda name=name: name)
        return emitter.take()

    def _give(self, node: Node, position: str, name: Callable[[], str]) -> None:
        """Let a node's value at one position be known by a name."""
        emitter = self.emitter

        def given(index: Index) -> str:
            if index.linear == position:
                return name()
            del emitter.given[node]  # at another element it is computed as if nothing were known
            try:
                return emitter.value(node, index)
            finally:
                emitter.given[node] = given

        emitter.given[node] = given

    def _accumulator(self, anchor: Node) -> Accumulator:
        dtype = anchor.inputs[0].dtype
        carried, functions = accumulator(anchor.op, dtype)
        return Accumulator(
            carried,
            functions,
            C_TYPES[dtype],
            self.emitter.name("a"),
            C_TYPES[anchor.dtype],
            self.emitter.name("t"),
            anchor.op in ("sum", "prod") and dtype.startswith("float"),
            note(anchor),
        )

    def _start(self) -> str:
        """The lines that work out where an element, or a pack of them, lies."""
        names, emitter = self._names, self.emitter
        wide = names.wide
        place = f"first_{names.place}" if wide else names.place
        if wide:
            emitter.line(f"const int {place} = 4 * pack;")
        reduced = iter(self._coordinates(self._domain.reduced_runs, place))
        kept = iter(self._kept)
        coords = [next(kept if stays else reduced) for _, stays in self._domain.runs]
        text = "0"
        for coord, (size, _) in zip(coords, self._domain.runs, strict=True):
            text = plus(times(text, self._signature.size(size)), coord)
        emitter.line(f"const int {'first' if wide else ELEMENT} = {text};")
        lines = emitter.take()
        if wide:  # the last coordinate is that of the pack's first element
            coords[-1] = names.place if len(self._domain.reduced_runs) == 1 else ""
        self._know(coords)
        return lines

    def _know(self, coords: Sequence[str]) -> None:
        """The element's coordinates along the runs, by the text that asks for them."""
        size = self._signature.size
        runs = [extent for extent, _ in self._domain.runs]
        for axis, coord in enumerate(coords):
            text = over(ELEMENT, size(product(runs[axis + 1 :])))
            if axis:
                text = modulo(text, size(runs[axis]))
            if coord and text != ELEMENT:
                self.emitter.once(("int", text), lambda coord=coord: coord)

    def _element(
        self, walk: Walk, accumulators: Sequence[Accumulator]
    ) -> list[tuple[str, str, str, str]]:
        """Print what the walk computes at an element. Returns what is stored a pack at a time."""
        emitter, names = self.emitter, self._names
        values = {}
        for node in (*(x.inputs[0] for x in walk.anchors), *walk.outputs):
            values[node] = emitter.value(node, Index(node.shape, linear=ELEMENT))
        for anchor, one in zip(walk.anchors, accumulators, strict=True):
            value = values[anchor.inputs[0]]
            if anchor.op.startswith("arg"):
                value = f"{one.functions}::element({value}, {names.place})"
            emitter.line(f"{one.name} = {one.functions}::combine({one.name}, {value});")
        packs = []
        for node in walk.outputs:
            for place in self._context.sinks[node]:
                pointer = self._signature.store_pointer(place)
                conditions = [names.guard] if names.guard else []
                if place.guarded:
                    conditions.append(f"gc_ok({self._signature.status()})")
                guard = f"if ({' && '.join(conditions)}) " if conditions else ""
                if names.wide and place.step is None:
                    packs.append((C_TYPES[place.dtype], pointer, values[node], guard))
                    continue
                target = plus(self._signature.offset(place, node.shape), ELEMENT)
                emitter.line(f"{guard}{pointer}[{target}] = {values[node]};")
        return packs

    def _hold(self, node: Node) -> str:
        """Keep the element's value for later walks. Returns the name of the array."""
        emitter, slot = self.emitter, self._names.slot
        value = emitter.value(node, Index(node.shape, linear=ELEMENT))
        array = emitter.name("e")
        emitter.line(f"{array}[{slot}] = {value};")
        self._give(node, ELEMENT, lambda: f"{array}[{slot}]")
        return array


def _title(walk: Walk) -> str:
    parts = [anchor.op for anchor in walk.anchors]
    parts += ["results"] if walk.outputs else []
    return ", ".join(parts)


def _mentions(lines: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", lines) is not None
